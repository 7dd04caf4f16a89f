/** Window functions for signals. https://pytorch.org/docs/stable/torch.html#creation-ops */
import { cppName, type DType, getDefaultDtype } from '../base/dtype.ts';
import { RuntimeError } from '../base/errors.ts';
import { i0 } from '../expr/special.ts';
import { define, type FreeCall } from '../ops/define.ts';
import { filled, type Options, writeValues } from './create.ts';
import type { Tensor } from './tensor.ts';

const CREATION = '*, dtype=None, requiresGrad=False, device=None, layout=None, pinMemory=False';

/** The window's value at x, which runs from 0 to 1; `a` and `b` are its parameters. */
type Shape = (x: number, a: number, b: number) => number;

/** A window of `length` points; a periodic one is a symmetric one that is a point longer, less its last point. */
function makeWindow(
  name: string,
  shape: Shape,
  length: number,
  periodic: boolean,
  parameters: readonly [number, number],
  options: readonly [DType | null | undefined, boolean | undefined, unknown],
): Tensor {
  const [dtype, requiresGrad, device] = options;
  const chosen = dtype ?? getDefaultDtype();
  if (!chosen.isFloatingPoint) {
    throw new RuntimeError(`${name} expects floating point dtypes, got: ${cppName(chosen)}`);
  }
  if (length < 0) {
    throw new RuntimeError(`${name} requires non-negative window_length, got window_length=${length}`);
  }
  const last = periodic ? length : length - 1;
  const values = Float64Array.from({ length }, (_, i) => (length === 1 ? 1 : shape(i / last, ...parameters)));
  return filled([length], chosen, device, requiresGrad, (t) => writeValues(t, values));
}

type WindowCall = FreeCall<
  [windowLength: number, periodic?: boolean],
  Options & { windowLength?: number; periodic?: boolean },
  Tensor
>;

function plainWindow(name: string, shape: Shape): WindowCall {
  return define(
    `${name}(windowLength, periodic=True, ${CREATION})`,
    (length: number, periodic = true, dtype?: DType | null, requiresGrad?: boolean, device?: unknown) =>
      makeWindow(name, shape, length, periodic, [0, 0], [dtype, requiresGrad, device]),
    { functionOnly: true },
  );
}

/** A triangle: 0 at both ends, 1 in the middle. https://pytorch.org/docs/stable/generated/torch.bartlett_window.html */
export const bartlettWindow: WindowCall = plainWindow('bartlett_window', (x) => 1 - Math.abs(2 * x - 1));
/** ½ − ½·cos 2πx. https://pytorch.org/docs/stable/generated/torch.hann_window.html */
export const hannWindow: WindowCall = plainWindow(
  'hann_window',
  (x) => 0.5 - 0.5 * Math.cos(2 * Math.PI * x),
);
/** 0.42 − 0.5·cos 2πx + 0.08·cos 4πx. https://pytorch.org/docs/stable/generated/torch.blackman_window.html */
export const blackmanWindow: WindowCall = plainWindow(
  'blackman_window',
  (x) => 0.42 - 0.5 * Math.cos(2 * Math.PI * x) + 0.08 * Math.cos(4 * Math.PI * x),
);

/** alpha − beta·cos 2πx. https://pytorch.org/docs/stable/generated/torch.hamming_window.html */
export const hammingWindow: FreeCall<
  [windowLength: number, periodic?: boolean, alpha?: number, beta?: number],
  Options & { windowLength?: number; periodic?: boolean; alpha?: number; beta?: number },
  Tensor
> = define(
  `hamming_window(windowLength, periodic=True, alpha=0.54, beta=0.46, ${CREATION})`,
  (
    length: number,
    periodic = true,
    alpha = 0.54,
    beta = 0.46,
    dtype?: DType | null,
    requiresGrad?: boolean,
    device?: unknown,
  ) =>
    makeWindow(
      'hamming_window',
      (x, a, b) => a - b * Math.cos(2 * Math.PI * x),
      length,
      periodic,
      [alpha, beta],
      [dtype, requiresGrad, device],
    ),
  { functionOnly: true },
);

/** I₀(beta·√(1 − (2x−1)²))/I₀(beta). https://pytorch.org/docs/stable/generated/torch.kaiser_window.html */
export const kaiserWindow: FreeCall<
  [windowLength: number, periodic?: boolean, beta?: number],
  Options & { windowLength?: number; periodic?: boolean; beta?: number },
  Tensor
> = define(
  `kaiser_window(windowLength, periodic=True, beta=12, ${CREATION})`,
  (
    length: number,
    periodic = true,
    beta = 12,
    dtype?: DType | null,
    requiresGrad?: boolean,
    device?: unknown,
  ) =>
    makeWindow(
      'kaiser_window',
      (x, a) => i0(a * Math.sqrt(Math.max(1 - (2 * x - 1) ** 2, 0))) / i0(a),
      length,
      periodic,
      [beta, 0],
      [dtype, requiresGrad, device],
    ),
  { functionOnly: true },
);
