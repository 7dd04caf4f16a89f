/**
 * Scans: running sums, products and extremes along one dimension.
 *
 * The kernels walk the memory in TypeScript. Every gradient is a scan again (of sums, or the linear recurrence s[k] = b[k] + a[k]·s[k−1]),
 * so gradients of any order exist and zeros need no special case.
 */
import { notImplementedFor } from '../refuse.ts';
import { type DType, float32, int64 } from '../../base/dtype.ts';
import { product, wrapDim } from '../../base/shape.ts';
import type { Tensor } from '../../tensor/tensor.ts';
import { type Call, define } from '../define.ts';
import { cat } from '../movement/joining.ts';
import { runtime } from '../runtime.ts';
import { pair, type ValuesIndices } from './pair.ts';

/** A tensor seen as [outer][length][inner], the scan going over `length`. */
interface Lines {
  readonly outer: number;
  readonly length: number;
  readonly inner: number;
}

function linesOf(sizes: readonly number[], dim: number): Lines {
  return {
    outer: product(sizes.slice(0, dim)),
    length: sizes.length === 0 ? 1 : sizes[dim],
    inner: product(sizes.slice(dim + 1)),
  };
}

/** Calls `visit` with the first position of every line and the step to its next element; backwards where `reverse`. */
function eachLine(
  { outer, length, inner }: Lines,
  reverse: boolean,
  visit: (start: number, step: number) => void,
): void {
  if (length === 0) return;
  const last = (length - 1) * inner;
  for (let o = 0; o < outer; o++) {
    for (let i = 0; i < inner; i++) {
      const start = o * length * inner + i;
      if (reverse) visit(start + last, -inner);
      else visit(start, inner);
    }
  }
}

type Numbers = Exclude<ReturnType<typeof runtime.memory>, BigInt64Array>;

/** 16-bit floats are scanned as float32. */
function workDtype(dtype: DType): DType {
  return dtype.isFloatingPoint && dtype.itemSize === 2 ? float32 : dtype;
}

/** What a scan folds with. Numbered, not passed as functions: a call of one of several functions for every element would take ten times as long. */
const SUM = 0;
const PRODUCT = 1;
const LOG_SUM = 2;
type Fold = typeof SUM | typeof PRODUCT | typeof LOG_SUM;

function foldNumber(kind: Fold, total: number, x: number): number {
  if (kind === SUM) return total + x;
  return kind === PRODUCT ? total * x : logAddExp(total, x);
}

function foldBigInt(kind: Fold, total: bigint, x: bigint): bigint {
  return BigInt.asIntN(64, kind === SUM ? total + x : total * x);
}

/**
 * Folds lines of numbers side by side: neighbours in memory are taken in the order of memory, and of lines that lie behind each other four at a
 * time, so that none waits for the last sum of another.
 */
function foldNumbers(
  x: Numbers,
  y: Numbers,
  { outer, length, inner }: Lines,
  reverse: boolean,
  kind: Fold,
): void {
  if (length === 0) return;
  const step = reverse ? -inner : inner;
  const first = reverse ? (length - 1) * inner : 0;
  const line = length * inner;
  if (inner > 1) {
    const totals = new Float64Array(inner);
    for (let o = 0; o < outer; o++) {
      for (let i = 0, at = o * line + first; i < inner; i++, at++) {
        totals[i] = x[at];
        y[at] = totals[i];
      }
      for (let k = 1, row = o * line + first + step; k < length; k++, row += step) {
        for (let i = 0; i < inner; i++) {
          const total = foldNumber(kind, totals[i], x[row + i]);
          totals[i] = total;
          y[row + i] = total;
        }
      }
    }
    return;
  }
  let o = 0;
  for (; o + 4 <= outer; o += 4) {
    let p = o * line + first;
    let q = p + line;
    let r = q + line;
    let s = r + line;
    let [a, b, c, d] = [x[p], x[q], x[r], x[s]];
    for (let k = 0; k < length; k++) {
      if (k > 0) {
        a = foldNumber(kind, a, x[p]);
        b = foldNumber(kind, b, x[q]);
        c = foldNumber(kind, c, x[r]);
        d = foldNumber(kind, d, x[s]);
      }
      y[p] = a;
      y[q] = b;
      y[r] = c;
      y[s] = d;
      p += step;
      q += step;
      r += step;
      s += step;
    }
  }
  for (; o < outer; o++) {
    let at = o * line + first;
    let total = x[at];
    y[at] = total;
    // Engines leave the question which fold it is in the loop, where each sum waits for it.
    if (kind === SUM) {
      for (let k = 1; k < length; k++) {
        at += step;
        total += x[at];
        y[at] = total;
      }
      continue;
    }
    for (let k = 1; k < length; k++) {
      at += step;
      total = foldNumber(kind, total, x[at]);
      y[at] = total;
    }
  }
}

