/** Tensors put side by side, and all combinations of their elements. */
import { RuntimeError } from '../../base/errors.ts';
import { getDefaultDtype, int64 } from '../../base/dtype.ts';
import { showSizes } from '../../base/shape.ts';
import type { Tensor } from '../../tensor/tensor.ts';
import { type Call, define, type FreeCall } from '../define.ts';
import { runtime } from '../runtime.ts';
import { oneDimension, threeDimensions, twoDimensions } from './arranging.ts';
import { cat, commonDtype, stack, tensorList } from './joining.ts';

type ListCall = FreeCall<[tensors: readonly Tensor[]], { tensors?: readonly Tensor[]; out?: Tensor }, Tensor>;

function stacking(name: string, raise: (t: Tensor) => Tensor, dim: (first: Tensor) => number): ListCall {
  return define(
    `${name}(tensors, *, out=None)`,
    (tensors: readonly Tensor[]) => {
      const list = tensorList(tensors, name);
      if (list.length === 0) throw new RuntimeError(`${name} expects a non-empty TensorList`);
      const raised = list.map(raise);
      return cat(raised, dim(raised[0]));
    },
    { functionOnly: true },
  );
}

/** Side by side along dimension 1 (vectors: 0). https://pytorch.org/docs/stable/generated/torch.hstack.html */
export const hstack: ListCall = stacking('hstack', oneDimension, (t) => (t.sizes.length === 1 ? 0 : 1));
/** One above the other; vectors are rows. https://pytorch.org/docs/stable/generated/torch.vstack.html */
export const vstack: ListCall = stacking('vstack', twoDimensions, () => 0);
/** Another name for `vstack`. */
export const rowStack: ListCall = vstack;
/** Along dimension 2. https://pytorch.org/docs/stable/generated/torch.dstack.html */
export const dstack: ListCall = stacking('dstack', threeDimensions, () => 2);
/** Side by side; vectors are columns. https://pytorch.org/docs/stable/generated/torch.column_stack.html */
export const columnStack: ListCall = stacking(
  'column_stack',
  (t) => (t.sizes.length <= 1 ? t.reshape([t.numel(), 1]) : t),
  () => 1,
);

/** Tensors one by one, or in an array. */
type SeveralCall<R> = ((...tensors: Tensor[] | [readonly Tensor[]]) => R) & { readonly functionOnly: true };

/** Matrices along the diagonal of one, zeros elsewhere. https://pytorch.org/docs/stable/generated/torch.block_diag.html */
export const blockDiag: SeveralCall<Tensor> = define<SeveralCall<Tensor>>(
  'block_diag(*tensors)',
  (tensors: readonly Tensor[]) => {
    tensors.forEach((t, i) => {
      if (t.sizes.length > 2) {
        throw new RuntimeError(
          `torch.block_diag: Input tensors must have 2 or fewer dimensions. Input ${i} has ${t.sizes.length} dimensions`,
        );
      }
    });
    if (tensors.length === 0) return runtime.empty([1, 0], getDefaultDtype());
    const blocks = tensors.map(twoDimensions);
    const dtype = commonDtype(blocks);
    const rows = blocks.reduce((n, b) => n + b.sizes[0], 0);
    const columns = blocks.reduce((n, b) => n + b.sizes[1], 0);
    const out = runtime.full([rows, columns], 0, dtype, blocks[0]);
    const places: { row: number; column: number }[] = [];
    let row = 0;
    let column = 0;
    for (const block of blocks) {
      places.push({ row, column });
      const place = runtime.alias(out, block.sizes, out.strides, row * columns + column);
      runtime.copyInto(place, block);
      row += block.sizes[0];
      column += block.sizes[1];
    }
    return runtime.record(out, {
      name: 'BlockDiag',
      inputs: blocks,
      saved: [],
      backward: ([grad], _, needs) =>
        blocks.map((block, i) => {
          if (!needs[i] || grad === null || grad === undefined) return null;
          const g = grad.narrow(0, places[i].row, block.sizes[0]).narrow(1, places[i].column, block.sizes[1]);
          return g.dtype === block.dtype ? g : g.to(block.dtype);
        }),
    });
  },
  { functionOnly: true },
);

