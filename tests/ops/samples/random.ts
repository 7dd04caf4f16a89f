/** Samples of functions that draw random numbers: with the same seed every device draws the same. */
import { DEVICE, DTYPE, each, op, s, type Table } from '../cases.ts';
import { exactly, positive, x } from '../operands.ts';

const here = { device: DEVICE, dtype: DTYPE };
const drawn = (...samples: ReturnType<typeof s>[]) =>
  op(...samples)
    .discrete()
    .random()
    .layoutMatters();
/** Fills a tensor, in the order of its memory: what was in it has a gradient of zero. */
const filled = (...samples: ReturnType<typeof s>[]) =>
  op(...samples)
    .flat()
    .random()
    .layoutMatters();
const chances = (sizes: readonly number[]) => exactly([0.3, 0.6, 0.5, 0.25], sizes);

export const table: Table = {
  ...each(['rand', 'randn'], () => drawn(s(2, 3, here), s([20], here), s([], here))),
  randint: drawn(s(10, [2, 3], here), s(-5, 5, [20], here)),
  randperm: drawn(s(10, here)),
  normal: drawn(
    s(0.5, 2, [2, 3], { device: DEVICE }),
    s(x([2, 3]), positive([2, 3])),
    s(x([20]), 2),
    s(1, positive([3])),
  ),
  ...each(['randLike', 'randnLike'], () => drawn(s(x([2, 3])), s(x([20])))),
  randintLike: drawn(s(x([2, 3]), 10), s(x([20]), 2, 9)),
  bernoulli: op(s(chances([2, 3])), s(chances([20])), s(x([2, 3]), 0.4))
    .flat()
    .random()
    .layoutMatters()
    .inplaceApart(),
  poisson: op(s(positive([2, 3], 9)), s(positive([20], 30)))
    .flat()
    .random()
    .layoutMatters(),
  svdLowrank: op(s(x([4, 3]), 2), s(x([2, 4]), { q: 1, M: x([2, 4]) }))
    .random()
    .layoutMatters(),
  pcaLowrank: op(s(x([4, 3]), 2), s(x([2, 4]), { center: false }))
    .random()
    .layoutMatters(),
  multinomial: drawn(s(positive([4]), 2), s(positive([2, 4]), 6, true)),
  'Tensor.bernoulli_': filled(
    s(x([2, 3])),
    s(x([20]), 0.3),
    s(x([2, 3]).level(), chances([2, 3]).constant()),
  ),
  'Tensor.uniform_': filled(s(x([2, 3])), s(x([20]), -2, 5)),
  'Tensor.normal_': filled(s(x([2, 3])), s(x([20]), 1, 3)),
  'Tensor.cauchy_': filled(s(x([20])), s(x([2, 3]), 1, 2)),
  'Tensor.exponential_': filled(s(x([20])), s(x([2, 3]), 2)),
  'Tensor.geometric_': filled(s(x([20]), 0.3)),
  'Tensor.logNormal_': filled(s(x([20])), s(x([2, 3]), 0.5, 1)),
  'Tensor.random_': filled(s(x([20]), 100), s(x([2, 3]), 5, 50)),
};
