/** Selecting, clamping and interpolating: pointwise ops of three operands. */
import { notImplementedFor } from '../refuse.ts';
import { cppName } from '../../base/dtype.ts';
import { RuntimeError } from '../../base/errors.ts';
import { scalarFor } from '../../base/scalar.ts';
import * as E from '../../expr/expr.ts';
import type { Tensor } from '../../tensor/tensor.ts';
import { type Call, define, type FreeCall, type Operand } from '../define.ts';
import { nonzero } from '../indexing/advanced.ts';
import { runtime } from '../runtime.ts';
import { defineOp, pointwise } from './family.ts';

const whereOp = pointwise('where', { conditions: [0], expr: ([c, x, y]) => E.select(c, x, y) });

/**
 * `input` where the condition holds, else `other`; with the condition alone, the positions where it holds.
 * https://pytorch.org/docs/stable/generated/torch.where.html
 */
export const where: FreeCall<
  [condition: Tensor, input?: Operand, other?: Operand],
  { input?: Operand; other?: Operand; out?: Tensor },
  Tensor
> = define(
  'where(condition: Tensor, input|self|x=None, other|y=None, *, out=None)',
  (condition: Tensor, input?: Operand, other?: Operand) => {
    if (input === undefined || other === undefined) return nonzero(condition, { asTuple: true });
    if (condition.dtype.name !== 'bool' && condition.dtype.name !== 'uint8') {
      throw new RuntimeError(
        `where expected condition to be a boolean tensor, but got a tensor with dtype ${condition.dtype.scalarName}`,
      );
    }
    return runtime.pointwise(whereOp, [condition, input, other], []);
  },
  { functionOnly: true },
);

const maskedFillOp = pointwise('masked_fill', {
  overload: ([, , value]) => (value ? 1 : 0),
  conditions: [1],
  expr: ([x, mask, value]) => E.select(mask, value, x),
});

/** `value` where the mask holds. https://pytorch.org/docs/stable/generated/torch.Tensor.masked_fill_.html */
export const maskedFill: Call<
  [input: Tensor, mask: Tensor, value: Operand],
  { mask?: Tensor; value?: Operand },
  Tensor
> = defineOp(
  'masked_fill(input, mask: Tensor, value: Operand)',
  {},
  (input: Tensor, mask: Tensor, value: Operand) => {
    if (mask.dtype.name !== 'bool' && mask.dtype.name !== 'uint8') {
      throw new RuntimeError(
        `masked_fill only supports boolean masks, but got mask with dtype ${mask.dtype.name}`,
      );
    }
    if (runtime.isTensor(value) && value.sizes.length !== 0) {
      throw new RuntimeError(
        `masked_fill_ only supports a 0-dimensional value tensor, but got tensor with ${value.sizes.length} dimension(s).`,
      );
    }
    // The value is converted to the dtype of the tensor: it never promotes it.
    const converted = runtime.isTensor(value) ? value.to(input.dtype) : scalarFor(value, input.dtype);
    return [maskedFillOp, [input, mask, converted], []];
  },
);

/** Bounds that are tensors come first in PyTorch's count. */
const clampOverload = (isTensor: readonly boolean[]): number => (isTensor.slice(1).some((t) => t) ? 0 : 1);

const clampBoth = pointwise('clamp', {
  overload: clampOverload,
  expr: ([x, low, high]) => E.min(E.max(x, low), high),
  derivative: ([x, low, high]) => [
    E.cast(E.and(E.ge(x, low), E.le(x, high)), x.type),
    E.cast(E.and(E.lt(x, low), E.lt(low, high)), x.type),
    E.cast(E.or(E.gt(x, high), E.lt(high, low)), x.type),
  ],
});
const clampLow = pointwise('clamp', {
  overload: clampOverload,
  expr: ([x, low]) => E.max(x, low),
  derivative: ([x, low]) => [E.cast(E.ge(x, low), x.type), E.cast(E.lt(x, low), x.type)],
});
const clampHigh = pointwise('clamp', {
  overload: clampOverload,
  expr: ([x, high]) => E.min(x, high),
  derivative: ([x, high]) => [E.cast(E.le(x, high), x.type), E.cast(E.gt(x, high), x.type)],
});
const minMaxOverload = ([, bound]: readonly boolean[]): number => (bound ? 1 : 0);
const clampMinOp = pointwise('clamp_min', { ...clampLow.spec, overload: minMaxOverload });
const clampMaxOp = pointwise('clamp_max', { ...clampHigh.spec, overload: minMaxOverload });

/** `input` cut off below `min` and above `max` (numbers or tensors). https://pytorch.org/docs/stable/generated/torch.clamp.html */
export const clamp: Call<
  [input: Tensor, min?: Operand | null, max?: Operand | null],
  { min?: Operand | null; max?: Operand | null; out?: Tensor },
  Tensor
> = defineOp(
  'clamp(input, min=None, max=None, *, out=None)',
  {},
  (input: Tensor, min: Operand | null = null, max: Operand | null = null) => {
    if (min === null && max === null) {
      throw new RuntimeError("torch.clamp: At least one of 'min' or 'max' must not be None");
    }
    if (max === null) return [clampLow, [input, min as Operand], []];
    if (min === null) return [clampHigh, [input, max], []];
    return [clampBoth, [input, min, max], []];
  },
);
/** Another name for `clamp`. */
export const clip: typeof clamp = clamp;

/** https://pytorch.org/docs/stable/generated/torch.clamp_min.html */
export const clampMin: Call<[input: Tensor, min: Operand], { min?: Operand; out?: Tensor }, Tensor> =
  defineOp('clamp_min(input, min, *, out=None)', {}, (input: Tensor, min: Operand) => [
    clampMinOp,
    [input, min],
    [],
  ]);
