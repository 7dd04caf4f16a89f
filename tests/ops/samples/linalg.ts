/** Samples of linear algebra. Matrices have a heavy diagonal, so that they are far from singular. */
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
  svd: op(s(regular([3, 3])), s(x([4, 2]), false), s(x([2, 3]), { fullMatrices: false })),
  svdvals: op(s(regular([3, 3])), s(x([2, 2, 4]))),
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
  ),
};

export const table: Table = {
  ...Object.fromEntries(Object.entries(functions).map(([name, spec]) => [`linalg.${name}`, spec])),
  ...twins,
};
