/** Devices as users see them: names, `torch.device`, moving tensors. */
import { printsAs } from '../base/inspect.ts';
import { ArgumentTypeError } from '../base/errors.ts';
import { type Device, getDevice } from '../device/device.ts';
import { empty } from './allocate.ts';
import { record } from './record.ts';
import type { Tensor } from './tensor.ts';

/** What `x.device` returns: prints and compares by its type. */
export class TorchDevice {
  readonly type: string;
  readonly index: number | null = null;

  constructor(type: string) {
    this.type = type;
  }

  toString(): string {
    return this.type;
  }
}

printsAs(TorchDevice, (d) => `device(type='${d.type}')`);

const known = new Map<string, TorchDevice>();

/** The device object of a name; the same object for the same name. */
export function torchDevice(name: string | TorchDevice): TorchDevice {
  if (name instanceof TorchDevice) return name;
  if (typeof name !== 'string') {
    throw new ArgumentTypeError(`device(): argument 'type' must be str, not ${typeof name}`);
  }
  const type = name.replace(/:0$/, '');
  let found = known.get(type);
  if (found === undefined) {
    found = new TorchDevice(getDevice(type).name);
    known.set(type, found);
  }
  return found;
}

/** The device that computes, from a name or device object. */
export function resolveDevice(device: unknown): Device {
  return getDevice(torchDevice(device as string | TorchDevice).type);
}

/** The tensor on another device: itself where it is there already. */
export function toDevice(input: Tensor, device: unknown): Tensor {
  const target = resolveDevice(device);
  const source = input.storage.device;
  if (target === source) return input;
  const dense = input.contiguous();
  const out = empty(dense.sizes, dense.dtype, target);
  const nbytes = dense.numel() * dense.dtype.itemSize;
  const start = dense.offset * dense.dtype.itemSize;
  target.bytes(out.storage).set(source.bytes(dense.storage).subarray(start, start + nbytes));
  return record(out, {
    name: 'ToCopy',
    inputs: [input],
    saved: [],
    backward: ([grad]) => [grad === null || grad === undefined ? null : toDevice(grad, source.name)],
  });
}
