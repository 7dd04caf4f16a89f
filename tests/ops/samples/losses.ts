/** Samples of losses and distances. */
import { op, type OpCase, s, type Table } from '../cases.ts';
import { exactly, index, integers, type Operand, positive, x } from '../operands.ts';

const reductions = ['mean', 'sum', 'none'] as const;
/** A loss of an input and a target, in every reduction. */
const loss = (input: () => Operand, target: () => Operand) =>
  op(...reductions.map((reduction) => s(input(), target(), { reduction })));
const pair = () =>
  loss(
    () => x([2, 3]),
    () => x([2, 3]),
  );
const shares = (sizes: readonly number[]) => x(sizes, { low: 0.1, high: 0.9 });
const signs = (sizes: readonly number[]) => exactly([1, -1, -1, 1, 1], sizes).constant();
const logits = () => x([3, 4]);

const table_: Record<string, OpCase> = {
  mseLoss: pair(),
  l1Loss: pair(),
  smoothL1Loss: op(...pair().samples, s(x([2, 3]), x([2, 3]), { beta: 0.5 })),
  huberLoss: op(...pair().samples, s(x([2, 3]), x([2, 3]), { delta: 0.5 })),
  binaryCrossEntropy: op(
    ...loss(
      () => shares([2, 3]),
      () => shares([2, 3]),
    ).samples,
    s(shares([2, 3]), shares([2, 3]), positive([3]).constant()),
  ),
  binaryCrossEntropyWithLogits: op(
    ...loss(
      () => x([2, 3]),
      () => shares([2, 3]),
    ).samples,
    s(x([2, 3]), shares([2, 3]), positive([3]).constant(), { posWeight: positive([3]).constant() }),
  ),
  nllLoss: op(
    ...reductions.map((reduction) => s(logits(), index([3], 4), { reduction })),
    s(logits(), index([3], 4), { weight: positive([4]).constant() }),
    s(logits(), integers([1, 2, 0]), { ignoreIndex: 2 }),
    s(x([2, 3, 2]), index([2, 2], 3)),
  ),
  crossEntropy: op(
    ...reductions.map((reduction) => s(logits(), index([3], 4), { reduction })),
    s(logits(), index([3], 4), { weight: positive([4]).constant(), labelSmoothing: 0.1 }),
    s(logits(), integers([1, 2, 0]), { ignoreIndex: 2 }),
    s(x([2, 3, 2]), index([2, 2], 3)),
    s(logits(), shares([3, 4])),
  ),
  klDiv: op(
    ...loss(
      () => x([2, 3]),
      () => shares([2, 3]),
    ).samples,
    s(x([2, 3]), x([2, 3]), { logTarget: true, reduction: 'batchmean' }),
  ),
  poissonNllLoss: op(
    s(x([2, 3]), positive([2, 3])),
    s(positive([2, 3]), positive([2, 3]), { logInput: false, full: true }),
  ),
  gaussianNllLoss: op(
    s(x([2, 3]), x([2, 3]), positive([2, 3])),
    s(x([2, 3]), x([2, 3]), positive([2, 3]), { full: true }),
  ),
  hingeEmbeddingLoss: op(s(x([2, 3]), signs([2, 3])), s(x([2, 3]), signs([2, 3]), 2)),
  softMarginLoss: op(s(x([2, 3]), signs([2, 3]))),
  marginRankingLoss: op(s(x([6]), x([6]), signs([6]), 0.5)),
  cosineEmbeddingLoss: op(s(x([3, 4]), x([3, 4]), signs([3])), s(x([3, 4]), x([3, 4]), signs([3]), 0.1)),
  multiMarginLoss: op(s(logits(), index([3], 4)), s(logits(), index([3], 4), 2, 0.7)),
  multilabelMarginLoss: op(s(logits(), integers([3, 0, -1, 1, 1, -1, 2, 0, 0, 1, 2, 3], [3, 4]))),
  multilabelSoftMarginLoss: op(s(logits(), exactly([1, 0, 0, 1, 1], [3, 4]).constant())),
  tripletMarginLoss: op(
    s(x([3, 4]), x([3, 4]), x([3, 4]), 5),
    s(x([3, 4]), x([3, 4]), x([3, 4]), 5, { swap: true }),
  ),
  tripletMarginWithDistanceLoss: op(s(x([3, 4]), x([3, 4]), x([3, 4]), { margin: 5 })),
  ctcLoss: op(
    s(
      x([5, 2, 3], { low: -3, high: -0.3 }),
      integers([1, 2, 2, 1], [2, 2]),
      integers([5, 4]),
      integers([2, 1]),
    ).unchecked('the gradient is that with respect to what log_softmax gets: see losses.test.ts'),
  ),
  cosineSimilarity: op(s(x([3, 4]), x([3, 4])), s(x([3, 4]), x([4]), 0)),
  pairwiseDistance: op(s(x([3, 4]), x([3, 4])), s(x([3, 4]), x([3, 4]), 1, { keepdim: true })),
};

export const table: Table = Object.fromEntries(
  Object.entries(table_).map(([name, spec]) => [`nn.functional.${name}`, spec]),
);
