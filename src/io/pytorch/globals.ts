/**
 * The globals of a checkpoint: what each name that `torch.save` writes stands for. Nothing else is allowed, apart from the classes
 * that a caller adds.
 */
import { NotImplementedError, UnpicklingError } from '../../base/errors.ts';
import { builtinGlobals } from '../pickle/builtins.ts';
import { describe } from '../pickle/inspect.ts';
import { PickleCallable } from '../pickle/unpickler.ts';
import { PickleGlobal, PickleObject, PickleTuple, type PickleValue } from '../pickle/values.ts';
import {
  checkBounds,
  checkCount,
  checkCounts,
  DeviceRecord,
  DTypeRecord,
  type RecordDType,
  recordDTypes,
  SizeRecord,
  StorageRecord,
  StorageViewRecord,
  storageClassOf,
  TensorRecord,
} from './records.ts';

/** A storage class, as the type in the persistent id of a storage. */
export class StorageClass extends PickleGlobal {
  readonly dtype: RecordDType;
  constructor(module: string, name: string, dtype: RecordDType) {
    super(module, name);
    this.dtype = dtype;
  }
}

function tuple(what: string, x: PickleValue): readonly PickleValue[] {
  if (x instanceof PickleTuple) return x.items;
  if (x instanceof SizeRecord) return x.sizes;
  throw new UnpicklingError(`${what} must be a tuple, got ${describe(x)}`);
}

function flag(what: string, x: PickleValue): boolean {
  if (typeof x !== 'boolean') throw new UnpicklingError(`${what} must be a bool, got ${describe(x)}`);
  return x;
}

function dict(what: string, x: PickleValue): Map<PickleValue, PickleValue> {
  if (!(x instanceof Map)) throw new UnpicklingError(`${what} must be a dict, got ${describe(x)}`);
  return x;
}

function checkArguments(name: string, args: readonly PickleValue[], least: number, most: number): void {
  if (args.length < least || args.length > most) {
    throw new UnpicklingError(`${name}() takes ${least} to ${most} arguments but ${args.length} were given`);
  }
}

/** `_rebuild_tensor(storage, storage_offset, size, stride)` */
function rebuildTensor(args: readonly PickleValue[]): TensorRecord {
  return makeTensor(args.slice(0, 4));
}

function makeTensor(args: readonly PickleValue[], dtype?: RecordDType): TensorRecord {
  const [storage, offset, size, stride] = args;
  const isView = storage instanceof StorageViewRecord;
  if (!isView && !(storage instanceof StorageRecord)) {
    throw new UnpicklingError(`a tensor needs a storage, got ${describe(storage)}`);
  }
  const base: StorageRecord = isView ? storage.base : storage;
  const start = checkCount('storage_offset', offset) + (isView ? storage.offset : 0);
  const sizes = checkCounts('size', tuple('size', size));
  const strides = checkCounts('stride', tuple('stride', stride));
  const tensor = new TensorRecord(base, start, sizes, strides, dtype === undefined ? {} : { dtype });
  checkBounds(tensor);
  return tensor;
}

function finishTensor(
  tensor: TensorRecord,
  requiresGrad: PickleValue,
  hooks: PickleValue,
  meta: PickleValue,
): TensorRecord {
  // Hooks have not been saved for years: PyTorch writes an empty OrderedDict.
  if (hooks !== null) dict('backward_hooks', hooks);
  const metadata = meta === undefined || meta === null ? null : dict('metadata', meta);
  return tensor.with({ requiresGrad: flag('requires_grad', requiresGrad), metadata });
}

/** `_rebuild_tensor_v2(storage, storage_offset, size, stride, requires_grad, backward_hooks, metadata=None)` */
function rebuildTensorV2(args: readonly PickleValue[]): TensorRecord {
  checkArguments('_rebuild_tensor_v2', args, 6, 7);
  return finishTensor(makeTensor(args), args[4], args[5], args[6]);
}

/** `_rebuild_tensor_v3(storage, storage_offset, size, stride, requires_grad, backward_hooks, dtype, metadata=None)` */
function rebuildTensorV3(args: readonly PickleValue[]): TensorRecord {
  checkArguments('_rebuild_tensor_v3', args, 7, 8);
  const dtype = args[6];
  if (!(dtype instanceof DTypeRecord))
    throw new UnpicklingError(`dtype must be a torch.dtype, got ${describe(dtype)}`);
  return finishTensor(makeTensor(args, dtype.dtype), args[4], args[5], args[7]);
}

/** `_rebuild_parameter(data, requires_grad, backward_hooks)`, and with a fourth argument `_rebuild_parameter_with_state`. */
function rebuildParameter(args: readonly PickleValue[]): TensorRecord {
  checkArguments('_rebuild_parameter', args, 3, 4);
  const [data, requiresGrad, hooks, attributes] = args;
  if (!(data instanceof TensorRecord)) {
    throw new UnpicklingError(`the data of a Parameter must be a tensor, got ${describe(data)}`);
  }
  const tensor = finishTensor(data, requiresGrad, hooks, data.metadata);
  return tensor.with({ isParameter: true, attributes: attributes ?? null });
}

/** `torch.nn.parameter.Parameter(data=None, requires_grad=True)` */
function parameter(args: readonly PickleValue[]): TensorRecord {
  checkArguments('Parameter', args, 1, 2);
  return rebuildParameter([args[0], args[1] ?? true, null]);
}

