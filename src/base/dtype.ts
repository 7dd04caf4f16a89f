/**
 * Data types: what a tensor's elements are, how they are stored and how they are promoted.
 * Definition: https://pytorch.org/docs/stable/tensor_attributes.html#torch-dtype
 */
import { printsAs } from './inspect.ts';
import { ArgumentTypeError } from './errors.ts';

/** The names of all data types. */
export type DTypeName =
  | 'bool'
  | 'uint8'
  | 'int8'
  | 'int16'
  | 'int32'
  | 'int64'
  | 'float16'
  | 'bfloat16'
  | 'float32'
  | 'float64';

/** The category decides promotion: a higher category wins whatever its size. */
export type Category = 0 | 1 | 2;
export const BOOL = 0;
export const INTEGRAL = 1;
export const FLOATING = 2;

/** The type in which a kernel computes. Small integers compute in i32, 16-bit floats in f32. */
export type ComputeType = 'bool' | 'i32' | 'i64' | 'f32' | 'f64';

/** A data type. There is exactly one object per type, so `===` compares. */
export class DType {
  readonly name: DTypeName;
  /** A small number, unique per type: for tables and cache keys. */
  readonly code: number;
  /** Bytes per element. */
  readonly itemSize: number;
  readonly category: Category;
  readonly isFloatingPoint: boolean;
  readonly isSigned: boolean;
  /** The type that arithmetic on this dtype is done in. */
  readonly compute: ComputeType;
  /** The legacy tensor class name that PyTorch's messages use ("Float" of torch.FloatTensor). */
  readonly scalarName: string;

  constructor(
    name: DTypeName,
    code: number,
    itemSize: number,
    category: Category,
    isSigned: boolean,
    compute: ComputeType,
    scalarName: string,
  ) {
    this.name = name;
    this.code = code;
    this.itemSize = itemSize;
    this.category = category;
    this.isFloatingPoint = category === FLOATING;
    this.isSigned = isSigned;
    this.compute = compute;
    this.scalarName = scalarName;
  }

  /** `torch.float32`, as PyTorch prints it. */
  toString(): string {
    return `torch.${this.name}`;
  }
}

printsAs(DType);

export const bool: DType = new DType('bool', 0, 1, BOOL, false, 'bool', 'Bool');
export const uint8: DType = new DType('uint8', 1, 1, INTEGRAL, false, 'i32', 'Byte');
export const int8: DType = new DType('int8', 2, 1, INTEGRAL, true, 'i32', 'Char');
export const int16: DType = new DType('int16', 3, 2, INTEGRAL, true, 'i32', 'Short');
export const int32: DType = new DType('int32', 4, 4, INTEGRAL, true, 'i32', 'Int');
export const int64: DType = new DType('int64', 5, 8, INTEGRAL, true, 'i64', 'Long');
export const float16: DType = new DType('float16', 6, 2, FLOATING, true, 'f32', 'Half');
export const bfloat16: DType = new DType('bfloat16', 7, 2, FLOATING, true, 'f32', 'BFloat16');
export const float32: DType = new DType('float32', 8, 4, FLOATING, true, 'f32', 'Float');
export const float64: DType = new DType('float64', 9, 8, FLOATING, true, 'f64', 'Double');

/** Every data type, by its code. */
export const dtypes: readonly DType[] = [
  bool,
  uint8,
  int8,
  int16,
  int32,
  int64,
  float16,
  bfloat16,
  float32,
  float64,
];

const byName: ReadonlyMap<string, DType> = new Map(dtypes.map((d) => [d.name, d]));

/** The dtype of a name such as `'float32'`; throws a TypeError for an unknown name. */
export function dtypeFromName(name: string): DType {
  const found = byName.get(name);
  if (found === undefined) {
    throw new ArgumentTypeError(`unknown dtype '${name}'; known are ${[...byName.keys()].join(', ')}`);
  }
  return found;
}

/** `torch.promote_types`: the smallest dtype that both can be cast to safely. */
export function promoteTypes(a: DType, b: DType): DType {
  if (a === b) return a;
  if (a.category !== b.category) return a.category > b.category ? a : b;
  if (a.category === FLOATING) {
    // float16 and bfloat16 contain each other's values in no direction: float32 holds both.
    if (a.itemSize === b.itemSize) return float32;
    return a.itemSize > b.itemSize ? a : b;
  }
  if (a.isSigned === b.isSigned) return a.itemSize > b.itemSize ? a : b;
  const signed = a.isSigned ? a : b;
  // uint8 does not fit int8: the next signed size holds both.
  return signed.itemSize > 1 ? signed : int16;
}

/** `torch.can_cast`: may a result of dtype `from` be written to `to` (in place, out=)? */
export function canCast(from: DType, to: DType): boolean {
  if (from.category > to.category) return false;
  return !(from !== bool && to === bool);
}

/** What C++ calls the types: some of PyTorch's messages use these names. */
const cppNames: Readonly<Record<DTypeName, string>> = {
  bool: 'bool',
  uint8: 'unsigned char',
  int8: 'signed char',
  int16: 'short int',
  int32: 'int',
  int64: 'long int',
  float16: 'c10::Half',
  bfloat16: 'c10::BFloat16',
  float32: 'float',
  float64: 'double',
};

/** The C++ name of a dtype, as in "expected dtype float for `end` but got dtype long int". */
export function cppName(dtype: DType): string {
  return cppNames[dtype.name];
}

let defaultFloat: DType = float32;

/** The dtype of floating-point results that nothing else decides (`torch.get_default_dtype`). */
export function getDefaultDtype(): DType {
  return defaultFloat;
}

/** `torch.set_default_dtype`. Throws a TypeError unless `dtype` is a floating-point type. */
export function setDefaultDtype(dtype: DType): void {
  if (!(dtype instanceof DType) || !dtype.isFloatingPoint) {
    throw new ArgumentTypeError(
      `only floating-point types are supported as the default type, got ${String(dtype)}`,
    );
  }
  defaultFloat = dtype;
}
