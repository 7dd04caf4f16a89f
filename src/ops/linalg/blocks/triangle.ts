/** Triangular systems with many right sides by recursive halving: most of the work is products on the device. */
import { float64 } from '../../../base/dtype.ts';
import type { Tensor } from '../../../tensor/tensor.ts';
import { doubles, eachMatrix } from '../batched.ts';
import { subtractTerms } from '../kernels/columns.ts';
import { solveTriangle, type Triangle } from '../kernels/triangular.ts';
import {
  type Block,
  BLOCKED_FROM,
  blocksOf,
  elementsOf,
  middleOf,
  subtractProduct,
  workOf,
} from './block.ts';

/** Rows that are solved in plain loops. */
const LEAF = 16;
/** Columns that are solved at a time: with LEAF rows they stay in the first-level cache. */
const CHUNK = 64;

/** Overwrites a batch in a tensor from `workOf` with the solutions of T·X = B for the triangles T of a batch of the same length. */
export function solveTriangleInPlace(t: Tensor, triangle: Triangle, b: Tensor): void {
  const [n, columns] = b.sizes.slice(-2);
  if (n < BLOCKED_FROM) {
    const factors = doubles(t);
    const x = elementsOf(b);
    eachMatrix(t.sizes, (index, at) =>
      solveTriangle(factors, at, n, triangle, x, index * n * columns, columns),
    );
    return;
  }
  const held = t.dtype === float64 ? t : workOf(t);
  const right = blocksOf(b);
  blocksOf(held).forEach((matrix, index) => {
    solveTriangleBlock(matrix, triangle, right[index]);
  });
  if (held !== t) held.storage.dispose();
}

/** Overwrites X with the solution of T·X = X. Divides by zero where T is singular. Both may lie in any order in memory. */
export function solveTriangleBlock(t: Block, triangle: Triangle, x: Block): void {
  const scratch = new Float64Array(LEAF * (LEAF + Math.min(CHUNK, x.columns)));
  solve(t, triangle, x, scratch);
}

function solve(t: Block, triangle: Triangle, x: Block, scratch: Float64Array): void {
  const n = t.rows;
  if (n <= LEAF) {
    solveLeaf(t, triangle, x, scratch);
    return;
  }
  const half = middleOf(n, LEAF);
  const head = x.part(0, half, 0, x.columns);
  const tail = x.part(half, n - half, 0, x.columns);
  const first = t.part(0, half, 0, half);
  const last = t.part(half, n - half, half, n - half);
  if (triangle.upper) {
    solve(last, triangle, tail, scratch);
    subtractProduct(head, t.part(0, half, half, n - half), tail);
    solve(first, triangle, head, scratch);
  } else {
    solve(first, triangle, head, scratch);
    subtractProduct(tail, t.part(half, n - half, 0, half), head);
    solve(last, triangle, tail, scratch);
  }
}

/** `scratch` holds first the factors, then some columns, both with the rows in the order in which they are solved. */
function solveLeaf(t: Block, { upper, unit }: Triangle, x: Block, scratch: Float64Array): void {
  const n = t.rows;
  const { elements } = x;
  readFactors(t, upper, scratch);
  const [step, side] = x.strides;
  const firstRow = upper ? x.offset + (n - 1) * step : x.offset;
  const down = upper ? -step : step;
  const room = n * n;
  for (let start = 0; start < x.columns; start += CHUNK) {
    const width = Math.min(CHUNK, x.columns - start);
    const corner = firstRow + start * side;
    for (let s = 0; s < n; s++) {
      const row = corner + s * down;
      const to = room + s * width;
      for (let c = 0; c < width; c++) scratch[to + c] = elements[row + c * side];
    }
    for (let s = 0; s < n; s++) {
      const to = room + s * width;
      subtractTerms(scratch, to, room, width, scratch, s * n, s, width);
      if (unit) continue;
      const divisor = scratch[s * n + s];
      for (let c = 0; c < width; c++) scratch[to + c] /= divisor;
    }
    for (let s = 0; s < n; s++) {
      const row = corner + s * down;
      const from = room + s * width;
      for (let c = 0; c < width; c++) elements[row + c * side] = scratch[from + c];
    }
  }
}

/** The triangle as a lower one: of an upper triangle rows and columns are read from the end. */
function readFactors(t: Block, upper: boolean, to: Float64Array): void {
  const n = t.rows;
  const { elements } = t;
  const [rowStep, columnStep] = t.strides;
  const corner = upper ? t.offset + (n - 1) * (rowStep + columnStep) : t.offset;
  const sign = upper ? -1 : 1;
  for (let i = 0; i < n; i++) {
    const row = corner + sign * i * rowStep;
    for (let j = 0; j <= i; j++) to[i * n + j] = elements[row + sign * j * columnStep];
  }
}
