/** What the two formats of a checkpoint have in common: options, the allow-list, and the persistent ids that stand for storages. */
import { UnpicklingError } from '../../base/errors.ts';
import { describe } from '../pickle/inspect.ts';
import type { PickleLimits, UnpicklerOptions } from '../pickle/unpickler.ts';
import { PickleTuple, type PickleValue } from '../pickle/values.ts';
import { type ClassFilter, globalFinder, StorageClass } from './globals.ts';
import { checkCount, type RecordDType, type StorageRecord } from './records.ts';

export interface CheckpointOptions {
  /** Which classes, beyond those of PyTorch's tensors, may occur: they become PickleObjects. By default none. */
  readonly allowsClass?: ClassFilter;
  readonly limits?: Partial<PickleLimits>;
}

/** How the pickle of a checkpoint is read. */
export function unpicklerOptions(
  options: CheckpointOptions,
  persistentLoad: (id: PickleValue) => PickleValue,
): UnpicklerOptions {
  const findGlobal = globalFinder(options.allowsClass ?? (() => false));
  return { findGlobal, persistentLoad, limits: options.limits ?? {} };
}

/** The parts of the persistent id of a storage. */
export interface StorageId {
  readonly dtype: RecordDType;
  readonly key: string;
  readonly location: string;
  readonly numel: number;
  /** What follows these in the legacy format. */
  readonly rest: readonly PickleValue[];
}

/** Takes the persistent id `('storage', class, key, location, numel, …)` apart. */
export function parseStorageId(id: PickleValue): StorageId {
  if (!(id instanceof PickleTuple)) {
    throw new UnpicklingError(`persistent_load id must be tuple or int, but got ${describe(id)}`);
  }
  const [kind, type, key, location, numel, ...rest] = id.items;
  if (kind !== 'storage') {
    throw new UnpicklingError(`Only persistent_load of storage is allowed, but got ${String(kind)}`);
  }
  if (!(type instanceof StorageClass)) throw new UnpicklingError(`${describe(type)} is not a storage class`);
  if (typeof key !== 'string' || typeof location !== 'string') {
    throw new UnpicklingError('the key and the location of a storage must be strings');
  }
  return {
    dtype: type.dtype,
    key,
    location,
    numel: checkCount('the number of elements of a storage', numel),
    rest,
  };
}

/** Throws an UnpicklingError where two places of a pickle describe one storage differently. */
export function checkSameStorage(known: StorageRecord, id: StorageId): void {
  if (known.dtype !== id.dtype || known.numel !== id.numel) {
    throw new UnpicklingError(`the storage ${id.key} is used as ${known.dtype} and as ${id.dtype}`);
  }
}