/** Folds every line: out[k] = fold(out[k−1], x[k]), in double precision for floats and modulo 2⁶⁴ for int64. */
function fold(input: Tensor, dim: number, reverse: boolean, kind: Fold): Tensor {
  return runtime.noGrad(() => {
    const source = input.to(workDtype(input.dtype)).contiguous();
    const out = runtime.empty(source.sizes, source.dtype, source);
    const x = runtime.memory(source);
    const y = runtime.memory(out);
    const lines = linesOf(source.sizes, dim);
    const { length } = lines;
    if (x instanceof BigInt64Array && y instanceof BigInt64Array) {
      eachLine(lines, reverse, (start, step) => {
        let total = x[start];
        y[start] = total;
        for (let k = 1, at = start + step; k < length; k++, at += step) {
          total = foldBigInt(kind, total, x[at]);
          y[at] = total;
        }
      });
    } else {
      foldNumbers(x as Numbers, y as Numbers, lines, reverse, kind);
    }
    return out.dtype === input.dtype ? out : out.to(input.dtype);
  });
}

/** Running sums; from the end where `reverse`. */
function runningSum(input: Tensor, dim: number, reverse: boolean): Tensor {
  const out = fold(input, dim, reverse, SUM);
  return runtime.record(out, {
    name: 'Cumsum',
    inputs: [input],
    saved: [],
    backward: ([grad]) => [grad ? runningSum(grad, dim, !reverse) : null],
  });
}

function sizesWith(sizes: readonly number[], dim: number, size: number): number[] {
  return sizes.map((s, i) => (i === dim ? size : s));
}

/** `x` moved by one place along `dim`, the free place filled with `value`; towards the start where `back`. */
function shifted(x: Tensor, dim: number, back: boolean, value: number): Tensor {
  const n = x.sizes[dim];
  const edge = runtime.full(sizesWith(x.sizes, dim, 1), value, x.dtype, x);
  return back ? cat([x.narrow(dim, 1, n - 1), edge], dim) : cat([edge, x.narrow(dim, 0, n - 1)], dim);
}

/** s[k] = b[k] + a[k]·s[k−1] with s[−1] = 0; from the end (s[k+1] in place of s[k−1]) where `reverse`. Floats only. */
function recurrence(a: Tensor, b: Tensor, dim: number, reverse: boolean): Tensor {
  const out = runtime.noGrad(() => {
    const work = workDtype(b.dtype);
    const [factors, terms] = [a.to(work).contiguous(), b.to(work).contiguous()];
    const result = runtime.empty(b.sizes, work, b);
    const [x, y, s] = [factors, terms, result].map((t) => runtime.memory(t) as Numbers);
    const lines = linesOf(b.sizes, dim);
    eachLine(lines, reverse, (start, step) => {
      let total = 0;
      for (let k = 0, at = start; k < lines.length; k++, at += step) {
        // The factor before the first element meets nothing, whatever it is.
        total = k === 0 ? y[at] : y[at] + x[at] * total;
        s[at] = total;
      }
    });
    return result.dtype === b.dtype ? result : result.to(b.dtype);
  });
  return runtime.record(out, {
    name: 'Recurrence',
    inputs: [a, b],
    saved: [a, out],
    backward: ([grad], [factors, result], needs) => {
      if (!grad) return [null, null];
      // ∂/∂b is the same recurrence the other way, each factor met one step later; ∂/∂a multiplies it with what a was multiplied with.
      const toTerms = recurrence(shifted(factors, dim, !reverse, 0), grad, dim, !reverse);
      return [needs[0] ? toTerms.mul(shifted(result, dim, reverse, 0)) : null, toTerms];
    },
  });
}

type ScanCall = Call<
  [input: Tensor, dim: number],
  { dim?: number; dtype?: DType | null; out?: Tensor },
  Tensor
>;

/** Integers and bools scan in int64 unless a dtype is given. */
function scanInput(input: Tensor, dtype: DType | null): Tensor {
  const target = dtype ?? (input.dtype.isFloatingPoint ? input.dtype : int64);
  return input.dtype === target ? input : input.to(target);
}

/**
 * Running sums along `dim`. Integers give int64.
 * https://pytorch.org/docs/stable/generated/torch.cumsum.html
 *
 * @example
 * ```ts
 * console.log(torch.ones(4).cumsum(0)); // => tensor([1., 2., 3., 4.])
 * ```
 */
export const cumsum: ScanCall = define(
  'cumsum(input, dim, *, dtype=None, out=None)',
  (input: Tensor, dim: number, dtype: DType | null = null) =>
    runningSum(scanInput(input, dtype), wrapDim(dim, input.sizes.length), false),
  { inplace: true },
);

