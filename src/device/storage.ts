/**
 * A storage: a block of a device's memory, shared by the tensors that view it.
 *
 * The block returns to the device when this object is garbage, when a scope that made it ends (scope.ts), or at once
 * through `dispose()`.
 */
import type { Device } from './device.ts';

export class Storage {
  readonly device: Device;
  /** Where the block is, in the device's own terms (the wasm device: a byte address in its heap). */
  declare address: number;
  readonly nbytes: number;
  /** How often it was modified in place: what autograd checks saved tensors against. */
  version = 0;
  /** Device bookkeeping: what keeps the block's slab alive. */
  owner: object | null = null;
  /** Device bookkeeping: the block's place in its slab. */
  place = 0;
  /** Made in a scope, but not to be freed by it: gradients of leaves, the state of optimizers. */
  outlivesScopes = false;

  constructor(device: Device, address: number, nbytes: number) {
    this.device = device;
    this.address = address;
    this.nbytes = nbytes;
  }

  /** True once the memory was given back; reading such a storage is an error. */
  get isDisposed(): boolean {
    return this.address < 0;
  }

  /** Gives the memory back now. Every tensor that views it becomes unusable. */
  dispose(): void {
    if (this.address >= 0) this.device.release(this);
  }
}

/** The same memory with a version count of its own, as `x.data` has it. It is disposed with the storage itself. */
export class StorageAlias extends Storage {
  constructor(whole: Storage) {
    super(whole.device, whole.address, whole.nbytes);
    // Keeps the memory alive; it is never released through the alias.
    this.owner = baseOf(whole);
  }

  override dispose(): void {
    (this.owner as Storage).dispose();
  }
}

// An alias has no address of its own: it must see that the memory was given back.
Object.defineProperty(StorageAlias.prototype, 'address', {
  get(this: StorageAlias): number {
    return (this.owner as Storage).address;
  },
  set(): void {},
});

/** The storage that owns the memory. */
export function baseOf(storage: Storage): Storage {
  return storage instanceof StorageAlias ? (storage.owner as Storage) : storage;
}
