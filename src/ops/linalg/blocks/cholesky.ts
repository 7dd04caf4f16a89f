/** Cholesky factors of large matrices by recursive halving: most of the work is products on the device. */
import type { Tensor } from '../../../tensor/tensor.ts';
import { eachMatrix } from '../batched.ts';
import { factorCholesky } from '../kernels/triangular.ts';
import { type Block, BLOCKED_FROM, blocksOf, elementsOf, middleOf, subtractProduct } from './block.ts';
import { solveTriangleBlock } from './triangle.ts';

/** Orders that are factored in plain loops. */
const LEAF = 32;
/** Of diagonal blocks of this order a product is computed whole, though half of it is wanted. */
const WHOLE = 64;

const lower = { upper: false, unit: false } as const;

/**
 * Overwrites the lower triangles of a tensor from `workOf` with the factors; returns for each matrix the order of the first leading minor that is not
 * positive, or 0. What is above the diagonal is left as nobody wants it.
 */
export function factorCholeskyInPlace(work: Tensor): Int32Array {
  if (work.sizes[work.sizes.length - 1] >= BLOCKED_FROM) {
    return Int32Array.from(blocksOf(work), factorCholeskyBlock);
  }
  const n = work.sizes[work.sizes.length - 1];
  const codes: number[] = [];
  const elements = elementsOf(work);
  eachMatrix(work.sizes, (_, at) => codes.push(factorCholesky(elements, at, n)));
  return Int32Array.from(codes);
}

/**
 * Overwrites the lower triangle of a row-major matrix with L, L·Lᵀ = A; what is above it is spoilt, and nothing depends on it. Returns the order of
 * the first leading minor that is not positive, or 0.
 */
function factorCholeskyBlock(a: Block): number {
  return factor(a, new Float64Array(LEAF * LEAF));
}

function factor(a: Block, scratch: Float64Array): number {
  const n = a.rows;
  if (n <= LEAF) return factorLeaf(a, scratch);
  const half = middleOf(n, LEAF);
  const first = a.part(0, half, 0, half);
  const below = a.part(half, n - half, 0, half);
  const last = a.part(half, n - half, half, n - half);
  const failed = factor(first, scratch);
  if (failed > 0) return failed;
  // L₂₁·L₁₁ᵀ = A₂₁, transposed.
  solveTriangleBlock(first, lower, below.turned);
  subtractSquare(last, below);
  const order = factor(last, scratch);
  return order > 0 ? half + order : 0;
}

/** The lower triangle of c −= a·aᵀ. */
function subtractSquare(c: Block, a: Block): void {
  const n = c.rows;
  if (n <= WHOLE) {
    subtractProduct(c, a, a.turned);
    return;
  }
  const half = middleOf(n, WHOLE);
  const [head, tail] = [a.part(0, half, 0, a.columns), a.part(half, n - half, 0, a.columns)];
  subtractSquare(c.part(0, half, 0, half), head);
  subtractProduct(c.part(half, n - half, 0, half), tail, head.turned);
  subtractSquare(c.part(half, n - half, half, n - half), tail);
}

function factorLeaf(a: Block, scratch: Float64Array): number {
  const n = a.rows;
  const { elements, offset } = a;
  const [width] = a.strides;
  for (let i = 0; i < n; i++) {
    for (let j = 0; j <= i; j++) scratch[i * n + j] = elements[offset + i * width + j];
  }
  const failed = factorCholesky(scratch, 0, n);
  for (let i = 0; i < n; i++) {
    for (let j = 0; j <= i; j++) elements[offset + i * width + j] = scratch[i * n + j];
  }
  return failed;
}
