/** QR factors of large matrices by panels of Householder reflections (Schreiber and Van Loan 1989, "A storage-efficient WY representation"). */
import { float64 } from '../../../base/dtype.ts';
import type { Tensor } from '../../../tensor/tensor.ts';
import { runtime } from '../../runtime.ts';
import { factorQr } from '../kernels/householder.ts';
import { type Block, blocksOf, subtractProduct } from './block.ts';

/** Columns of the panels that are factored in plain loops. */
const PANEL = 16;

/** The reflections of a panel as one: H = I − V·T·Vᵀ, on the rows from `first` on. */
interface Reflections {
  readonly first: number;
  readonly v: Block;
  /** Upper triangular. */
  readonly t: Block;
}

/** Overwrites what is on and above the diagonal of a row-major matrix with R; what is below is left as nobody wants it. Returns Q = H₀·H₁·… */
export function factorQrBlock(a: Block): Reflections[] {
  const steps = Math.min(a.rows, a.columns);
  const panels: Reflections[] = [];
  const scratch = new Float64Array(a.rows * PANEL);
  for (let first = 0; first < steps; first += PANEL) {
    const width = Math.min(PANEL, steps - first);
    const panel = reflectionsOf(a.part(first, a.rows - first, first, width), first, scratch);
    panels.push(panel);
    const behind = first + width;
    apply(panel, a.part(first, a.rows - first, behind, a.columns - behind), true);
  }
  return panels;
}

/** Writes the first columns of Q to a matrix that is the identity. */
export function formQBlock(panels: readonly Reflections[], q: Block): void {
  for (let i = panels.length - 1; i >= 0; i--) {
    const { first } = panels[i];
    // Columns before the panel are still those of the identity, with zeros from its first row on.
    apply(panels[i], q.part(first, q.rows - first, first, q.columns - first), false);
  }
}

/** Gives the memory of the reflections back. */
export function forgetReflections(panels: readonly Reflections[]): void {
  for (const { v, t } of panels) {
    v.storage.dispose();
    t.storage.dispose();
  }
}

function made(rows: number, columns: number, like: Tensor): Block {
  return blocksOf(runtime.empty([rows, columns], float64, like))[0];
}

/** out = a·b, on the device. */
function multiplyInto(out: Block, a: Block, b: Block): void {
  runtime.contract(out, a, b, { batch: 0, m: 1, n: 1, k: 1, alpha: 1, beta: 0 });
}

/** Overwrites C with Hᵀ·C, where `turned`, or with H·C. */
function apply({ v, t }: Reflections, c: Block, turned: boolean): void {
  if (c.columns === 0) return;
  const dots = made(v.columns, c.columns, v.whole);
  const factors = made(v.columns, c.columns, v.whole);
  multiplyInto(dots, v.turned, c);
  multiplyInto(factors, turned ? t.turned : t, dots);
  subtractProduct(c, v, factors);
  dots.storage.dispose();
  factors.storage.dispose();
}

/** Factors a panel, in a copy whose rows lie one after another. */
function reflectionsOf(a: Block, first: number, scratch: Float64Array): Reflections {
  const { rows, columns } = a;
  const v = made(rows, columns, a.whole);
  const t = made(columns, columns, a.whole);
  copy(a, scratch, false);
  const tau = factorQr(scratch, 0, rows, columns);
  copy(a, scratch, true);
  const vectors = v.elements;
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j < columns; j++) {
      const at = i * columns + j;
      if (i > j) vectors[at] = scratch[at];
      else vectors[at] = i === j ? 1 : 0;
    }
  }
  // T has the dot products of the vectors for now.
  multiplyInto(t, v.turned, v);
  joinFactors(t.elements, columns, tau);
  return { first, v, t };
}

/** Turns the matrix VᵀV in `t` into T: column j is −τⱼ·T·(Vᵀvⱼ) above the diagonal, τⱼ on it. */
function joinFactors(t: Float64Array, n: number, tau: Float64Array): void {
  for (let j = 0; j < n; j++) {
    for (let i = 0; i < j; i++) {
      let sum = 0;
      for (let k = i; k < j; k++) sum += t[i * n + k] * t[k * n + j];
      t[i * n + j] = -tau[j] * sum;
    }
    t[j * n + j] = tau[j];
    for (let i = j + 1; i < n; i++) t[i * n + j] = 0;
  }
}

/** Copies a block of contiguous rows to the scratch memory, or back. */
function copy(a: Block, scratch: Float64Array, back: boolean): void {
  const { elements, offset, rows, columns } = a;
  const [step] = a.strides;
  for (let i = 0; i < rows; i++) {
    const row = offset + i * step;
    const at = i * columns;
    if (back) for (let j = 0; j < columns; j++) elements[row + j] = scratch[at + j];
    else for (let j = 0; j < columns; j++) scratch[at + j] = elements[row + j];
  }
}
