/** Samples of linear algebra. Matrices have a heavy diagonal, so that they are far from singular. */
import * as torch from 'typetorch';
import { op, type OpCase, s, type Table } from '../cases.ts';
import { Operand, x } from '../operands.ts';

let serial = 0;

/** Square matrices, or batches of them, of any sign off the diagonal and 3 to 5 on it. */
export function regular(sizes: readonly number[]): Operand {
  const n = sizes[sizes.length - 1];
  const start = serial++;
  return new Operand(sizes, null, 'some', (i) => {
    const row = Math.floor(i / n) % n;
    const wave = Math.sin(1.7 * i + start);
    return row === i % n ? 4 + wave : wave * 0.9;
  });
}

/** Symmetric positive-definite matrices, or batches of them. */
export function definite(sizes: readonly number[]): Operand {
  const n = sizes[sizes.length - 1];
  const start = serial++;
  return new Operand(sizes, null, 'some', (i) => {
    const [row, column] = [Math.floor(i / n) % n, i % n];
    const wave = Math.sin(1.3 * (row + column) + row * column + start);
    return row === column ? 4 + wave : wave * 0.9;
  });
}

/** Matrices of rank 1. */
function rankOne(sizes: readonly number[]): Operand {
  const n = sizes[sizes.length - 1];
  return new Operand(sizes, null, 'some', (i) => (1 + (i % n)) * ((Math.floor(i / n) % n) - 0.5));
}

/** Symmetric matrices with a light diagonal. */
function indefinite(sizes: readonly number[]): Operand {
  const n = sizes[sizes.length - 1];
  return new Operand(sizes, null, 'some', (i) => {
    const [row, column] = [Math.floor(i / n) % n, i % n];
    return row === column ? 0.1 : 2 + Math.cos(row + column + row * column);
  });
}

/** LAPACK's row exchanges, from 1. */
function pivots(values: readonly number[], sizes: readonly number[] = [values.length]): Operand {
  return new Operand(sizes, torch.int32, 'none', (i) => values[i]);
}

/** Their gradients are those of functions of symmetric matrices: finite differences of single elements cannot tell; see linalg.test.ts. */
const SYMMETRIC = 'defined for symmetric matrices only';

