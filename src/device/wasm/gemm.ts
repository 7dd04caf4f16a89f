/** Contractions as matrix products of BLAS. */
import type { Gemm } from './blas.ts';
import { type Dim, exchanged, type Sorted } from './dims.ts';

/** A step in elements as a leading dimension of a matrix with rows of `width`; null where BLAS cannot have it. */
function leading(step: number, bytes: number, width: number): number | null {
  const elements = step / bytes;
  return Number.isInteger(elements) && elements >= Math.max(width, 1) ? elements : null;
}

/**
 * A contraction as one matrix product of BLAS: one dimension per side, of which one lies element by element. A side without
 * dimensions has one row. Its addresses and factors are for the caller to fill in. Null where the layout does not allow it.
 */
export function asGemm({ rows, columns, summed, swapped }: Sorted, bytes: number): Gemm | null {
  if (rows.length > 1 || columns.length > 1 || summed.length > 1) return null;
  const none: Dim = { size: 1, first: 0, second: 0 };
  const [r = none] = rows;
  const [c = none] = columns;
  const [s = none] = summed;
  // The result is row-major: swapped where it lies by columns.
  if (c.size > 1 && c.second !== bytes) {
    if (r.second !== bytes && r.size > 1) return null;
    return asGemm(exchanged({ rows, columns, summed, swapped, batches: [] }), bytes);
  }
  const { size: m } = r;
  const { size: n } = c;
  const { size: k } = s;
  if (k === 0) return null;
  const matrix = (
    outer: number,
    outerSize: number,
    inner: number,
    innerSize: number,
  ): { trans: boolean; lead: number } | null => {
    if (inner === bytes || innerSize === 1) {
      const lead = outerSize === 1 ? innerSize : leading(outer, bytes, innerSize);
      if (lead !== null) return { trans: false, lead };
    }
    if (outer === bytes || outerSize === 1) {
      const lead = innerSize === 1 ? outerSize : leading(inner, bytes, outerSize);
      if (lead !== null) return { trans: true, lead };
    }
    return null;
  };
  const a = matrix(r.first, m, s.first, k);
  const b = matrix(s.second, k, c.first, n);
  const ldc = m === 1 ? n : leading(r.second, bytes, n);
  if (a === null || b === null || ldc === null) return null;
  return {
    transA: a.trans,
    transB: b.trans,
    m,
    n,
    k,
    a: 0,
    lda: a.lead,
    b: 0,
    ldb: b.lead,
    c: 0,
    ldc,
    alpha: 1,
    beta: 0,
    swapped,
  };
}
