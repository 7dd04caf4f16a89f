/** LU factors of large matrices by recursive halving (Toledo 1997, "Locality of reference in LU decomposition with partial pivoting"). */
import type { Tensor } from '../../../tensor/tensor.ts';
import { eachMatrix } from '../batched.ts';
import { factorLu, type Pivots, solveLu, solveLuTransposed } from '../kernels/lu.ts';
import { factorPanel } from '../kernels/panel.ts';
import { type Block, BLOCKED_FROM, blocksOf, elementsOf, middleOf, subtractProduct } from './block.ts';
import { solveTriangleBlock } from './triangle.ts';

/** Columns of the panels that are factored in plain loops. */
const PANEL = 16;

const lowerUnit = { upper: false, unit: true } as const;
const upperUnit = { upper: true, unit: true } as const;
const lower = { upper: false, unit: false } as const;
const upper = { upper: true, unit: false } as const;

/** Factors every matrix of a tensor from `workOf` in place. */
export function factorLuInPlace(work: Tensor): Pivots[] {
  const [m, n] = work.sizes.slice(-2);
  if (Math.min(m, n) >= BLOCKED_FROM) return blocksOf(work).map(factorLuBlock);
  const pivots: Pivots[] = [];
  const elements = elementsOf(work);
  eachMatrix(work.sizes, (_, at) => pivots.push(factorLu(elements, at, m, n)));
  return pivots;
}

/** Overwrites a batch in a tensor from `workOf` with the solutions of A·X = B, or of Aᵀ·X = B, for factors from `factorLuInPlace`. */
export function solveLuInPlace(lu: Tensor, pivots: readonly Pivots[], b: Tensor, transposed: boolean): void {
  const [n, columns] = b.sizes.slice(-2);
  if (n >= BLOCKED_FROM) {
    const right = blocksOf(b);
    const run = transposed ? solveBlockTransposed : solveBlock;
    blocksOf(lu).forEach((a, index) => {
      run(a, pivots[index].rows, right[index]);
    });
    return;
  }
  const [factors, x] = [elementsOf(lu), elementsOf(b)];
  const run = transposed ? solveLuTransposed : solveLu;
  eachMatrix(lu.sizes, (index, at) =>
    run(factors, at, n, pivots[index].rows, x, index * n * columns, columns),
  );
}

function solveBlock(lu: Block, rows: Int32Array, x: Block): void {
  for (let k = 0; k < rows.length; k++) exchangeRow(x, k, rows[k]);
  solveTriangleBlock(lu, lowerUnit, x);
  solveTriangleBlock(lu, upper, x);
}

function solveBlockTransposed(lu: Block, rows: Int32Array, x: Block): void {
  solveTriangleBlock(lu.turned, lower, x);
  solveTriangleBlock(lu.turned, upperUnit, x);
  for (let k = rows.length - 1; k >= 0; k--) exchangeRow(x, k, rows[k]);
}

/** Factors a row-major matrix in place into L (unit diagonal, below) and U, with the pivots that `factorLu` finds. */
function factorLuBlock(a: Block): Pivots {
  const rows = new Int32Array(Math.min(a.rows, a.columns));
  const panel = new Float64Array(a.rows * Math.min(PANEL, a.columns));
  const singular = factor(a, rows, 0, panel);
  return { rows, singular };
}

/** Factors a block whose first row is number `first` of the matrix. Returns its first column without a pivot, or −1. */
function factor(a: Block, pivots: Int32Array, first: number, panel: Float64Array): number {
  const { rows, columns } = a;
  if (columns <= PANEL) return factorLeaf(a, pivots, first, panel);
  const steps = Math.min(rows, columns);
  const half = steps <= PANEL ? steps : middleOf(steps, PANEL);
  const left = a.part(0, rows, 0, half);
  const right = a.part(0, rows, half, columns - half);
  const singularLeft = factor(left, pivots, first, panel);
  exchange(right, pivots, first, first, first + half);
  const top = right.part(0, half, 0, right.columns);
  solveTriangleBlock(a.part(0, half, 0, half), lowerUnit, top);
  if (rows === half) return singularLeft;
  const bottom = right.part(half, rows - half, 0, right.columns);
  const below = a.part(half, rows - half, 0, half);
  subtractProduct(bottom, below, top);
  const singularRight = factor(bottom, pivots, first + half, panel);
  exchange(left, pivots, first, first + half, first + steps);
  if (singularLeft >= 0 || singularRight < 0) return singularLeft;
  return half + singularRight;
}

/** Exchanges rows of a block as the steps from `from` to `to` did. The block starts with row `first`. */
function exchange(a: Block, pivots: Int32Array, first: number, from: number, to: number): void {
  for (let k = from; k < to; k++) exchangeRow(a, k - first, pivots[k] - first);
}

function exchangeRow(a: Block, one: number, other: number): void {
  if (one === other) return;
  const { elements, offset, columns } = a;
  const [width] = a.strides;
  const [i, j] = [offset + one * width, offset + other * width];
  for (let c = 0; c < columns; c++) {
    const held = elements[i + c];
    elements[i + c] = elements[j + c];
    elements[j + c] = held;
  }
}

/** In a copy whose columns lie one after another: long runs for the loops, and rows that do not compete for the same lines of the cache. */
function factorLeaf(a: Block, pivots: Int32Array, first: number, panel: Float64Array): number {
  const { elements, offset, rows, columns } = a;
  const [width] = a.strides;
  for (let i = 0; i < rows; i++) {
    const row = offset + i * width;
    for (let c = 0; c < columns; c++) panel[c * rows + i] = elements[row + c];
  }
  const singular = factorPanel(panel, rows, columns, pivots, first);
  for (let i = 0; i < rows; i++) {
    const row = offset + i * width;
    for (let c = 0; c < columns; c++) elements[row + c] = panel[c * rows + i];
  }
  return singular;
}
