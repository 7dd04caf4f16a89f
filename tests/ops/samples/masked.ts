/** Samples of `torch.masked`. */
import { each, op, s, type Table } from '../cases.ts';
import { mask, positive, x } from '../operands.ts';

/** Two rows, of which the mask keeps something everywhere. */
const kept = () => mask([2, 3]);
const reduction = () =>
  op(
    s(x([2, 3]), 1, { mask: kept() }),
    s(x([2, 3]), { mask: mask([3]) }),
    s(x([2, 3]), [0, 1]),
    s(x([2, 3]), 0, { keepdim: true }),
  );
const along = () => op(s(x([2, 3]), 1, { mask: kept() }), s(x([2, 3]), 0));

export const table: Table = Object.fromEntries(
  Object.entries({
    ...each(['sum', 'prod', 'mean', 'amax', 'amin', 'logsumexp'], reduction),
    ...each(['argmax', 'argmin'], () => op(s(x([2, 3]), 1, { mask: kept() }), s(x([2, 3]))).discrete()),
    ...each(['var', 'std'], () =>
      op(s(x([2, 4]), 1, { mask: mask([4]) }), s(x([2, 3]), 0, true, { keepdim: true })),
    ),
    norm: op(s(x([2, 3]), 2, 1, { mask: kept() }), s(positive([2, 3]), 3), s(x([2, 3]), 1, 0)),
    normalize: op(s(x([2, 4]), 2, 1, { mask: mask([4]) }), s(x([2, 3]), 1, 0)),
    median: op(s(x([2, 3]), 1, { mask: kept() }), s(x([2, 3]))),
    ...each(['cumsum', 'cumprod', 'softmax', 'softmin'], along),
    logSoftmax: op(s(x([2, 3]), 1, { mask: kept() }).unchecked('differences of -∞ are NaN'), s(x([2, 3]), 0)),
    logaddexp: op(s(x([2, 3]), x([2, 3]), { inputMask: mask([2, 3]) }), s(x([2, 3]), x([2, 3]))),
  }).map(([name, spec]) => [`masked.${name}`, spec]),
);
