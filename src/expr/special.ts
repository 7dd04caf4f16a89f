/** Special functions in double precision, for one number at a time. */
export {
  airyAi,
  besselJ0,
  besselJ1,
  besselY0,
  besselY1,
  i0,
  i0e,
  i1,
  i1e,
  modifiedBesselK0,
  modifiedBesselK1,
  scaledModifiedBesselK0,
  scaledModifiedBesselK1,
} from './special/bessel.ts';
export { erf, erfc, erfcx, erfinv, logNdtr, ndtri } from './special/error.ts';
export { digamma, igamma, igammac, lgamma, polygamma, zeta } from './special/gamma.ts';
export {
  chebyshevPolynomialT,
  chebyshevPolynomialU,
  chebyshevPolynomialV,
  chebyshevPolynomialW,
  hermitePolynomialH,
  hermitePolynomialHe,
  laguerrePolynomialL,
  legendrePolynomialP,
} from './special/polynomials.ts';
