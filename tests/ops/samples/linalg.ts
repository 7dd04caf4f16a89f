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

const functions: Record<string, OpCase> = {
  inv: op(s(regular([3, 3])), s(regular([2, 2, 2]))),
  solve: op(s(regular([3, 3]), x([3, 2])), s(regular([3, 3]), x([3])), s(regular([2, 2, 2]), x([2, 2, 3]))),
  qr: op(
    s(regular([3, 3])),
    s(x([4, 2])),
    s(x([2, 3]), 'r').refusesBackward(),
    s(x([4, 2]), 'complete').refusesBackward(),
  ),
};

export const table: Table = Object.fromEntries(
  Object.entries(functions).map(([name, spec]) => [`linalg.${name}`, spec]),
);
