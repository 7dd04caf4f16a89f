/** Which dtype the operands of an op give together. https://pytorch.org/docs/stable/tensor_attributes.html#type-promotion-doc */
import { bool, BOOL, type DType, FLOATING, getDefaultDtype, int64, promoteTypes } from '../base/dtype.ts';
import { ArgumentTypeError } from '../base/errors.ts';
import type { Operand } from '../ops/define.ts';
import { PyFloat } from './pyfloat.ts';
import { Tensor } from './tensor.ts';

// What an operand is to promotion: a dtype of a tensor with dimensions, of one without, or a kind of Python number.
const ZERO_DIM = 16;
const NUMBER_BOOL = 32;
const NUMBER_INT = 33;
const NUMBER_FLOAT = 34;
/** There are fewer kinds. */
export const KINDS = 64;

/** The kind of an operand of the function `name`, which refuses what is neither tensor nor number. */
export function kindOf(x: Operand, name: string): number {
  if (x instanceof Tensor) return x.sizes.length === 0 ? ZERO_DIM + x.dtype.code : x.dtype.code;
  switch (typeof x) {
    case 'number':
      return Number.isInteger(x) ? NUMBER_INT : NUMBER_FLOAT;
    case 'bigint':
      return NUMBER_INT;
    case 'boolean':
      return NUMBER_BOOL;
    default:
      if (x instanceof PyFloat) return NUMBER_FLOAT;
      throw new ArgumentTypeError(
        `${name}(): argument must be Tensor or a number, not ${x === null ? 'null' : describe(x)}`,
      );
  }
}

function describe(x: unknown): string {
  return Array.isArray(x) ? 'an array (make it a tensor with torch.tensor)' : typeof x;
}

/** What a kind of Python number counts as. */
export function numberDtype(kind: number): DType {
  if (kind === NUMBER_BOOL) return bool;
  return kind === NUMBER_INT ? int64 : getDefaultDtype();
}

/** Combines dtypes of different priority: the lower one matters only when its category is higher. */
function combine(higher: DType | null, lower: DType | null): DType | null {
  if (higher === null) return lower;
  if (lower === null || higher.category === FLOATING) return higher;
  if (higher.category === BOOL || lower.category === FLOATING) return promoteTypes(higher, lower);
  return higher;
}

/** PyTorch's result type: tensors with dimensions before zero-dimensional ones before numbers. */
export function resultDtype(operands: readonly Operand[], skip: readonly number[] = []): DType {
  let dims: DType | null = null;
  let zeros: DType | null = null;
  let numbers: DType | null = null;
  operands.forEach((x, i) => {
    if (skip.includes(i)) return;
    if (x instanceof Tensor) {
      if (x.sizes.length > 0) dims = dims === null ? x.dtype : promoteTypes(dims, x.dtype);
      else zeros = zeros === null ? x.dtype : promoteTypes(zeros, x.dtype);
    } else {
      const d = numberDtype(kindOf(x, 'result_type'));
      numbers = numbers === null ? d : promoteTypes(numbers, d);
    }
  });
  return combine(dims, combine(zeros, numbers)) ?? getDefaultDtype();
}
