/** Special functions that `torch` itself has; `torch.special` has more (ops/special). https://pytorch.org/docs/stable/special.html */
import { getDefaultDtype } from '../../base/dtype.ts';
import { RuntimeError } from '../../base/errors.ts';
import * as E from '../../expr/expr.ts';
import type { Tensor } from '../../tensor/tensor.ts';
import { type Call, define, type TensorsOp, type UnaryOp } from '../define.ts';
import { binary, defineOp, INTEGERS, noDerivative, pointwise, unary } from './family.ts';

function float(name: string, expr: (x: E.Expr) => E.Expr, gradName?: string): UnaryOp {
  return unary(name, {
    rule: 'intToFloat',
    expr: ([x]) => expr(x),
    ...(gradName === undefined ? {} : { gradName }),
  });
}

/** The error function. https://pytorch.org/docs/stable/generated/torch.erf.html */
export const erf: UnaryOp = float('erf', E.erf);
/** 1 − erf(x). https://pytorch.org/docs/stable/generated/torch.erfc.html */
export const erfc: UnaryOp = float('erfc', E.erfc);
/** The inverse of erf. https://pytorch.org/docs/stable/generated/torch.erfinv.html */
export const erfinv: UnaryOp = float('erfinv', E.erfinv);
/** log |Γ(x)|. https://pytorch.org/docs/stable/generated/torch.lgamma.html */
export const lgamma: UnaryOp = float('lgamma', E.lgamma);
/** The derivative of lgamma. https://pytorch.org/docs/stable/generated/torch.digamma.html */
export const digamma: UnaryOp = float('digamma', E.digamma);
/** The modified Bessel function I₀. https://pytorch.org/docs/stable/generated/torch.i0.html */
export const i0: UnaryOp = float('i0', E.i0, 'I0');

const polygammaOp = pointwise('polygamma', {
  rule: 'intToFloat',
  expr: ([x], [n]) => E.polygamma(n, x),
  derivative: ([x], _, [n]) => [E.polygamma(E.add(n, 1), x)],
});
const digammaOp = pointwise('polygamma', { rule: 'intToFloat', expr: ([x]) => E.digamma(x) });
/** Below ½ by reflection, in the compute type: near the poles it is as PyTorch has it, where π·x is rounded. */
const trigammaOp = pointwise('polygamma', {
  rule: 'intToFloat',
  expr: ([x]) => {
    const n = E.constant(1, x.type);
    const sine = E.sin(E.mul(x, Math.PI));
    const reflected = E.sub(E.div(Math.PI ** 2, E.mul(sine, sine)), E.polygamma(n, E.sub(1, x)));
    return E.select(E.lt(x, 0.5), reflected, E.polygamma(n, x));
  },
  derivative: ([x]) => [E.polygamma(E.constant(2, x.type), x)],
});

/** The n-th derivative of digamma. https://pytorch.org/docs/stable/special.html#torch.special.polygamma */
export const polygamma: Call<[n: number, input: Tensor], { input?: Tensor; out?: Tensor }, Tensor> & {
  readonly functionOnly: true;
} = defineOp(
  'polygamma(n, input: Tensor, *, out=None)',
  { functionOnly: true },
  (n: number, input: Tensor) => {
    if (n < 0) throw new RuntimeError('polygamma(n, x) does not support negative n.');
    if (n < 2) return [n === 0 ? digammaOp : trigammaOp, [input], []];
    return [polygammaOp, [input], [n]];
  },
);
/** The regularised lower incomplete gamma function. https://pytorch.org/docs/stable/special.html#torch.special.gammainc */
export const igamma: TensorsOp = binary(
  'igamma',
  {
    expr: ([a, x]) => E.igamma(a, x),
    noDerivative: [noDerivative('igamma: input'), null],
    refuses: { kernel: 'igamma_cpu', dtypes: INTEGERS },
  },
  { tensorsOnly: true },
);
/** The regularised upper incomplete gamma function. https://pytorch.org/docs/stable/special.html#torch.special.gammaincc */
export const igammac: TensorsOp = binary(
  'igammac',
  {
    expr: ([a, x]) => E.igammac(a, x),
    noDerivative: [noDerivative('igammac: input'), null],
    refuses: { kernel: 'igammac_cpu', dtypes: INTEGERS },
  },
  { tensorsOnly: true },
);

/** The logarithm of the multivariate gamma function. https://pytorch.org/docs/stable/special.html#torch.special.multigammaln */
export const mvlgamma: Call<[input: Tensor, p: number], { p?: number; out?: Tensor }, Tensor> = define(
  'mvlgamma(input, p, *, out=None)',
  (input: Tensor, p: number) => {
    const x = input.dtype.isFloatingPoint ? input : input.to(getDefaultDtype());
    if (p < 1) throw new RuntimeError('p has to be greater than or equal to 1');
    let total = x.lgamma();
    for (let j = 1; j < p; j++) total = total.add(x.sub(j / 2).lgamma());
    return total.add((p * (p - 1) * Math.log(Math.PI)) / 4);
  },
  { inplace: true, shownAs: 'Mvlgamma' },
);
