/** `torch.special`: orthogonal polynomials of whole degree n. https://pytorch.org/docs/stable/special.html */
import * as E from '../../expr/expr.ts';
import type { BinaryOp } from '../define.ts';
import { constantBinary } from './family.ts';

/** 2x − 1: the shifted polynomials are those on [0, 1]. */
function shifted(x: E.Expr): E.Expr {
  return E.sub(E.mul(x, 2), 1);
}

/** The Chebyshev polynomial of the first kind Tₙ. https://pytorch.org/docs/stable/special.html#torch.special.chebyshev_polynomial_t */
export const chebyshevPolynomialT: BinaryOp = constantBinary(
  'special_chebyshev_polynomial_t',
  E.chebyshevPolynomialT,
);
/** The Chebyshev polynomial of the second kind Uₙ. https://pytorch.org/docs/stable/special.html#torch.special.chebyshev_polynomial_u */
export const chebyshevPolynomialU: BinaryOp = constantBinary(
  'special_chebyshev_polynomial_u',
  E.chebyshevPolynomialU,
);
/** The Chebyshev polynomial of the third kind Vₙ. https://pytorch.org/docs/stable/special.html#torch.special.chebyshev_polynomial_v */
export const chebyshevPolynomialV: BinaryOp = constantBinary(
  'special_chebyshev_polynomial_v',
  E.chebyshevPolynomialV,
);
/** The Chebyshev polynomial of the fourth kind Wₙ. https://pytorch.org/docs/stable/special.html#torch.special.chebyshev_polynomial_w */
export const chebyshevPolynomialW: BinaryOp = constantBinary(
  'special_chebyshev_polynomial_w',
  E.chebyshevPolynomialW,
);
/** The physicist's Hermite polynomial Hₙ. https://pytorch.org/docs/stable/special.html#torch.special.hermite_polynomial_h */
export const hermitePolynomialH: BinaryOp = constantBinary(
  'special_hermite_polynomial_h',
  E.hermitePolynomialH,
);
/** The probabilist's Hermite polynomial Heₙ. https://pytorch.org/docs/stable/special.html#torch.special.hermite_polynomial_he */
export const hermitePolynomialHe: BinaryOp = constantBinary(
  'special_hermite_polynomial_he',
  E.hermitePolynomialHe,
);
/** The Laguerre polynomial Lₙ. https://pytorch.org/docs/stable/special.html#torch.special.laguerre_polynomial_l */
export const laguerrePolynomialL: BinaryOp = constantBinary(
  'special_laguerre_polynomial_l',
  E.laguerrePolynomialL,
);
/** The Legendre polynomial Pₙ. https://pytorch.org/docs/stable/special.html#torch.special.legendre_polynomial_p */
export const legendrePolynomialP: BinaryOp = constantBinary(
  'special_legendre_polynomial_p',
  E.legendrePolynomialP,
);
/** The shifted Chebyshev polynomial of the first kind. https://pytorch.org/docs/stable/special.html#torch.special.shifted_chebyshev_polynomial_t */
export const shiftedChebyshevPolynomialT: BinaryOp = constantBinary(
  'special_shifted_chebyshev_polynomial_t',
  (x, n) => E.chebyshevPolynomialT(shifted(x), n),
);
/** The shifted Chebyshev polynomial of the second kind. https://pytorch.org/docs/stable/special.html#torch.special.shifted_chebyshev_polynomial_u */
export const shiftedChebyshevPolynomialU: BinaryOp = constantBinary(
  'special_shifted_chebyshev_polynomial_u',
  (x, n) => E.chebyshevPolynomialU(shifted(x), n),
);
/** The shifted Chebyshev polynomial of the third kind. https://pytorch.org/docs/stable/special.html#torch.special.shifted_chebyshev_polynomial_v */
export const shiftedChebyshevPolynomialV: BinaryOp = constantBinary(
  'special_shifted_chebyshev_polynomial_v',
  (x, n) => E.chebyshevPolynomialV(shifted(x), n),
);
/** The shifted Chebyshev polynomial of the fourth kind. https://pytorch.org/docs/stable/special.html#torch.special.shifted_chebyshev_polynomial_w */
export const shiftedChebyshevPolynomialW: BinaryOp = constantBinary(
  'special_shifted_chebyshev_polynomial_w',
  (x, n) => E.chebyshevPolynomialW(shifted(x), n),
);
