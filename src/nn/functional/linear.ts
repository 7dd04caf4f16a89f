/** Linear functions, embeddings and distances. https://pytorch.org/docs/stable/nn.functional.html#linear-functions */
import { int64 } from '../../base/dtype.ts';
import { NotImplementedError, RuntimeError } from '../../base/errors.ts';
import { linearProduct } from '../../ops/contraction/products.ts';
import { define, type FreeCall } from '../../ops/define.ts';
import { selfBounds, indexView, readAt, addAt, type Locate } from '../../ops/indexing/family.ts';
import { runtime } from '../../ops/runtime.ts';
import type { Tensor } from '../../tensor/tensor.ts';

/** x·Wᵀ + b. https://pytorch.org/docs/stable/generated/torch.nn.functional.linear.html */
export const linear: FreeCall<
  [input: Tensor, weight: Tensor, bias?: Tensor | null],
  { weight?: Tensor; bias?: Tensor | null },
  Tensor
> = define(
  'linear(input, weight, bias=None)',
  (input: Tensor, weight: Tensor, bias: Tensor | null = null) => linearProduct(input, weight, bias),
  { functionOnly: true },
);

/** x₁ᵀ·A·x₂ + b. https://pytorch.org/docs/stable/generated/torch.nn.functional.bilinear.html */
export const bilinear: FreeCall<
  [input1: Tensor, input2: Tensor, weight: Tensor, bias?: Tensor | null],
  { bias?: Tensor | null },
  Tensor
> = define(
  'bilinear(input1, input2, weight, bias=None)',
  (x1: Tensor, x2: Tensor, weight: Tensor, bias: Tensor | null = null) => {
    if (x1.sizes.length !== x2.sizes.length) {
      throw new RuntimeError(
        `bilinear(): input dimensions do not match: got ${x1.sizes.length} and ${x2.sizes.length}`,
      );
    }
    const [outputs, in1, in2] = weight.sizes;
    if (x1.sizes[x1.sizes.length - 1] !== in1) {
      throw new RuntimeError(
        `bilinear(): input1 size does not match weight size: got ${x1.sizes[x1.sizes.length - 1]} but expected ${in1}`,
      );
    }
    if (x2.sizes[x2.sizes.length - 1] !== in2) {
      throw new RuntimeError(
        `bilinear(): input2 size does not match weight size: got ${x2.sizes[x2.sizes.length - 1]} but expected ${in2}`,
      );
    }
    const lead = x1.sizes.slice(0, -1);
    const a = x1.reshape([-1, in1]);
    const b = x2.reshape([-1, in2]);
    // Per output o: (a·A_o) ∘ b summed over the last dimension.
    const projected = a.mm(weight.permute(1, 0, 2).reshape([in1, outputs * in2])).reshape([-1, outputs, in2]);
    const out = projected
      .mul(b.unsqueeze(1))
      .sum(2)
      .reshape([...lead, outputs]);
    return bias === null ? out : out.add(bias);
  },
  { functionOnly: true },
);

function rowsOf(index: Tensor, width: number): Locate {
  const sizes = [...index.sizes, width];
  return (table) => ({
    sizes,
    strides: [...index.sizes.map(() => 0), table.strides[1]],
    offset: table.offset,
    index: [indexView(index, sizes, [...(index.dtype === int64 ? index : index.to(int64)).strides, 0])],
    stride: [table.strides[0]],
    size: [table.sizes[0]],
    wrap: false,
  });
}

/** Rows of the weight, by index. https://pytorch.org/docs/stable/generated/torch.nn.functional.embedding.html */
export const embedding: FreeCall<
  [
    input: Tensor,
    weight: Tensor,
    paddingIdx?: number | null,
    maxNorm?: number | null,
    normType?: number,
    scaleGradByFreq?: boolean,
    sparse?: boolean,
  ],
  {
    paddingIdx?: number | null;
    maxNorm?: number | null;
    normType?: number;
    scaleGradByFreq?: boolean;
    sparse?: boolean;
  },
  Tensor