/** Running products along `dim`. Integers give int64. https://pytorch.org/docs/stable/generated/torch.cumprod.html */
export const cumprod: ScanCall = define(
  'cumprod(input, dim, *, dtype=None, out=None)',
  (given: Tensor, dim: number, dtype: DType | null = null) => {
    const input = scanInput(given, dtype);
    const d = wrapDim(dim, input.sizes.length);
    const out = fold(input, d, false, PRODUCT);
    return runtime.record(out, {
      name: 'Cumprod',
      inputs: [input],
      saved: [input, out],
      backward: ([grad], [x, y]) => {
        if (!grad) return [null];
        if (x.sizes.length === 0) return [grad];
        if (x.numel() === 0) return [grad];
        // ∂y[i]/∂x[k] = y[k−1]·x[k+1]⋯x[i], summed with the gradients of all i ≥ k: a recurrence from the end.
        const tails = recurrence(shifted(x, d, true, 0), grad, d, true);
        return [tails.mul(shifted(y, d, false, 1))];
      },
    });
  },
  { inplace: true },
);

type ExtremeScan = Call<[input: Tensor, dim: number], { dim?: number; out?: unknown }, ValuesIndices>;

/** Running extremes; of equal elements the last one counts, and NaN beats everything. */
function runningExtreme(name: string, gradName: string, largest: boolean): ExtremeScan {
  return define(`${name}(input, dim, *, out=None)`, (input: Tensor, dim: number) => {
    const d = wrapDim(dim, input.sizes.length);
    const { sizes } = input;
    const [values, indices] = runtime.noGrad(() => {
      const source = input.to(workDtype(input.dtype)).contiguous();
      const best = runtime.empty(sizes, source.dtype, source);
      const places = runtime.empty(sizes, int64, source);
      const x = runtime.memory(source);
      const y = runtime.memory(best);
      // Positions fit into the lower word.
      const positions = runtime.memory(places) as BigInt64Array;
      const at = new Int32Array(positions.buffer, positions.byteOffset, 2 * positions.length);
      const lines = linesOf(sizes, d);
      eachLine(lines, false, (start, step) => {
        let winner = 0;
        let top: number | bigint = x[start];
        for (let k = 0, place = start; k < lines.length; k++, place += step) {
          const value = x[place];
          // The comparisons with NaN on either side are both false.
          if ((largest ? value >= top : value <= top) || Number.isNaN(value)) {
            top = value;
            winner = k;
          }
          y[place] = top as never;
          at[2 * place] = winner;
          at[2 * place + 1] = 0;
        }
      });
      return [best.dtype === input.dtype ? best : best.to(input.dtype), places];
    });
    const recorded = runtime.record(values, {
      name: gradName,
      inputs: [input],
      saved: [indices],
      backward: ([grad], [places]) => {
        if (!grad) return [null];
        if (sizes.length === 0) return [grad];
        return [runtime.full(sizes, 0, grad.dtype, grad).scatterAdd(d, places, grad)];
      },
    });
    return pair(name, recorded, indices);
  }) as ExtremeScan;
}

/** Running maxima along `dim` and where they are. https://pytorch.org/docs/stable/generated/torch.cummax.html */
export const cummax: ExtremeScan = runningExtreme('cummax', 'Cummax', true);
/** Running minima along `dim` and where they are. https://pytorch.org/docs/stable/generated/torch.cummin.html */
export const cummin: ExtremeScan = runningExtreme('cummin', 'Cummin', false);

/** log(eᵃ + eᵇ). */
function logAddExp(a: number, b: number): number {
  const high = Math.max(a, b);
  if (Math.abs(high) === Number.POSITIVE_INFINITY && !Number.isNaN(a + b)) return high;
  return high + Math.log1p(Math.exp(Math.min(a, b) - high));
}

/** log of the running sums of exponentials. https://pytorch.org/docs/stable/generated/torch.logcumsumexp.html */
export const logcumsumexp: Call<[input: Tensor, dim: number], { dim?: number; out?: Tensor }, Tensor> =
  define('logcumsumexp(input, dim, *, out=None)', (input: Tensor, dim: number) => {
    const d = wrapDim(dim, input.sizes.length);
    if (!input.dtype.isFloatingPoint) {
      throw notImplementedFor('logcumsumexp_out_cpu', input.dtype);
    }
    const out = fold(input, d, false, LOG_SUM);
    return runtime.record(out, {
      name: 'Logcumsumexp',
      inputs: [input],
      saved: [input, out],
      backward: ([grad], [x, y]) => {
        if (!grad) return [null];
        if (x.sizes.length === 0 || x.numel() === 0) return [grad];
        // u[k] = Σ_{i≥k} g[i]·exp(y[k] − y[i]): no factor exceeds 1, as y does not fall. Where y is −∞ nothing flows.
        const nothing = y.eq(Number.NEGATIVE_INFINITY);
        const finite = y.maskedFill(nothing, 0);
        const n = y.sizes[d];
        const steps = finite
          .narrow(d, 0, n - 1)
          .sub(finite.narrow(d, 1, n - 1))
          .exp();
        const last = runtime.full(sizesWith(y.sizes, d, 1), 0, y.dtype, y);
        const factors = cat([steps.maskedFill(nothing.narrow(d, 0, n - 1), 0), last], d);
        const tails = recurrence(factors, grad, d, true);
        return [x.sub(finite).exp().maskedFill(nothing, 0).mul(tails)];
      },
    });
  });
