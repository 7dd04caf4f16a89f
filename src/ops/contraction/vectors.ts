/** Products of vectors in other ways than summing over everything. */
import { bool, int64, promoteTypes } from '../../base/dtype.ts';
import { RuntimeError } from '../../base/errors.ts';
import { broadcastSizes, wrapDim } from '../../base/shape.ts';
import type { Tensor } from '../../tensor/tensor.ts';
import { type Call, define, type FreeCall, type TensorsOp } from '../define.ts';
import { stack } from '../movement/joining.ts';
import { runtime } from '../runtime.ts';

/** The cross product along a dimension of size 3. */
export function crossAlong(a: Tensor, b: Tensor, dim: number): Tensor {
  if (a.sizes.length !== b.sizes.length) {
    throw new RuntimeError('linalg.cross: inputs must have the same number of dimensions.');
  }
  const d = wrapDim(dim, a.sizes.length);
  if (a.sizes[d] !== 3 || b.sizes[d] !== 3) {
    throw new RuntimeError(
      `linalg.cross: inputs dimension ${dim} must have length 3. Got ${a.sizes[d]} and ${b.sizes[d]}`,
    );
  }
  const sizes = broadcastSizes([a.sizes, b.sizes]);
  if (a.dtype !== b.dtype) {
    throw new RuntimeError(`expected scalar type ${a.dtype.scalarName} but found ${b.dtype.scalarName}`);
  }
  if (a.dtype === bool) throw new RuntimeError(`"cross" not implemented for 'Bool'`);
  const out = runtime.noGrad(() => {
    const [x, y] = [a.expand(sizes), b.expand(sizes)];
    const part = (t: Tensor, i: number): Tensor => t.select(d, i % 3);
    const component = (i: number): Tensor =>
      part(x, i + 1)
        .mul(part(y, i + 2))
        .sub(part(x, i + 2).mul(part(y, i + 1)));
    return stack([component(0), component(1), component(2)], d);
  });
  return runtime.record(out, {
    name: 'LinalgCross',
    inputs: [a, b],
    saved: [a, b],
    backward: ([grad], [x, y], needs) => {
      if (grad === null || grad === undefined) return [null, null];
      return [
        needs[0] ? crossAlong(y, grad, d).sumToSize(x.sizes) : null,
        needs[1] ? crossAlong(grad, x, d).sumToSize(y.sizes) : null,
      ];
    },
  });
}

/** The cross product of vectors along `dim`, by default the first dimension of size 3. https://pytorch.org/docs/stable/generated/torch.cross.html */
export const cross: Call<
  [input: Tensor, other: Tensor, dim?: number | null],
  { other?: Tensor; dim?: number | null; out?: Tensor },
  Tensor
> = define(
  'cross(input, other: Tensor, dim=None, *, out=None)',
  (input: Tensor, other: Tensor, dim: number | null = null) => {
    if (dim !== null) return crossAlong(input, other, dim);
    const first = input.sizes.indexOf(3);
    if (first < 0) throw new RuntimeError('no dimension of size 3 in input');
    return crossAlong(input, other, first);
  },
);

/** The inner product of two vectors; as `dot`, since there are no complex numbers. https://pytorch.org/docs/stable/generated/torch.vdot.html */
export const vdot: TensorsOp = define<TensorsOp>(
  'vdot(input, other: Tensor, *, out=None)',
  (input: Tensor, other: Tensor) => input.dot(other),
  { shownAs: 'Vdot' },
);

/**
 * The powers of each element as a row: N of them (as many as elements unless given), falling unless `increasing`.
 * https://pytorch.org/docs/stable/generated/torch.vander.html
 */
export const vander: FreeCall<
  [x: Tensor, N?: number | null, increasing?: boolean],
  { N?: number | null; increasing?: boolean },
  Tensor
> = define(
  'vander(x: Tensor, N=None, increasing=False)',
  (given: Tensor, n: number | null = null, increasing = false) => {
    if (given.sizes.length !== 1) throw new RuntimeError('x must be a one-dimensional tensor.');
    const count = n ?? given.sizes[0];
    if (count < 0) throw new RuntimeError('N must be non-negative.');
    const x = given.dtype === bool ? given.to(promoteTypes(given.dtype, int64)) : given;
    return powersOf(x, count, increasing);
  },
  { functionOnly: true },
);

/** Powers 0 … count−1 of all elements, along a new last dimension. */
export function powersOf(x: Tensor, count: number, increasing: boolean): Tensor {
  if (count === 0) return runtime.empty([...x.sizes, 0], x.dtype, x);
  const powers = [runtime.full(x.sizes, 1, x.dtype, x)];
  for (let k = 1; k < count; k++) powers.push(k === 1 ? x : powers[k - 1].mul(x));
  return stack(increasing ? powers : powers.reverse(), -1);
}