interface MeshgridCall {
  (...tensors: Tensor[]): Tensor[];
  (tensors: readonly Tensor[], options?: { indexing?: 'ij' | 'xy' }): Tensor[];
  (a: Tensor, options: { indexing?: 'ij' | 'xy' }): Tensor[];
  (a: Tensor, b: Tensor, options: { indexing?: 'ij' | 'xy' }): Tensor[];
  (a: Tensor, b: Tensor, c: Tensor, options: { indexing?: 'ij' | 'xy' }): Tensor[];
  readonly functionOnly: true;
}

/**
 * The coordinates of a grid: vectors expanded along all the others' dimensions (views). With indexing 'xy' the second tensor runs along
 * the first dimension, and the first along the second.
 * https://pytorch.org/docs/stable/generated/torch.meshgrid.html
 */
export const meshgrid: MeshgridCall = define<MeshgridCall>(
  'meshgrid(*tensors, *, indexing=None)',
  (tensors: readonly Tensor[], indexing: string | null = null) => {
    if (tensors.length === 0) throw new RuntimeError('meshgrid expects a non-empty TensorList');
    for (const t of tensors) {
      if (t.sizes.length > 1) {
        throw new RuntimeError(
          `torch.meshgrid: Expected 0D or 1D tensor in the tensor list but got: ${String(t)}`,
        );
      }
    }
    for (const t of tensors) {
      if (t.dtype !== tensors[0].dtype) {
        throw new RuntimeError('meshgrid expects all tensors to have the same dtype');
      }
    }
    if (indexing !== null && indexing !== 'ij' && indexing !== 'xy') {
      throw new RuntimeError(
        `torch.meshgrid: indexing must be one of "xy" or "ij", but received: ${indexing}`,
      );
    }
    const swap = indexing === 'xy' && tensors.length >= 2;
    const order = swap ? [tensors[1], tensors[0], ...tensors.slice(2)] : tensors;
    const shape = order.map((t) => t.numel());
    const grids = order.map((t, i) => t.view(shape.map((_, d) => (d === i ? -1 : 1))).expand(shape));
    if (!swap) return grids;
    const [a, b, ...rest] = grids;
    return [b, a, ...rest];
  },
  { functionOnly: true },
);

/** All tuples of one element of each vector, as rows. https://pytorch.org/docs/stable/generated/torch.cartesian_prod.html */
export const cartesianProd: SeveralCall<Tensor> = define<SeveralCall<Tensor>>(
  'cartesian_prod(*tensors)',
  (tensors: readonly Tensor[]) => {
    for (const t of tensors) {
      if (t.sizes.length !== 1) {
        throw new RuntimeError(`Expect a 1D vector, but got shape ${showSizes(t.sizes)}`);
      }
    }
    if (tensors.length === 1) return tensors[0];
    return stack(
      meshgrid(tensors).map((g) => g.reshape(-1)),
      1,
    );
  },
  { functionOnly: true },
);

/** All ways to take `r` elements in order, as rows. https://pytorch.org/docs/stable/generated/torch.combinations.html */
export const combinations: Call<
  [input: Tensor, r?: number, withReplacement?: boolean],
  { r?: number; withReplacement?: boolean },
  Tensor
> = define(
  'combinations(input, r=2, withReplacement=False)',
  (input: Tensor, r = 2, withReplacement = false) => {
    if (input.sizes.length !== 1) {
      throw new RuntimeError(`Expect a 1D vector, but got shape ${showSizes(input.sizes)}`);
    }
    if (r < 0) throw new RuntimeError(`Expect a non-negative number, but got ${r}`);
    if (r === 0) return runtime.empty([0], input.dtype, input);
    const n = input.sizes[0];
    const rows: bigint[] = [];
    const chosen: number[] = [];
    const choose = (from: number): void => {
      if (chosen.length === r) {
        for (const i of chosen) rows.push(BigInt(i));
        return;
      }
      for (let i = from; i < n; i++) {
        chosen.push(i);
        choose(withReplacement ? i : i + 1);
        chosen.pop();
      }
    };
    choose(0);
    const index = runtime.fromArray(BigInt64Array.from(rows), [rows.length], int64, input);
    return runtime.showAs('Stack', input.indexSelect(0, index).reshape([rows.length / r, r]));
  },
);