/** `_rebuild_from_type_v2(func, new_type, args, state)`: a tensor with Python attributes. */
function rebuildFromType(args: readonly PickleValue[]): TensorRecord {
  checkArguments('_rebuild_from_type_v2', args, 4, 4);
  const [func, type, inner, attributes] = args;
  const known = func instanceof PickleCallable && rebuildPaths.has(func.path);
  if (
    !known ||
    !(type instanceof PickleGlobal) ||
    (type.path !== TENSOR.path && type.path !== PARAMETER.path)
  ) {
    throw new UnpicklingError(`tensors of the type ${describe(type)} are not supported`);
  }
  const tensor = func.construct(tuple('args', inner)) as TensorRecord;
  return tensor.with({ attributes });
}

function device(args: readonly PickleValue[]): DeviceRecord {
  checkArguments('device', args, 1, 2);
  const [type, index] = args;
  if (typeof type !== 'string') throw new UnpicklingError(`a device needs a name, got ${describe(type)}`);
  if (index !== undefined && index !== null)
    return new DeviceRecord(type, checkCount('the index of a device', index));
  const colon = type.lastIndexOf(':');
  const number = type.slice(colon + 1);
  if (colon < 0 || !/^\d{1,9}$/.test(number)) return new DeviceRecord(type);
  return new DeviceRecord(type.slice(0, colon), Number(number));
}

function size(args: readonly PickleValue[]): SizeRecord {
  checkArguments('Size', args, 0, 1);
  if (args.length === 0) return new SizeRecord([]);
  const items = Array.isArray(args[0]) ? args[0] : tuple('torch.Size', args[0]);
  return new SizeRecord(checkCounts('size', items));
}

const TENSOR = new PickleGlobal('torch', 'Tensor');
const PARAMETER = new PickleCallable('torch.nn.parameter', 'Parameter', parameter);

const rebuilds: readonly PickleCallable[] = [
  new PickleCallable('torch._utils', '_rebuild_tensor', rebuildTensor),
  new PickleCallable('torch._utils', '_rebuild_tensor_v2', rebuildTensorV2),
  new PickleCallable('torch._utils', '_rebuild_tensor_v3', rebuildTensorV3),
  new PickleCallable('torch._utils', '_rebuild_parameter', rebuildParameter),
  new PickleCallable('torch._utils', '_rebuild_parameter_with_state', rebuildParameter),
];
const rebuildPaths: ReadonlySet<string> = new Set(rebuilds.map((r) => r.path));

const storageClasses: readonly StorageClass[] = [
  ...recordDTypes.flatMap((dtype) => {
    const name = storageClassOf(dtype);
    return name === null ? [] : [new StorageClass('torch', name, dtype)];
  }),
  // Untyped storages count bytes. They have moved between modules.
  ...[
    'torch.UntypedStorage',
    'torch._UntypedStorage',
    'torch.storage.UntypedStorage',
    'torch.storage._UntypedStorage',
  ].map((path) => {
    const dot = path.lastIndexOf('.');
    return new StorageClass(path.slice(0, dot), path.slice(dot + 1), 'uint8');
  }),
];

const torchGlobals: readonly PickleGlobal[] = [
  ...rebuilds,
  ...storageClasses,
  ...recordDTypes.map((dtype) => new DTypeRecord(dtype)),
  new PickleCallable('torch._tensor', '_rebuild_from_type_v2', rebuildFromType),
  new PickleCallable('torch', 'Size', size),
  new PickleCallable('torch', 'device', device),
  TENSOR,
  PARAMETER,
];

const known: ReadonlyMap<string, PickleGlobal> = new Map([
  ...builtinGlobals,
  ...torchGlobals.map((global): [string, PickleGlobal] => [global.path, global]),
]);

/** What PyTorch can save and nothing here can hold: refused with its name. */
const unsupported: ReadonlyMap<string, string> = new Map([
  ['torch._utils._rebuild_sparse_tensor', 'sparse tensors'],
  ['torch._utils._rebuild_sparse_csr_tensor', 'sparse tensors'],
  ['torch._utils._rebuild_qtensor', 'quantized tensors'],
  ['torch._utils._rebuild_nested_tensor', 'nested tensors'],
  ['torch._utils._rebuild_meta_tensor_no_storage', 'tensors on the meta device'],
  ['torch._utils._rebuild_wrapper_subclass', 'tensor subclasses'],
  ['torch.QInt8Storage', 'quantized tensors'],
  ['torch.QUInt8Storage', 'quantized tensors'],
  ['torch.QInt32Storage', 'quantized tensors'],
]);

/** Which further classes a pickle may name: they are read as PickleObjects. */
export type ClassFilter = (path: string) => boolean;

/** The allow-list of a checkpoint, for the unpickler. */
export function globalFinder(allowsClass: ClassFilter): (module: string, name: string) => PickleValue {
  return (module, name) => {
    const path = `${module}.${name}`;
    const found = known.get(path);
    if (found !== undefined) return found;
    if (allowsClass(path)) {
      const type = new PickleGlobal(module, name);
      return new PickleCallable(module, name, (args) => new PickleObject(type, new PickleTuple(args)));
    }
    const what = unsupported.get(path);
    if (what !== undefined)
      throw new NotImplementedError(`the file has ${what} (${path}), which are not supported`);
    return undefined;
  };
}
