/** Tensors in the formats of other libraries: safetensors, and NumPy's npy and npz. */
import type { Device } from '../device/device.ts';
import { resolveDevice, type TorchDevice } from '../tensor/devices.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { ArrayRecord } from './arrays.ts';
import { readSource, type Sink, type Source, writeSink } from './files.ts';
import { readNpy, readNpz, writeNpy, writeNpz } from './npy.ts';
import { readSafetensors, writeSafetensors } from './safetensors.ts';
import { arrayFromTensor, tensorFromArray } from './tensors.ts';

export interface DeviceOption {
  /** Where the tensors go; the CPU unless given. */
  device?: string | TorchDevice;
}

/** Tensors by name: a Map (such as a state dict) or a plain object. */
export type NamedTensors = ReadonlyMap<string, Tensor> | Readonly<Record<string, Tensor>>;

function deviceOf(options: DeviceOption): Device {
  return resolveDevice(options.device ?? 'cpu');
}

function mapValues<A, B>(map: ReadonlyMap<string, A>, fn: (value: A) => B): Map<string, B> {
  return new Map([...map].map(([name, value]) => [name, fn(value)]));
}

function arraysOf(tensors: NamedTensors): Map<string, ArrayRecord> {
  const map = tensors instanceof Map ? tensors : new Map(Object.entries(tensors));
  // Copies: making one tensor dense can move the memory that a view of another one looks at.
  return mapValues(map as ReadonlyMap<string, Tensor>, (tensor) => {
    const { dtype, shape, bytes } = arrayFromTensor(tensor);
    return new ArrayRecord(dtype, shape, bytes.slice());
  });
}

/**
 * Loads a safetensors file: its tensors by name. https://huggingface.co/docs/safetensors
 *
 * `f` is a path (in Node) or the bytes of the file. Throws a RuntimeError for a file that breaks a rule of the format.
 *
 * @example
 * ```ts
 * const bytes = torch.saveSafetensors({ weight: torch.ones(2, 3) });
 * console.log(torch.loadSafetensors(bytes).get('weight')?.shape); // => torch.Size([2, 3])
 * ```
 */
export function loadSafetensors(f: Source, options: DeviceOption = {}): Map<string, Tensor> {
  const { tensors } = readSafetensors(readSource(f));
  return mapValues(tensors, (array) => tensorFromArray(array, deviceOf(options)));
}

/** The free-form texts in the header of a safetensors file. */
export function safetensorsMetadata(f: Source): Map<string, string> {
  return readSafetensors(readSource(f)).metadata;
}

/**
 * Saves tensors by name as a safetensors file. Without `f` its bytes are returned. Tensors that share memory are written each for itself.
 * Throws an OSError where the file cannot be written.
 */
export function saveSafetensors(tensors: NamedTensors): Uint8Array;
export function saveSafetensors(
  tensors: NamedTensors,
  f: undefined,
  options?: { metadata?: Readonly<Record<string, string>> },
): Uint8Array;
export function saveSafetensors(
  tensors: NamedTensors,
  f: Sink,
  options?: { metadata?: Readonly<Record<string, string>> },
): void;
export function saveSafetensors(
  tensors: NamedTensors,
  f?: Sink,
  options: { metadata?: Readonly<Record<string, string>> } = {},
): Uint8Array | undefined {
  const metadata = new Map(Object.entries(options.metadata ?? {}));
  return writeSink(writeSafetensors(arraysOf(tensors), metadata), f);
}

/** Loads an npy file of NumPy: one tensor. Throws a ValueError for a file that is broken. */
export function loadNpy(f: Source, options: DeviceOption = {}): Tensor {
  return tensorFromArray(readNpy(readSource(f)), deviceOf(options));
}

/** Saves one tensor as an npy file of NumPy. Without `f` its bytes are returned. bfloat16 does not exist in NumPy: a NotImplementedError. */
export function saveNpy(tensor: Tensor): Uint8Array;
export function saveNpy(tensor: Tensor, f: Sink): void;
export function saveNpy(tensor: Tensor, f?: Sink): Uint8Array | undefined {
  return writeSink(writeNpy(arrayFromTensor(tensor)), f);
}

/** Loads an npz archive of NumPy: its arrays by name. Compressed archives can be loaded in Node. */
export function loadNpz(f: Source, options: DeviceOption = {}): Map<string, Tensor> {
  return mapValues(readNpz(readSource(f)), (array) => tensorFromArray(array, deviceOf(options)));
}

/** Saves tensors by name as an npz archive of NumPy (not compressed). Without `f` its bytes are returned. */
export function saveNpz(tensors: NamedTensors): Uint8Array;
export function saveNpz(tensors: NamedTensors, f: Sink): void;
export function saveNpz(tensors: NamedTensors, f?: Sink): Uint8Array | undefined {
  return writeSink(writeNpz(arraysOf(tensors)), f);
}
