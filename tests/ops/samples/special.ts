/** Samples of `torch.special`. The ranges are where the function is defined and its derivatives are not zero. */
import { each, op, s, type Table } from '../cases.ts';
import { index, positive, type Range, x } from '../operands.ts';

const one = (range: Range = {}) => op(s(x([2, 3], range)), s(x([3], range)));
const constant = (range: Range = {}) => one(range).discrete();
/** A polynomial in x of degree n. */
const polynomial = () =>
  op(
    s(x([2, 3]), index([2, 3], 5)),
    s(x([2, 1]), index([3], 8)),
    s(x([2, 3]), 4),
    s(2, index([3], 8)),
  ).discrete();
const withPrefix = (table: Table): Table =>
  Object.fromEntries(Object.entries(table).map(([name, spec]) => [`special.${name}`, spec]));

export const table: Table = withPrefix({
  entr: one({ low: 0.3, high: 2 }),
  ...each(['erfcx', 'i0e', 'i1', 'i1e', 'ndtr', 'logNdtr'], one),
  ndtri: one({ low: 0.05, high: 0.95 }),
  xlog1py: op(
    s(x([2, 3]), positive([2, 3])),
    s(x([2, 1]), positive([3])),
    s(x([2, 3]), 1.5),
    s(2, positive([3])),
  ),
  zeta: op(s(x([2, 3], { low: 1.5, high: 4 }), positive([3])), s(2, positive([3]))).underivable(),

  ...each(['airyAi', 'besselJ0', 'besselJ1', 'sphericalBesselJ0'], () => constant({ low: -9, high: 9 })),
  ...each(['modifiedBesselI0', 'modifiedBesselI1'], constant),
  ...each(
    [
      'besselY0',
      'besselY1',
      'modifiedBesselK0',
      'modifiedBesselK1',
      'scaledModifiedBesselK0',
      'scaledModifiedBesselK1',
    ],
    () => constant({ low: 0.2, high: 9 }),
  ),
  ...each(
    [
      'chebyshevPolynomialT',
      'chebyshevPolynomialU',
      'chebyshevPolynomialV',
      'chebyshevPolynomialW',
      'hermitePolynomialH',
      'hermitePolynomialHe',
      'laguerrePolynomialL',
      'legendrePolynomialP',
      'shiftedChebyshevPolynomialT',
      'shiftedChebyshevPolynomialU',
      'shiftedChebyshevPolynomialV',
      'shiftedChebyshevPolynomialW',
    ],
    polynomial,
  ),
});
