/** Diagonals and triangles of matrices. */
import { refuse } from '../refuse.ts';
import { type DType, int32, int64 } from '../../base/dtype.ts';
import { IndexError, RuntimeError } from '../../base/errors.ts';
import { wrapDim } from '../../base/shape.ts';
import type { Tensor } from '../../tensor/tensor.ts';
import { type Call, type CreationOptions, define, type FreeCall, type Scalar } from '../define.ts';
import { runtime } from '../runtime.ts';

/** The diagonal of a matrix, as a vector of its own; or a matrix with a vector on its diagonal. https://pytorch.org/docs/stable/generated/torch.diag.html */
export const diag: Call<[input: Tensor, diagonal?: number], { diagonal?: number; out?: Tensor }, Tensor> =
  define(
    'diag(input, diagonal=0, *, out=None)',
    (input: Tensor, diagonal = 0) => {
      const rank = input.sizes.length;
      if (rank !== 1 && rank !== 2) throw new RuntimeError('matrix or a vector expected');
      return rank === 1 ? diagEmbed(input, diagonal) : input.diagonal(diagonal).clone();
    },
    {
      shownAs: 'Diag',
      out: (result, out) => `expected scalar type ${result.scalarName} but found ${out.scalarName}`,
    },
  );

/**
 * Matrices (dimensions `dim1` and `dim2`, the last two unless given) with the last dimension of `input` on the diagonal `offset`.
 * https://pytorch.org/docs/stable/generated/torch.diag_embed.html
 */
export const diagEmbed: Call<
  [input: Tensor, offset?: number, dim1?: number, dim2?: number],
  { offset?: number; dim1?: number; dim2?: number },
  Tensor
> = define(
  'diag_embed(input, offset=0, dim1=-2, dim2=-1)',
  (input: Tensor, offset = 0, dim1 = -2, dim2 = -1) => {
    const rank = input.sizes.length + 1;
    const a = wrapDim(dim1, rank);
    const b = wrapDim(dim2, rank);
    if (a === b) throw new RuntimeError(`diagonal dimensions cannot be identical ${dim1}, ${dim2}`);
    const n = input.sizes[rank - 2] + Math.abs(offset);
    const sizes = [...input.sizes.slice(0, -1)];
    for (const d of [a, b].sort((x, y) => x - y)) sizes.splice(d, 0, n);
    const out = runtime.full(sizes, 0, input.dtype, input);
    runtime.noGrad(() => runtime.copyInto(out.diagonal(offset, a, b), input));
    return runtime.record(out, {
      name: 'DiagEmbed',
      inputs: [input],
      saved: [],
      backward: ([grad]) => [grad === null || grad === undefined ? null : grad.diagonal(offset, a, b)],
    });
  },
);

/** A matrix with all elements of `input` on a diagonal. https://pytorch.org/docs/stable/generated/torch.diagflat.html */
export const diagflat: Call<[input: Tensor, offset?: number], { offset?: number }, Tensor> = define(
  'diagflat(input, offset=0)',
  (input: Tensor, offset = 0) => diag(input.reshape(-1), offset),
);

/** The sum of a matrix's diagonal. https://pytorch.org/docs/stable/generated/torch.trace.html */
export const trace: Call<[input: Tensor], object, Tensor> = define(
  'trace(input)',
  (input: Tensor) => {
    if (input.sizes.length !== 2) {
      throw new RuntimeError(`trace: expected a matrix, but got tensor with dim ${input.sizes.length}`);
    }
    refuse('trace', input, ['bool']);
    return input.diagonal().sum();
  },
  { shownAs: 'Trace' },
);

/** `from`, `from` + 1, … as int32, in a shape that broadcasts along one of the last two dimensions. */
function counting(n: number, from: number, sizes: readonly number[], like: Tensor): Tensor {
  return runtime.fromArray(
    Int32Array.from({ length: n }, (_, i) => from + i),
    sizes,
    int32,
    like,
  );
}

function triangle(
  name: 'tril' | 'triu',
): Call<[input: Tensor, diagonal?: number], { diagonal?: number; out?: Tensor }, Tensor> {
  const cut = (input: Tensor, diagonal: number): Tensor => {
    const out = runtime.noGrad(() => {
      const [height, width] = input.sizes.slice(-2);
      const rows = counting(height, diagonal, [height, 1], input);
      const columns = counting(width, 0, [1, width], input);
      const outside = name === 'tril' ? columns.gt(rows) : columns.lt(rows);
      const result = input.maskedFill(outside, 0);
      for (const { storage } of [rows, columns, outside]) storage.dispose();
      return result;
    });
    return runtime.record(out, {
      name: name === 'tril' ? 'Tril' : 'Triu',
      inputs: [input],
      saved: [],
      backward: ([grad]) => [grad === null || grad === undefined ? null : cut(grad, diagonal)],
    });
  };
  return define(
    `${name}(input, diagonal=0, *, out=None)`,
    (input: Tensor, diagonal = 0) => {
      const rank = input.sizes.length;
      if (rank === 0) throw new IndexError('Dimension specified as -2 but tensor has no dimensions');
      wrapDim(-2, rank);
      return cut(input, diagonal);
    },
    { inplace: true, out: 'exact' },
  );
}

