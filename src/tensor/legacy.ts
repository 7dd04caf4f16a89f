/** PyTorch's older ways to make a tensor: `Tensor(…)`, `FloatTensor(…)`, …, and `autograd.Variable`. */
import {
  bool,
  type DType,
  float32,
  float64,
  getDefaultDtype,
  int8,
  int16,
  int32,
  int64,
  uint8,
} from '../base/dtype.ts';
import { isOptions } from '../base/arguments.ts';
import { ArgumentTypeError } from '../base/errors.ts';
import { empty } from './allocate.ts';
import { type TensorData, tensor } from './create.ts';
import { services, Tensor } from './tensor.ts';

/** Sizes make an uninitialised tensor, anything else is data. */
function construct(args: readonly unknown[], dtype: DType): Tensor {
  if (args.length === 0) return empty([0], dtype);
  if (args.every((a) => typeof a === 'number')) return empty(args as number[], dtype);
  if (args.length === 1) {
    const [data] = args;
    if (data instanceof Tensor && data.dtype === dtype) return data.detach();
    return tensor(data as TensorData, { dtype });
  }
  throw new ArgumentTypeError('new() takes sizes (numbers) or one nested array of data');
}

services.construct = (args) => construct(args, getDefaultDtype());

/** Makes a tensor of one dtype from sizes or from data. */
export type LegacyConstructor = (...args: number[] | [data: TensorData]) => Tensor;

function legacy(dtype: DType): LegacyConstructor {
  return function make(...args: unknown[]): Tensor {
    return construct(args, dtype);
  } as LegacyConstructor;
}

export const FloatTensor: LegacyConstructor = legacy(float32);
export const DoubleTensor: LegacyConstructor = legacy(float64);
export const LongTensor: LegacyConstructor = legacy(int64);
export const IntTensor: LegacyConstructor = legacy(int32);
export const ShortTensor: LegacyConstructor = legacy(int16);
export const CharTensor: LegacyConstructor = legacy(int8);
export const ByteTensor: LegacyConstructor = legacy(uint8);
export const BoolTensor: LegacyConstructor = legacy(bool);

/**
 * `torch.autograd.Variable`: since PyTorch 0.4 a tensor with the same memory, that may require gradients. Call it with or without `new`.
 * https://pytorch.org/docs/stable/autograd.html#variable-deprecated
 *
 * @example
 * ```ts
 * const x = torch.autograd.Variable(torch.ones(2, 2), { requiresGrad: true });
 * console.log(x.requiresGrad); // => true
 * ```
 */
export const Variable: {
  (data: Tensor, options?: boolean | { requiresGrad?: boolean }): Tensor;
  new (data: Tensor, options?: boolean | { requiresGrad?: boolean }): Tensor;
} = function Variable(data: Tensor, options: boolean | { requiresGrad?: boolean } = {}): Tensor {
  if (!(data instanceof Tensor)) {
    throw new ArgumentTypeError(
      `Variable data has to be a tensor, but got ${data === null ? 'null' : typeof data}`,
    );
  }
  const wants = isOptions(options) ? options.requiresGrad : options;
  const result = data.detach();
  return wants === true ? result.requiresGrad_() : result;
} as never;