/** https://pytorch.org/docs/stable/generated/torch.clamp_max.html */
export const clampMax: Call<[input: Tensor, max: Operand], { max?: Operand; out?: Tensor }, Tensor> =
  defineOp('clamp_max(input, max, *, out=None)', {}, (input: Tensor, max: Operand) => [
    clampMaxOp,
    [input, max],
    [],
  ]);

const lerpOp = pointwise('lerp', {
  overload: ([, , weight]) => (weight ? 1 : 0),
  expr: ([x, y, w]) => {
    const d = E.sub(y, x);
    // From the nearer end, so that weight 1 gives `end` exactly.
    return E.select(E.lt(E.abs(w), 0.5), E.add(x, E.mul(w, d)), E.sub(y, E.mul(d, E.sub(1, w))));
  },
  derivative: ([x, y, w]) => [E.sub(1, w), w, E.sub(y, x)],
});
/** input + weight·(end − input). https://pytorch.org/docs/stable/generated/torch.lerp.html */
export const lerp: Call<
  [input: Tensor, end: Tensor, weight: Operand],
  { end?: Tensor; weight?: Operand; out?: Tensor },
  Tensor
> = defineOp(
  'lerp(input, end: Tensor, weight: Operand, *, out=None)',
  {},
  (input: Tensor, end: Tensor, weight: Operand) => {
    expectDtype(input, end, 'end');
    if (runtime.isTensor(weight)) expectDtype(input, weight, 'weight');
    if (!input.dtype.isFloatingPoint) {
      const kernel = runtime.isTensor(weight) ? 'lerp_kernel_tensor' : 'lerp_kernel_scalar';
      throw notImplementedFor(kernel, input.dtype);
    }
    return [lerpOp, [input, end, weight], []];
  },
);

function expectDtype(input: Tensor, given: Tensor, name: string): void {
  if (given.dtype === input.dtype) return;
  throw new RuntimeError(
    `expected dtype ${cppName(input.dtype)} for \`${name}\` but got dtype ${cppName(given.dtype)}`,
  );
}

type Fused = Call<
  [input: Tensor, tensor1: Tensor, tensor2: Tensor],
  { tensor1?: Tensor; tensor2?: Tensor; value?: number; out?: Tensor },
  Tensor
>;

const addcmulOp = pointwise('addcmul', {
  expr: ([x, a, b], [value]) => E.add(x, E.mul(E.mul(value, a), b)),
});
/** input + value·tensor1·tensor2. https://pytorch.org/docs/stable/generated/torch.addcmul.html */
export const addcmul: Fused = defineOp(
  'addcmul(input, tensor1: Tensor, tensor2: Tensor, *, value=1, out=None)',
  {},
  (input: Tensor, a: Tensor, b: Tensor, value: number = 1) => [addcmulOp, [input, a, b], [value]],
);

const addcdivOp = pointwise('addcdiv', {
  expr: ([x, a, b], [value]) => E.add(x, E.mul(value, E.div(a, b))),
  derivative: ([x, a, b], _, [value]) => [
    E.constant(1, x.type),
    E.div(value, b),
    E.neg(E.div(E.mul(value, E.div(a, b)), b)),
  ],
});
/** input + value·tensor1/tensor2. https://pytorch.org/docs/stable/generated/torch.addcdiv.html */
export const addcdiv: Fused = defineOp(
  'addcdiv(input, tensor1: Tensor, tensor2: Tensor, *, value=1, out=None)',
  {},
  (input: Tensor, a: Tensor, b: Tensor, value: number = 1) => {
    if (!a.dtype.isFloatingPoint && !b.dtype.isFloatingPoint) {
      throw new RuntimeError(
        'Integer division with addcdiv is no longer supported, and in a future  release addcdiv will perform a true division of tensor1 and tensor2. The historic addcdiv behavior can be implemented as (input + value * torch.trunc(tensor1 / tensor2)).to(input.dtype) for integer inputs and as (input + value * tensor1 / tensor2) for float inputs. The future addcdiv behavior is just the latter implementation: (input + value * tensor1 / tensor2), for all dtypes.',
      );
    }
    return [addcdivOp, [input, a, b], [value]];
  },
);

const nanToNumOp = pointwise('nan_to_num', {
  expr: ([x], [nan, high, low]) =>
    E.isFloat(x.type)
      ? E.select(
          E.isNaNExpr(x),
          nan,
          E.select(
            E.eq(x, Number.POSITIVE_INFINITY),
            high,
            E.select(E.eq(x, Number.NEGATIVE_INFINITY), low, x),
          ),
        )
      : x,
  derivative: ([x]) => [E.isFloat(x.type) ? E.cast(E.lt(E.abs(x), Number.POSITIVE_INFINITY), x.type) : null],
});

/** The largest finite value of each float dtype. */
const largest: Readonly<Record<string, number>> = {
  float16: 65504,
  bfloat16: 3.3895313892515355e38,
  float32: 3.4028234663852886e38,
  float64: Number.MAX_VALUE,
};

/** NaN and infinities replaced by numbers. https://pytorch.org/docs/stable/generated/torch.nan_to_num.html */
export const nanToNum: Call<
  [input: Tensor, nan?: number | null, posinf?: number | null, neginf?: number | null],
  { nan?: number | null; posinf?: number | null; neginf?: number | null; out?: Tensor },
  Tensor
> = defineOp(
  'nan_to_num(input, nan=0, posinf=None, neginf=None, *, out=None)',
  {},
  (input: Tensor, nan: number | null = 0, posinf: number | null = null, neginf: number | null = null) => {
    const limit = largest[input.dtype.name] ?? 0;
    return [nanToNumOp, [input], [nan ?? 0, posinf ?? limit, neginf ?? -limit]];
  },
);
