/** Linear algebra. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import * as torch from 'typetorch';
import { checkTable } from './check.ts';
import { table } from './samples/linalg.ts';

checkTable(table);

const { linalg } = torch;
const { gradcheck, gradgradcheck } = torch.autograd;

function matrix(rows: number[][]): torch.Tensor {
  return torch.tensor(rows, { dtype: torch.float64 });
}

const plain = matrix([
  [2, 0.3, -0.4],
  [0.1, 3, 0.2],
  [0.5, -0.6, 2.5],
]);
const right = matrix([
  [1, -0.5],
  [0.2, 2],
  [-1, 0.7],
]);

/** First and second derivatives, as a function of any matrix. */
function checkDerivatives(f: (x: torch.Tensor) => torch.Tensor): void {
  const x = plain.clone().requiresGrad_();
  assert.ok(gradcheck(f, [x]));
  assert.ok(gradgradcheck(f, [x]));
}

const symmetric = (x: torch.Tensor): torch.Tensor => x.add(x.mT);

describe('derivatives of functions of symmetric matrices', () => {
  const cases: Record<string, (x: torch.Tensor) => torch.Tensor> = {
    cholesky: (x) => linalg.cholesky(symmetric(x)),
    'cholesky, upper': (x) => linalg.cholesky(symmetric(x), { upper: true }),
    choleskySolve: (x) => torch.choleskySolve(right, linalg.cholesky(symmetric(x))),
    'choleskySolve, upper': (x) =>
      torch.choleskySolve(right, linalg.cholesky(symmetric(x), { upper: true }), true),
    choleskyInverse: (x) => torch.choleskyInverse(linalg.cholesky(symmetric(x))),
    'choleskyInverse, upper': (x) =>
      torch.choleskyInverse(linalg.cholesky(symmetric(x), { upper: true }), true),
    'eigh, values': (x) => linalg.eigh(symmetric(x)).eigenvalues,
    // Vectors up to their signs.
    'eigh, vectors': (x) => linalg.eigh(symmetric(x), 'U').eigenvectors.square(),
    eigvalsh: (x) => linalg.eigvalsh(symmetric(x)),
    symeig: (x) => torch.symeig(symmetric(x), true).eigenvectors.square(),
    'pinv, hermitian': (x) => linalg.pinv(symmetric(x), { hermitian: true }),
  };
  for (const [name, f] of Object.entries(cases)) test(name, () => checkDerivatives(f));
});
