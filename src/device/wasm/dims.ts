/** Contractions seen as products of matrices: their dimensions sorted into rows, columns, summands and batches, with byte strides. */
import type { View } from '../../kernel/view.ts';
import type { Contraction } from '../device.ts';

/** A dimension with the byte strides of two operands: of rows and columns in the operand and the result, of summands in both operands. */
export interface Dim {
  readonly size: number;
  readonly first: number;
  readonly second: number;
}

/** A batch dimension: of all three. */
export interface BatchDim {
  readonly size: number;
  readonly a: number;
  readonly b: number;
  readonly out: number;
}

/** A product of matrices, once per batch. `swapped`: the left operand is the second one of the contraction. */
export interface Sorted {
  readonly rows: readonly Dim[];
  readonly columns: readonly Dim[];
  readonly summed: readonly Dim[];
  readonly batches: readonly BatchDim[];
  readonly swapped: boolean;
}

export function numel(dims: readonly { readonly size: number }[]): number {
  let n = 1;
  for (const d of dims) n *= d.size;
  return n;
}

/** Drops dimensions of size 1 and merges those that both operands walk as one. */
function merged(dims: readonly Dim[]): Dim[] {
  const out: Dim[] = [];
  for (const d of dims) {
    if (d.size === 1) continue;
    const last = out[out.length - 1];
    if (last !== undefined && last.first === d.first * d.size && last.second === d.second * d.size) {
      out[out.length - 1] = { size: last.size * d.size, first: d.first, second: d.second };
    } else out.push(d);
  }
  return out;
}

/** Sorts the dimensions of a contraction. */
export function sorted(out: View, a: View, b: View, { batch, m, n, k }: Contraction): Sorted {
  const bytes = out.dtype.itemSize;
  const stride = (v: View, d: number): number => v.strides[d] * bytes;
  const batches: BatchDim[] = [];
  for (let d = 0; d < batch; d++) {
    if (out.sizes[d] === 1) continue;
    batches.push({ size: out.sizes[d], a: stride(a, d), b: stride(b, d), out: stride(out, d) });
  }
  const rows = Array.from({ length: m }, (_, i) => ({
    size: out.sizes[batch + i],
    first: stride(a, batch + i),
    second: stride(out, batch + i),
  }));
  const columns = Array.from({ length: n }, (_, i) => ({
    size: out.sizes[batch + m + i],
    first: stride(b, batch + k + i),
    second: stride(out, batch + m + i),
  }));
  const summed = Array.from({ length: k }, (_, i) => ({
    size: a.sizes[batch + m + i],
    first: stride(a, batch + m + i),
    second: stride(b, batch + i),
  }));
  return { rows: merged(rows), columns: merged(columns), summed: merged(summed), batches, swapped: false };
}

/** The product with its operands exchanged: the transposed one. */
export function exchanged({ rows, columns, summed, batches, swapped }: Sorted): Sorted {
  return {
    rows: columns,
    columns: rows,
    summed: summed.map((d) => ({ size: d.size, first: d.second, second: d.first })),
    batches: batches.map((d) => ({ size: d.size, a: d.b, b: d.a, out: d.out })),
    swapped: !swapped,
  };
}

/** Batches that one operand does not move along become rows or columns of the other one. */
export function flattened(s: Sorted): Sorted {
  const rows: Dim[] = [];
  const columns: Dim[] = [];
  const batches: BatchDim[] = [];
  for (const d of s.batches) {
    if (d.b === 0) rows.push({ size: d.size, first: d.a, second: d.out });
    else if (d.a === 0) columns.push({ size: d.size, first: d.b, second: d.out });
    else batches.push(d);
  }
  if (batches.length === s.batches.length) return s;
  return {
    rows: merged([...rows, ...s.rows]),
    columns: merged([...columns, ...s.columns]),
    summed: s.summed,
    batches,
    swapped: s.swapped,
  };
}

/** Batches that the right operand does not move along become rows; those that the left one does not move along come last. */
export function sharingLeft(s: Sorted): Sorted {
  if (s.batches.length === 0) return s;
  const rows = s.batches.filter((d) => d.b === 0).map((d) => ({ size: d.size, first: d.a, second: d.out }));
  const batches = s.batches.filter((d) => d.b !== 0);
  batches.sort((x, y) => Number(x.a === 0) - Number(y.a === 0));
  return { ...s, rows: merged([...rows, ...s.rows]), batches };
}

/** The byte offsets of all positions of a group, in row-major order. */
export function offsetsOf(dims: readonly Dim[], which: 'first' | 'second', into: number[]): number[] {
  const last = dims.length - 1;
  if (last < 0) {
    into.push(0);
    return into;
  }
  const visit = (d: number, start: number): void => {
    const { size } = dims[d];
    const step = dims[d][which];
    for (let i = 0, offset = start; i < size; i++, offset += step) {
      if (d === last) into.push(offset);
      else visit(d + 1, offset);
    }
  };
  visit(0, 0);
  return into;
}

/** The offsets of left, right and out of every batch. */
export function batchOffsets(batches: readonly BatchDim[], into: number[]): number[] {
  const walk = (depth: number, a: number, b: number, out: number): void => {
    if (depth === batches.length) {
      into.push(a, b, out);
      return;
    }
    const d = batches[depth];
    for (let i = 0; i < d.size; i++) walk(depth + 1, a + i * d.a, b + i * d.b, out + i * d.out);
  };
  walk(0, 0, 0, 0);
  return into;
}
