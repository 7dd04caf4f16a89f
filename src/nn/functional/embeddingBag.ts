/** Sums, means and maxima of rows of a table. https://pytorch.org/docs/stable/generated/torch.nn.functional.embedding_bag.html */
import { int64 } from '../../base/dtype.ts';
import { NotImplementedError, RuntimeError, ValueError } from '../../base/errors.ts';
import { define, type FreeCall } from '../../ops/define.ts';
import { stack } from '../../ops/index.ts';
import { runtime } from '../../ops/runtime.ts';
import type { Tensor } from '../../tensor/tensor.ts';
import { embedding } from './linear.ts';

export type BagMode = 'sum' | 'mean' | 'max';

/** Options of `embeddingBag`. */
export interface EmbeddingBagOptions {
  offsets?: Tensor | null;
  maxNorm?: number | null;
  normType?: number;
  scaleGradByFreq?: boolean;
  mode?: BagMode;
  sparse?: boolean;
  perSampleWeights?: Tensor | null;
  includeLastOffset?: boolean;
  paddingIdx?: number | null;
}

function wholeNumbers(x: Tensor): number[] {
  return (x.detach().reshape([-1]).tolist() as (number | bigint)[]).map(Number);
}

/** Where each bag starts, and the end of the last one. */
function boundaries(input: Tensor, offsets: Tensor | null, includeLast: boolean): number[] {
  if (input.sizes.length === 2) {
    if (offsets !== null) {
      throw new ValueError(
        'if input is 2D, then offsets has to be None, as input is treated is a mini-batch of fixed length sequences.',
      );
    }
    const [bags, length] = input.sizes;
    return Array.from({ length: bags + 1 }, (_, i) => i * length);
  }
  if (input.sizes.length !== 1) {
    throw new ValueError(
      `input has to be 1D or 2D Tensor, but got Tensor of dimension ${input.sizes.length}`,
    );
  }
  if (offsets === null) throw new ValueError('offsets has to be a 1D Tensor but got None');
  if (offsets.sizes.length !== 1) throw new ValueError('offsets has to be a 1D Tensor');
  const starts = wholeNumbers(offsets);
  if (starts.length > 0 && starts[0] !== 0) {
    throw new RuntimeError(
      `offsets[0] has to be 0, i.e., the first sequence in the mini-batch has to start from position 0. However, got ${starts[0]}`,
    );
  }
  return includeLast ? starts : [...starts, input.numel()];
}

/** One row per bag of indices: the sum, mean or maximum of the rows of `weight` that the bag names. */
export const embeddingBag: FreeCall<
  [
    input: Tensor,
    weight: Tensor,
    offsets?: Tensor | null,
    maxNorm?: number | null,
    normType?: number,
    scaleGradByFreq?: boolean,
    mode?: BagMode,
    sparse?: boolean,
    perSampleWeights?: Tensor | null,
    includeLastOffset?: boolean,
    paddingIdx?: number | null,
  ],
  EmbeddingBagOptions & { weight?: Tensor },
  Tensor
> = define(
  "embedding_bag(input, weight, offsets=None, maxNorm=None, normType=2, scaleGradByFreq=False, mode='mean', sparse=False, perSampleWeights=None, includeLastOffset=False, paddingIdx=None)",
  (
    input: Tensor,
    weight: Tensor,
    offsets: Tensor | null = null,
    maxNorm: number | null = null,
    normType = 2,
    scaleGradByFreq = false,
    mode: BagMode = 'mean',
    sparse = false,
    perSampleWeights: Tensor | null = null,
    includeLastOffset = false,
    paddingIdx: number | null = null,
  ) => {
    if (sparse) throw new NotImplementedError('embedding_bag with sparse=True: there are no sparse tensors');
    if (mode !== 'sum' && mode !== 'mean' && mode !== 'max')
      throw new ValueError('mode has to be one of sum or mean');
    if (perSampleWeights !== null && mode !== 'sum') {
      throw new NotImplementedError(
        `embedding_bag: per_sample_weights was not None. per_sample_weights is only supported for mode='sum' (got mode='${mode}'). Please open a feature request on GitHub.`,
      );
    }
    const ends = boundaries(input, offsets, includeLastOffset);
    const bags = Math.max(ends.length - 1, 0);
    const padding = paddingIdx !== null && paddingIdx < 0 ? paddingIdx + weight.sizes[0] : paddingIdx;
    const indices = wholeNumbers(input);
    // The places that count, by bag.
    const kept: number[] = [];
    const bagOf: number[] = [];
    const counts = new Array<number>(bags).fill(0);
    for (let bag = 0; bag < bags; bag++) {
      for (let i = ends[bag]; i < ends[bag + 1]; i++) {
        if (indices[i] === padding) continue;
        kept.push(i);
        bagOf.push(bag);
        counts[bag]++;
      }
    }
    const table = (values: readonly number[]): Tensor =>
      runtime.fromArray(BigInt64Array.from(values, BigInt), [values.length], int64, weight);
    const flat = input.reshape([-1]);
    const places = table(kept);
    let rows = embedding(flat.indexSelect(0, places), weight, null, maxNorm, normType, scaleGradByFreq);
    if (perSampleWeights !== null)
      rows = rows.mul(perSampleWeights.reshape([-1]).indexSelect(0, places).unsqueeze(1));
    const width = weight.sizes[1];
    if (mode === 'max') return largestOfBags(rows, counts, width);
    const sums = weight.newZeros([bags, width]).indexAdd(0, table(bagOf), rows);
    if (mode === 'sum') return sums;
    const sizes = table(counts.map((c) => Math.max(c, 1))).to(weight.dtype);
    return sums.div(sizes.unsqueeze(1));
  },
  { functionOnly: true },
);

/** Rows of zeros for empty bags. */
function largestOfBags(rows: Tensor, counts: readonly number[], width: number): Tensor {
  if (counts.length === 0) return rows.newZeros([0, width]);
  let at = 0;
  const parts = counts.map((count) => {
    const bag = rows.narrow(0, at, count);
    at += count;
    return count === 0 ? rows.newZeros([width]) : bag.max(0).values;
  });
  return parts.length === 1 ? parts[0].unsqueeze(0) : stack(parts);
}
