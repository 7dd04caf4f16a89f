/** New tensors over uninitialised memory. */
import type { DType } from '../base/dtype.ts';
import { contiguousStrides, product } from '../base/shape.ts';
import { type Device, getDevice } from '../device/device.ts';
import type { Storage } from '../device/storage.ts';
import { Tensor } from './tensor.ts';

let defaultDevice: Device | null = null;

/** The device of tensors that nothing else decides. */
export function currentDevice(): Device {
  defaultDevice ??= getDevice('cpu');
  return defaultDevice;
}

/** `torch.set_default_device`. */
export function setDefaultDevice(device: Device): void {
  defaultDevice = device;
}

export function allocate(device: Device, nbytes: number): Storage {
  return device.allocate(nbytes);
}

/** An uninitialised contiguous tensor. */
export function empty(sizes: readonly number[], dtype: DType, device: Device = currentDevice()): Tensor {
  const storage = device.allocate(product(sizes) * dtype.itemSize);
  return new Tensor(storage, dtype, sizes, contiguousStrides(sizes), 0, true);
}