> = define(
  'embedding(input, weight, paddingIdx=None, maxNorm=None, normType=2, scaleGradByFreq=False, sparse=False)',
  (
    input: Tensor,
    weight: Tensor,
    paddingIdx: number | null = null,
    maxNorm: number | null = null,
    normType = 2,
    scaleGradByFreq = false,
    sparse = false,
  ) => {
    if (input.dtype !== int64 && input.dtype.name !== 'int32') {
      throw new RuntimeError(
        `Expected tensor for argument #1 'indices' to have one of the following scalar types: Long, Int; but got torch.${input.dtype.scalarName}Tensor instead (while checking arguments for embedding)`,
      );
    }
    if (weight.sizes.length !== 2) throw new RuntimeError("'weight' must be 2-D");
    if (sparse) throw new NotImplementedError('embedding with sparse=True: there are no sparse tensors');
    const index = input.to(int64);
    if (maxNorm !== null) renormRows(weight, index, maxNorm, normType);
    const locate = rowsOf(index, weight.sizes[1]);
    const padding = paddingIdx !== null && paddingIdx < 0 ? paddingIdx + weight.sizes[0] : paddingIdx;
    if (padding === null && !scaleGradByFreq) return readAt('Embedding', weight, locate, selfBounds);
    const out = runtime.noGrad(() => readAt('Embedding', weight, locate, selfBounds));
    const { sizes } = weight;
    return runtime.record(out, {
      name: 'Embedding',
      inputs: [weight],
      saved: [],
      backward: ([grad]) => {
        if (grad === null || grad === undefined) return [null];
        let g = padding === null ? grad : grad.maskedFill(index.eq(padding).unsqueeze(-1), 0);
        if (scaleGradByFreq) g = g.div(frequencies(index, sizes[0]).to(g.dtype).unsqueeze(-1));
        return [addAt(g, sizes, locate, selfBounds)];
      },
    });
  },
  { functionOnly: true },
);

/** How often each index occurs, at each of its places. */
function frequencies(index: Tensor, rows: number): Tensor {
  const flat = index.reshape([-1]);
  const counts = flat.newZeros([rows]).scatterAdd(0, flat, flat.newOnes(flat.sizes));
  return counts.indexSelect(0, flat).reshape(index.sizes);
}

/** Rescales rows that are used and longer than `maxNorm`, in place. */
function renormRows(weight: Tensor, index: Tensor, maxNorm: number, p: number): void {
  runtime.noGrad(() => {
    const seen = new Set(index.reshape([-1]).tolist() as number[]);
    for (const row of seen) {
      const vector = weight.select(0, row);
      const length = vector.norm(p).item();
      if (length > maxNorm) vector.mul_(maxNorm / (length + 1e-7));
    }
  });
}

/** Indices as rows of zeros with a one. https://pytorch.org/docs/stable/generated/torch.nn.functional.one_hot.html */
export const oneHot: FreeCall<[input: Tensor, numClasses?: number], { numClasses?: number }, Tensor> = define(
  'one_hot(input|tensor, numClasses=-1)',
  (input: Tensor, numClasses = -1) => {
    if (input.dtype !== int64) throw new RuntimeError('one_hot is only applicable to index tensor.');
    if (input.numel() === 0) {
      if (numClasses <= 0) throw new RuntimeError('Can not infer total number of classes from empty tensor.');
      return input.newEmpty([...input.sizes, numClasses]);
    }
    if (input.min().item() < 0) throw new RuntimeError('Class values must be non-negative.');
    const largest = input.max().item();
    if (numClasses !== -1 && numClasses <= largest) {
      throw new RuntimeError(
        numClasses < 1 ? 'num_classes should be positive' : 'Class values must be smaller than num_classes.',
      );
    }
    const classes = numClasses === -1 ? largest + 1 : numClasses;
    return input.newZeros([...input.sizes, classes]).scatter_(-1, input.unsqueeze(-1), 1);
  },
  { functionOnly: true },
);