const functions: Record<string, OpCase> = {
  inv: op(s(regular([3, 3])), s(regular([2, 2, 2]))),
  invEx: op(s(regular([3, 3])), s(regular([2, 2, 2]), { checkErrors: true })),
  solve: op(
    s(regular([3, 3]), x([3, 2])),
    s(regular([3, 3]), x([3])),
    s(regular([2, 2, 2]), x([2, 2, 3])),
    s(regular([3, 3]), x([2, 2, 3]), { left: false }),
  ),
  solveEx: op(s(regular([3, 3]), x([3, 2])), s(regular([2, 2, 2]), x([1, 2, 2]), { left: false })),
  solveTriangular: op(
    s(regular([3, 3]), x([3, 2]), { upper: true }),
    s(regular([2, 2, 2]), x([3, 2]), { upper: false, left: false }),
    s(regular([3, 3]), x([3, 2]), { upper: false, unitriangular: true }),
  ),
  det: op(s(regular([3, 3])), s(regular([2, 2, 2])), s(rankOne([3, 3])), s(rankOne([2, 2]))),
  slogdet: op(s(regular([3, 3])), s(regular([2, 2, 2]))),
  cholesky: op(
    s(definite([3, 3])).unchecked(SYMMETRIC),
    s(definite([2, 2, 2]), { upper: true }).unchecked(SYMMETRIC),
  ),
  choleskyEx: op(
    s(definite([3, 3])).unchecked(SYMMETRIC),
    s(definite([2, 2, 2]), { upper: true }).unchecked(SYMMETRIC),
  ),
  qr: op(
    s(regular([3, 3])),
    s(x([4, 2])),
    s(x([2, 4])),
    s(x([2, 3]), 'complete'),
    s(x([2, 3]), 'r').refusesBackward(),
    s(x([4, 2]), 'complete').refusesBackward(),
    // Broadcast matrices have no full rank.
  ).layoutMatters(),
  svd: op(s(regular([3, 3])), s(x([4, 2]), false), s(x([2, 3]), { fullMatrices: false })).layoutMatters(),
  svdvals: op(s(regular([3, 3])), s(x([2, 2, 4]))),
  eigh: op(s(definite([3, 3])).unchecked(SYMMETRIC), s(definite([2, 2, 2]), 'U').unchecked(SYMMETRIC)),
  eigvalsh: op(
    s(definite([3, 3])).unchecked(SYMMETRIC),
    s(definite([2, 2, 2]), { UPLO: 'U' }).unchecked(SYMMETRIC),
  ),
  eig: op(s(regular([3, 3]))).missing(),
  eigvals: op(s(regular([3, 3]))).missing(),
  luFactor: op(s(regular([3, 3])), s(x([2, 4, 2])), s(x([2, 3]))),
  luFactorEx: op(s(regular([3, 3])), s(x([2, 2, 3]))),
  lu: op(s(regular([3, 3])), s(x([4, 2])), s(x([2, 2, 3]))),
  luSolve: op(
    s(regular([3, 3]), pivots([2, 3, 3]), x([3, 2])),
    s(regular([2, 2, 2]), pivots([2, 2, 1, 2], [2, 2]), x([2, 2]), { adjoint: true }),
    s(regular([3, 3]), pivots([1, 3, 3]), x([2, 3]), { left: false }),
  ),
  matrixExp: op(s(x([3, 3])), s(x([2, 2, 2])), s(x([2, 2], { low: -9, high: 9 }))),
  lstsq: op(
    s(x([4, 2]), x([4, 3])),
    s(x([2, 3, 2]), x([2, 3]), { driver: 'gelsd' }).unchecked('residuals have no gradient'),
    s(x([3, 2]), x([3])),
    s(regular([3, 3]), x([3, 1]), { driver: 'gels' }),
  ),
  pinv: op(
    s(x([4, 2])),
    s(x([2, 2, 3])),
    s(regular([3, 3]), { rtol: 1e-9 }),
    s(definite([3, 3]), { hermitian: true }).unchecked(SYMMETRIC),
    // Broadcast matrices have no full rank.
  ).layoutMatters(),
  matrixRank: op(
    s(x([4, 2])),
    s(rankOne([2, 3, 3]), { tol: 1e-3 }),
    s(definite([3, 3]), { hermitian: true, rtol: 0.5 }),
  ).discrete(),
  cond: op(
    s(regular([3, 3])),
    s(x([2, 4, 2]), -2),
    ...[1, -1, Number.POSITIVE_INFINITY, 'fro', 'nuc'].map((p) => s(regular([3, 3]), p)),
  ),
  vectorNorm: op(
    s(x([2, 3])),
    s(x([2, 3]), 1, 0),
    s(x([2, 3]), 3.5, [-1], true),
    s(x([2, 3]), Number.POSITIVE_INFINITY, 1),
    s(x([2, 3]), -1.5),
  ),
  matrixNorm: op(
    s(x([2, 3])),
    s(x([2, 3, 2]), 1, [0, 2]),
    s(x([2, 3, 2]), -1, [1, 0], true),
    s(x([2, 3]), Number.POSITIVE_INFINITY),
    s(x([2, 3, 2]), 2, [2, 0], true),
    s(x([2, 3]), -2),
    s(x([3, 2]), 'nuc', { keepdim: true }),
  ),
  norm: op(
    s(x([2, 3])),
    s(x([4]), 3),
    s(x([2, 3]), 'nuc'),
    s(x([2, 3, 2]), 1, 1),
    s(x([2, 3, 2]), 'fro', [0, 1], true),
  ),
  cross: op(s(x([2, 3]), x([2, 3])), s(x([3, 2]), x([3, 1]), { dim: 0 })),
  vecdot: op(s(x([2, 3]), x([2, 3])), s(x([3, 2]), x([1, 2]), { dim: 0 })),
  vander: op(s(x([3])), s(x([2, 3]), { N: 4 })),
  matrixPower: op(s(x([2, 2]), 3), s(regular([2, 3, 3]), -2), s(x([2, 2]).level(), 0), s(x([3, 3]), 6)),
  multiDot: op(s([x([2, 3]), x([3, 2]), x([2, 4])]), s([x([3]), x([3, 2]), x([2])])),
  tensorsolve: op(
    s(regular([6, 6]).resized([2, 3, 6]), x([2, 3])),
    s(regular([4, 4]).resized([4, 2, 2]), x([2, 2]), [0]),
  ),
  tensorinv: op(s(regular([6, 6]).resized([2, 3, 6])), s(regular([4, 4]).resized([4, 2, 2]), 1)),
  ldlFactor: op(s(definite([3, 3])), s(definite([2, 2, 2]))).underivable(),
  ldlFactorEx: op(s(definite([3, 3])), s(indefinite([4, 4]))).underivable(),
  ldlSolve: op(
    s(definite([3, 3]), pivots([2, 3, 3]), x([3, 2])),
    s(indefinite([4, 4]), pivots([-2, -2, 4, 4]), x([2, 4, 1])),
  ).underivable(),
  householderProduct: op(s(x([4, 3]), x([3])), s(x([2, 3, 3]), x([2, 2]))),
};