/** Zeros above the diagonal. https://pytorch.org/docs/stable/generated/torch.tril.html */
export const tril: Call<[input: Tensor, diagonal?: number], { diagonal?: number; out?: Tensor }, Tensor> =
  triangle('tril');
/** Zeros below the diagonal. https://pytorch.org/docs/stable/generated/torch.triu.html */
export const triu: Call<[input: Tensor, diagonal?: number], { diagonal?: number; out?: Tensor }, Tensor> =
  triangle('triu');

type IndicesCall = FreeCall<
  [row: number, col: number, offset?: number],
  CreationOptions & { row?: number; col?: number; offset?: number; layout?: unknown; pinMemory?: boolean },
  Tensor
>;

function triangleIndices(
  name: string,
  inside: (row: number, column: number, offset: number) => boolean,
): IndicesCall {
  return define(
    `${name}(row, col, offset=0, *, dtype=None, requiresGrad=False, device=None, layout=None, pinMemory=False)`,
    (
      rows: number,
      columns: number,
      offset = 0,
      dtype: DType | null = null,
      _requiresGrad = false,
      device: unknown = null,
    ) => {
      if (rows < 0) throw new RuntimeError(`row must be non-negative, got${rows}`);
      if (columns < 0) throw new RuntimeError(`col must be non-negative, got${columns}`);
      const places: (readonly [number, number])[] = [];
      for (let i = 0; i < rows; i++) {
        for (let j = 0; j < columns; j++) if (inside(i, j, offset)) places.push([i, j]);
      }
      const data = BigInt64Array.from([...places.map((p) => p[0]), ...places.map((p) => p[1])], BigInt);
      const made = runtime.fromArray(data, [2, places.length], int64);
      const placed = device === null ? made : runtime.toDevice(made, device);
      return dtype === null ? placed : placed.to(dtype);
    },
    { functionOnly: true },
  );
}

/** The positions on and below a diagonal: row indices, then column indices, int64. https://pytorch.org/docs/stable/generated/torch.tril_indices.html */
export const trilIndices: IndicesCall = triangleIndices('tril_indices', (i, j, offset) => j - i <= offset);
/** The positions on and above a diagonal. https://pytorch.org/docs/stable/generated/torch.triu_indices.html */
export const triuIndices: IndicesCall = triangleIndices('triu_indices', (i, j, offset) => j - i >= offset);

/**
 * Writes `fillValue` on the main diagonal, in place; with `wrap` again after every block of rows of a tall matrix.
 * https://pytorch.org/docs/stable/generated/torch.Tensor.fill_diagonal_.html
 */
export const fillDiagonal_: Call<
  [input: Tensor, fillValue: Scalar, wrap?: boolean],
  { fillValue?: Scalar; wrap?: boolean },
  Tensor
> = define(
  'fill_diagonal_(input, fillValue, wrap=False)',
  (input: Tensor, value: Scalar, wrap = false) => {
    const { sizes } = input;
    if (sizes.length < 2) throw new RuntimeError('dimensions must larger than 1');
    if (sizes.length > 2 && sizes.some((s) => s !== sizes[0])) {
      throw new RuntimeError('all dimensions of input must be of equal length');
    }
    runtime.checkInplace(input);
    const step = input.strides.reduce((a, b) => a + b, 0);
    const length = Math.min(...sizes);
    diagonalView(input, 0, length, step).fill_(value);
    if (!wrap || sizes.length !== 2 || sizes[0] <= sizes[1] + 1) return input;
    // The diagonal starts again one row below the end of the one before.
    for (let row = sizes[1] + 1; row < sizes[0]; row += sizes[1] + 1) {
      const rest = Math.min(sizes[0] - row, sizes[1]);
      diagonalView(input, row * input.strides[0], rest, step).fill_(value);
    }
    return input;
  },
  { methodOnly: true },
);

function diagonalView(input: Tensor, start: number, length: number, step: number): Tensor {
  return input.asStrided([length], [step], input.offset + start);
}
