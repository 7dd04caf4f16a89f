/** `torch.special`: Bessel functions and the Airy function. https://pytorch.org/docs/stable/special.html */
import * as E from '../../expr/expr.ts';
import type { UnaryOp } from '../define.ts';
import { constantUnary } from './family.ts';

/** The Airy function Ai. https://pytorch.org/docs/stable/special.html#torch.special.airy_ai */
export const airyAi: UnaryOp = constantUnary('special_airy_ai', E.airyAi);
/** The Bessel function of the first kind J₀. https://pytorch.org/docs/stable/special.html#torch.special.bessel_j0 */
export const besselJ0: UnaryOp = constantUnary('special_bessel_j0', E.besselJ0);
/** The Bessel function of the first kind J₁. https://pytorch.org/docs/stable/special.html#torch.special.bessel_j1 */
export const besselJ1: UnaryOp = constantUnary('special_bessel_j1', E.besselJ1);
/** The Bessel function of the second kind Y₀. https://pytorch.org/docs/stable/special.html#torch.special.bessel_y0 */
export const besselY0: UnaryOp = constantUnary('special_bessel_y0', E.besselY0);
/** The Bessel function of the second kind Y₁. https://pytorch.org/docs/stable/special.html#torch.special.bessel_y1 */
export const besselY1: UnaryOp = constantUnary('special_bessel_y1', E.besselY1);
/** The modified Bessel function of the first kind I₀. https://pytorch.org/docs/stable/special.html#torch.special.modified_bessel_i0 */
export const modifiedBesselI0: UnaryOp = constantUnary('special_modified_bessel_i0', E.i0);
/** The modified Bessel function of the first kind I₁. https://pytorch.org/docs/stable/special.html#torch.special.modified_bessel_i1 */
export const modifiedBesselI1: UnaryOp = constantUnary('special_modified_bessel_i1', E.i1);
/** The modified Bessel function of the second kind K₀. https://pytorch.org/docs/stable/special.html#torch.special.modified_bessel_k0 */
export const modifiedBesselK0: UnaryOp = constantUnary('special_modified_bessel_k0', E.modifiedBesselK0);
/** The modified Bessel function of the second kind K₁. https://pytorch.org/docs/stable/special.html#torch.special.modified_bessel_k1 */
export const modifiedBesselK1: UnaryOp = constantUnary('special_modified_bessel_k1', E.modifiedBesselK1);
/** e^x·K₀(x). https://pytorch.org/docs/stable/special.html#torch.special.scaled_modified_bessel_k0 */
export const scaledModifiedBesselK0: UnaryOp = constantUnary(
  'special_scaled_modified_bessel_k0',
  E.scaledModifiedBesselK0,
);
/** e^x·K₁(x). https://pytorch.org/docs/stable/special.html#torch.special.scaled_modified_bessel_k1 */
export const scaledModifiedBesselK1: UnaryOp = constantUnary(
  'special_scaled_modified_bessel_k1',
  E.scaledModifiedBesselK1,
);
/** The spherical Bessel function of the first kind sin(x)/x. https://pytorch.org/docs/stable/special.html#torch.special.spherical_bessel_j0 */
export const sphericalBesselJ0: UnaryOp = constantUnary('special_spherical_bessel_j0', (x) => {
  // 0 at infinity; near 0 the first terms of the series, as the quotient has none.
  const square = E.mul(x, x);
  const near = E.sub(1, E.div(E.mul(square, E.sub(1, E.div(square, 20))), 6));
  const far = E.select(E.eq(E.abs(x), Number.POSITIVE_INFINITY), E.constant(0, x.type), E.div(E.sin(x), x));
  return E.select(E.lt(E.abs(x), 1e-3), near, far);
});