/** Functions of `torch`, most of them older names. */
const twins: Record<string, OpCase> = {
  inverse: op(s(regular([3, 3]))),
  det: op(s(regular([3, 3])), s(rankOne([3, 3]))),
  slogdet: op(s(regular([3, 3]))),
  logdet: op(s(definite([3, 3])), s(definite([2, 2, 2]))),
  cholesky: op(s(definite([3, 3])).unchecked(SYMMETRIC), s(definite([2, 2, 2]), true).unchecked(SYMMETRIC)),
  choleskySolve: op(
    s(x([3, 2]), definite([3, 3]).constant()),
    s(x([2, 2]), regular([2, 2, 2]).constant(), true),
    s(x([3, 2]), definite([3, 3])).unchecked(SYMMETRIC),
  ),
  choleskyInverse: op(
    s(definite([3, 3])).unchecked(SYMMETRIC),
    s(regular([2, 2, 2]), { upper: true }).unchecked(SYMMETRIC),
  ),
  triangularSolve: op(
    s(x([3, 2]), regular([3, 3])),
    s(x([2, 3]), regular([2, 2, 2]), false, true),
    s(x([3, 2]), regular([3, 3]), { unitriangular: true }),
  ),
  qr: op(s(x([4, 2])), s(x([2, 3]), false)).layoutMatters(),
  svd: op(
    s(x([4, 2])),
    s(x([2, 3]), { some: true }),
    s(x([2, 3]), true, false).unchecked('the zeros that stand for vectors have no gradient'),
  ).layoutMatters(),
};

const more: Record<string, OpCase> = {
  symeig: op(
    s(definite([3, 3]), true).unchecked(SYMMETRIC),
    s(definite([2, 2, 2]), { eigenvectors: true, upper: false }).unchecked(SYMMETRIC),
    s(definite([3, 3])).refusesBackward(),
  ),
  lu: op(s(regular([3, 3])), s(x([4, 2]), true, true)),
  luSolve: op(s(x([3, 2]), regular([3, 3]), pivots([2, 3, 3]))),
  luUnpack: op(
    s(x([3, 3]), pivots([2, 3, 3])),
    s(x([2, 2, 4]), pivots([2, 2, 1, 2], [2, 2])),
    s(x([4, 2]), pivots([4, 2]), { unpackPivots: false }),
  ),
  matrixExp: op(s(x([3, 3]))),
  matrixPower: op(s(x([2, 2]), 3), s(regular([3, 3]), -1)),
  chainMatmul: op(s(x([2, 3]), x([3, 2]), x([2, 4]))),
  pinverse: op(s(x([4, 2])), s(x([2, 3]), 1e-9)),
  geqrf: op(s(x([4, 2]).constant()), s(x([2, 2, 3]).constant())).discrete(),
  orgqr: op(s(x([4, 3]), x([3]))),
  ormqr: op(
    s(x([4, 3]).constant(), x([3]).constant(), x([4, 2]).constant()),
    s(x([2, 3, 2]).constant(), x([2, 2]).constant(), x([2, 2, 3]).constant(), false, true),
    s(x([3, 2]).constant(), x([2]).constant(), x([3, 2]).constant(), { transpose: true }),
  ).discrete(),
};

export const table: Table = {
  ...Object.fromEntries(Object.entries(functions).map(([name, spec]) => [`linalg.${name}`, spec])),
  ...twins,
  ...more,
};
