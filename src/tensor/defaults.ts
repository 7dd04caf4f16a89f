/** Process-wide defaults that users may change. */
import * as allocate from './allocate.ts';
import { resolveDevice, type TorchDevice } from './devices.ts';

/** The device of tensors that nothing else decides. https://pytorch.org/docs/stable/generated/torch.set_default_device.html */
export function setDefaultDevice(device: string | TorchDevice): void {
  allocate.setDefaultDevice(resolveDevice(device));
}
