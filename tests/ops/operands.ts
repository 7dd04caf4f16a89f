/**
 * The tensor arguments of samples: what they hold is decided in the sample, their dtype, device and memory layout by the
 * check that runs it.
 */
import * as torch from 'typetorch';

export type Layout = 'contiguous' | 'transposed' | 'strided' | 'broadcast';

/** How an operand is to be made. */
export interface Making {
  /** The dtype of the operands whose dtype is open. */
  readonly dtype: torch.DType;
  readonly device: string;
  readonly layout: Layout;
  readonly requiresGrad?: boolean;
}

export type Values = (i: number, dtype: torch.DType) => number;

/** Does the op have a gradient with respect to the operand, and does it ever differ from zero? */
export type Gradient = 'some' | 'zero' | 'none';

export class Operand {
  readonly sizes: readonly number[];
  /** Null: the check decides. */
  readonly dtype: torch.DType | null;
  readonly gradient: Gradient;
  private readonly values: Values;

  constructor(sizes: readonly number[], dtype: torch.DType | null, gradient: Gradient, values: Values) {
    this.sizes = sizes;
    this.dtype = dtype;
    this.gradient = gradient;
    this.values = values;
  }

  /** The same values with other sizes. */
  resized(sizes: readonly number[]): Operand {
    return new Operand(sizes, this.dtype, this.gradient, this.values);
  }

  /** Other values, in one dimension. */
  holding(count: number, values: Values): Operand {
    return new Operand([count], this.dtype, this.gradient, values);
  }

  /** An operand that is never differentiated. */
  constant(): Operand {
    return new Operand(this.sizes, this.dtype, 'none', this.values);
  }

  /** An operand whose gradient is zero although the op has others that are not. */
  level(): Operand {
    return new Operand(this.sizes, this.dtype, 'zero', this.values);
  }

  make({ dtype: open, device, layout, requiresGrad = false }: Making): torch.Tensor {
    const dtype = this.dtype ?? open;
    const { sizes, strides, offset, extent } = arrange(this.sizes, layout);
    const memory = new Array<number>(extent).fill(GAP);
    const index = new Array<number>(sizes.length).fill(0);
    const count = sizes.reduce((a, b) => a * b, 1);
    for (let i = 0; i < count; i++) {
      const at = index.reduce((sum, x, d) => sum + x * strides[d], offset);
      memory[at] = this.values(i, dtype);
      for (let d = sizes.length - 1; d >= 0 && ++index[d] === sizes[d]; d--) index[d] = 0;
    }
    if (layout === 'contiguous') memory.length = count;
    // Not a view: views must not be detached in place.
    const t = torch.tensor(memory, { dtype, device });
    t.rebind(t.storage, sizes, strides, offset);
    return requiresGrad && this.gradient !== 'none' && dtype.isFloatingPoint ? t.requiresGrad_() : t;
  }
}

/** What lies between the elements of a strided operand: must be neither read nor written. */
export const GAP = 77;

interface Arrangement {
  readonly sizes: readonly number[];
  readonly strides: readonly number[];
  readonly offset: number;
  readonly extent: number;
}

function arrange(sizes: readonly number[], layout: Layout): Arrangement {
  const rank = sizes.length;
  const order = sizes.map((_, d) => (layout === 'transposed' ? d : rank - 1 - d));
  const gap = layout === 'strided' ? 2 : 1;
  const repeated = layout === 'broadcast' ? sizes.length - 1 : -1;
  const offset = layout === 'strided' ? 3 : 0;
  const strides = new Array<number>(rank).fill(0);
  let step = 1;
  for (const d of order) {
    if (d === repeated) continue;
    strides[d] = step * gap;
    step = strides[d] * Math.max(sizes[d], 1);
  }
  return { sizes, strides, offset, extent: offset + step + (layout === 'strided' ? 2 : 0) };
}

let serial = 0;
/** Multiples of the golden ratio spread evenly over [0, 1) and never repeat. */
const GOLDEN = (Math.sqrt(5) - 1) / 2;

export interface Range {
  readonly low?: number;
  readonly high?: number;
  /** Values keep this distance from whole multiples of `unit`, where the function has kinks (0: from zero only). */
  readonly unit?: number;
}

/**
 * An operand of any dtype, its values spread over [low, high), none twice. As integers they are rounded, as unsigned ones
 * their magnitude is taken, as bools every third is false. Values keep away from zero, where many functions have kinks.
 */
export function x(sizes: readonly number[], { low = -2, high = 2, unit = 0 }: Range = {}): Operand {
  const start = serial++ * 7.31;
  return new Operand(sizes, null, 'some', (i, dtype) => {
    if (dtype === torch.bool) return (i + Math.floor(start)) % 3 === 0 ? 0 : 1;
    const share = ((i + 1) * GOLDEN + start) % 1;
    const value = low + (high - low) * share;
    if (dtype.isFloatingPoint) return apart(value, unit);
    const whole = Math.round(value);
    return dtype.isSigned ? whole : Math.abs(whole);
  });
}

const MARGIN = 0.04;

function apart(value: number, unit: number): number {
  const kink = unit === 0 ? 0 : Math.round(value / unit) * unit;
  const distance = value - kink;
  return Math.abs(distance) < MARGIN ? kink + (distance < 0 ? distance - MARGIN : distance + MARGIN) : value;
}

/** Positive values, well above zero (1 and more as integers). */
export function positive(sizes: readonly number[], high = 3): Operand {
  return x(sizes, { low: 0.6, high });
}

/** An operand that holds exactly these, as far as its dtype can. */
export function exactly(values: readonly number[], sizes: readonly number[] = [values.length]): Operand {
  return new Operand(sizes, null, 'some', (i) => values[i % values.length]);
}

/** int64 indices in [low, high). */
export function index(sizes: readonly number[], high: number, low = 0): Operand {
  const start = serial++;
  return new Operand(sizes, torch.int64, 'none', (i) => low + ((i * 5 + start * 3 + 1) % (high - low)));
}

/** The int64 numbers given. */
export function integers(values: readonly number[], sizes: readonly number[] = [values.length]): Operand {
  return new Operand(sizes, torch.int64, 'none', (i) => values[i]);
}

/** A bool operand, mixed. */
export function mask(sizes: readonly number[]): Operand {
  const start = serial++;
  return new Operand(sizes, torch.bool, 'none', (i) =>
    (i < 2 ? (i + start) % 2 === 0 : (i * 5 + start) % 7 < 4) ? 1 : 0,
  );
}
