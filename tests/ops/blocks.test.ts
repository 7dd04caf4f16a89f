/** Factors and solutions of matrices large enough to be worked on by blocks, against the plain loops that small ones take. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import * as torch from 'typetorch';
import { factorQr, formQ } from '../../src/ops/linalg/kernels/householder.ts';
import { factorLu, solveLu } from '../../src/ops/linalg/kernels/lu.ts';
import { factorCholesky } from '../../src/ops/linalg/kernels/triangular.ts';

const { float32, float64, linalg } = torch;

function random(sizes: number[], dtype = float64): torch.Tensor {
  torch.manualSeed(sizes.reduce((a, b) => 31 * a + b, 7));
  return torch.randn(sizes, { dtype });
}

function numbers(x: torch.Tensor): Float64Array {
  return Float64Array.from(x.to(float64).contiguous().toTypedArray() as Float64Array);
}

function assertNear(actual: torch.Tensor, expected: torch.Tensor, tolerance: number): void {
  assert.deepEqual([...actual.shape], [...expected.shape]);
  assert.equal(actual.dtype, expected.dtype);
  const most = actual.sub(expected).abs().max().item() as number;
  const size = Math.max(expected.abs().max().item() as number, 1);
  assert.ok(most <= tolerance * size, `differs by ${most}, elements up to ${size}`);
}

/** Symmetric and positive-definite. */
function definite(n: number, batch: number[] = []): torch.Tensor {
  const a = random([...batch, n, n]);
  return a.matmul(a.mT).add(torch.eye(n, { dtype: float64 }));
}

describe('LU factors by blocks', () => {
  for (const [m, n] of [
    [48, 48],
    [49, 49],
    [65, 65],
    [100, 100],
    [200, 48],
    [61, 150],
    [150, 61],
  ]) {
    test(`${m} x ${n}: the pivots and factors of the plain loops`, () => {
      const a = random([m, n]);
      const expected = numbers(a);
      const { rows } = factorLu(expected, 0, m, n);
      const { LU, pivots } = linalg.luFactor(a);
      assert.deepEqual(
        Array.from(pivots.toTypedArray() as Int32Array),
        Array.from(rows, (row) => row + 1),
      );
      assertNear(LU, torch.tensor(expected, { dtype: float64 }).reshape(m, n), 1e-12);
      const { P, L, U } = linalg.lu(a);
      assertNear(P.matmul(L).matmul(U), a, 1e-13);
    });
  }

  test('the first of equal elements is the pivot', () => {
    // Rows of a Hadamard matrix: all elements have the same size, and all sums are whole numbers.
    let h = torch.ones([1, 1], { dtype: float64 });
    for (let i = 0; i < 6; i++) h = torch.cat([torch.cat([h, h], 1), torch.cat([h, h.neg()], 1)], 0);
    const expected = numbers(h);
    const { rows } = factorLu(expected, 0, 64, 64);
    const { LU, pivots } = linalg.luFactor(h);
    assert.deepEqual(
      Array.from(pivots.toTypedArray() as Int32Array),
      Array.from(rows, (row) => row + 1),
    );
    assert.deepEqual(numbers(LU), expected);
    assert.equal(linalg.det(h).item(), 2 ** 192);
  });

  for (const column of [3, 20, 47, 79]) {
    test(`column ${column} of zeros: singular there`, () => {
      const a = random([80, 80]);
      a.select(1, column).zero_();
      assert.equal(linalg.luFactorEx(a).info.item(), column + 1);
      assert.equal(Math.abs(linalg.det(a).item() as number), 0);
      assert.throws(() => linalg.inv(a), new RegExp(`The diagonal element ${column + 1} is zero`));
      assert.throws(() => linalg.solve(a, a), /The solver failed because the input matrix is singular/);
    });
  }

  test('the first column without a pivot is reported, also when others follow', () => {
    const a = random([96, 96]);
    for (const column of [70, 40, 90]) a.select(1, column).zero_();
    assert.equal(linalg.luFactorEx(a).info.item(), 41);
  });
});

describe('systems by blocks', () => {
  for (const columns of [1, 7, 64, 70, 200]) {
    test(`${columns} right sides`, () => {
      const n = 90;
      const a = random([n, n]);
      const b = random([n, columns]);
      const lu = numbers(a);
      const x = numbers(b);
      solveLu(lu, 0, n, factorLu(lu, 0, n, n).rows, x, 0, columns);
      const expected = torch.tensor(x, { dtype: float64 }).reshape(n, columns);
      assertNear(linalg.solve(a, b), expected, 1e-11);
      assertNear(linalg.solve(a.mT, b.mT, { left: false }), expected.mT, 1e-11);
      const { LU, pivots } = linalg.luFactor(a);
      assertNear(linalg.luSolve(LU, pivots, b), expected, 1e-11);
      assertNear(a.mT.matmul(linalg.luSolve(LU, pivots, b, { adjoint: true })), b, 1e-11);
    });
  }

  test('batches, broadcast and of any layout', () => {
    const a = random([2, 1, 60, 60]);
    const b = random([3, 60, 5]);
    const x = linalg.solve(a, b);
    assert.deepEqual([...x.shape], [2, 3, 60, 5]);
    assertNear(a.matmul(x), b.expand(2, 3, 60, 5), 1e-11);
    const turned = random([60, 2, 60]).transpose(0, 1);
    assertNear(linalg.inv(turned).matmul(turned), torch.eye(60, { dtype: float64 }).expand(2, 60, 60), 1e-10);
    // A view whose matrices start in the middle of the storage.
    const t = random([3, 80, 80]).narrow(1, 10, 60).narrow(2, 5, 60).add(0);
    const inside = torch.zeros([3, 80, 80], { dtype: float64 });
    const view = inside.narrow(1, 10, 60).narrow(2, 5, 60);
    view.copy_(t.tril().add(torch.eye(60, { dtype: float64 }).mul(30)));
    assertNear(view.matmul(linalg.solveTriangular(view, b, { upper: false })), b, 1e-12);
  });

  test('float32 is solved in double precision', () => {
    const a = random([70, 70], float32);
    const b = random([70, 3], float32);
    const exact = linalg.solve(a.to(float64), b.to(float64)).to(float32);
    assertNear(linalg.solve(a, b), exact, 1e-7);
    const s = definite(70).to(float32);
    assertNear(linalg.cholesky(s), linalg.cholesky(s.to(float64)).to(float32), 1e-7);
  });

  for (const upper of [false, true]) {
    for (const unitriangular of [false, true]) {
      test(`triangle, upper ${upper}, unit ${unitriangular}: nothing else is read`, () => {
        const n = 75;
        const t = random([n, n])
          .mul(0.1)
          .add(torch.eye(n, { dtype: float64 }).mul(2));
        const kept = upper ? t.triu(unitriangular ? 1 : 0) : t.tril(unitriangular ? -1 : 0);
        const triangle = unitriangular ? kept.add(torch.eye(n, { dtype: float64 })) : kept;
        const spoilt = t.where(kept.ne(0), Number.NaN);
        const b = random([n, 66]);
        assertNear(triangle.matmul(linalg.solveTriangular(spoilt, b, { upper, unitriangular })), b, 1e-12);
        const right = linalg.solveTriangular(spoilt, b.mT, { upper, unitriangular, left: false });
        assertNear(right.matmul(triangle), b.mT, 1e-12);
      });
    }
  }

  test('derivatives of a large system', () => {
    const a = random([50, 50])
      .add(torch.eye(50, { dtype: float64 }).mul(20))
      .requiresGrad_();
    const b = random([50, 2]).requiresGrad_();
    const x = linalg.solve(a, b);
    const g = random([50, 2]).add(1);
    x.backward(g);
    const gB = linalg.inv(a.detach()).mT.matmul(g);
    assertNear(b.grad as torch.Tensor, gB, 1e-12);
    assertNear(a.grad as torch.Tensor, gB.matmul(x.detach().mT).neg(), 1e-12);
  });
});

describe('Cholesky factors by blocks', () => {
  for (const n of [48, 63, 97, 160]) {
    test(`${n} x ${n}: the factor of the plain loops`, () => {
      const a = definite(n);
      const expected = numbers(a);
      assert.equal(factorCholesky(expected, 0, n), 0);
      const L = linalg.cholesky(a);
      assertNear(L, torch.tensor(expected, { dtype: float64 }).reshape(n, n).tril(), 1e-12);
      assert.equal(L.triu(1).ne(0).any().item(), false);
      assertNear(linalg.cholesky(a, { upper: true }), L.mT, 1e-12);
      // Only one triangle is read.
      assertNear(linalg.cholesky(a.tril()), L, 0);
      assertNear(linalg.cholesky(a.triu(), { upper: true }), L.mT, 0);
      const b = random([n, 3]);
      assertNear(a.matmul(torch.choleskySolve(b, L)), b, 1e-11);
      assertNear(a.matmul(torch.choleskyInverse(L)), torch.eye(n, { dtype: float64 }), 1e-11);
    });
  }

  for (const order of [1, 30, 33, 64, 80]) {
    test(`not positive-definite at order ${order}`, () => {
      const a = definite(80, [2]);
      a.select(0, 1)
        .select(0, order - 1)
        .select(0, order - 1)
        .fill_(-1);
      assert.throws(
        () => linalg.cholesky(a),
        new RegExp(`Batch element 1.*leading minor of order ${order} is not positive-definite`),
      );
      assert.deepEqual(linalg.choleskyEx(a).info.tolist(), [0, order]);
    });
  }
});

describe('QR factors by blocks', () => {
  for (const [m, n] of [
    [48, 48],
    [70, 70],
    [150, 60],
    [60, 150],
  ]) {
    test(`${m} x ${n}: the factors of the plain loops`, () => {
      const a = random([m, n]);
      const k = Math.min(m, n);
      const plain = numbers(a);
      const tau = factorQr(plain, 0, m, n);
      const whole = new Float64Array(m * m);
      formQ(plain, 0, m, n, tau, whole, 0, m);
      const expectedQ = torch.tensor(whole, { dtype: float64 }).reshape(m, m);
      const expectedR = torch.tensor(plain, { dtype: float64 }).reshape(m, n).triu();
      const { Q, R } = linalg.qr(a);
      assertNear(Q, expectedQ.narrow(1, 0, k), 1e-12);
      assertNear(R, expectedR.narrow(0, 0, k), 1e-12);
      assertNear(Q.matmul(R), a, 1e-13);
      const complete = linalg.qr(a, 'complete');
      assertNear(complete.Q, expectedQ, 1e-12);
      assertNear(complete.R, expectedR, 1e-12);
      assertNear(linalg.qr(a, 'r').R, R, 0);
    });
  }

  test('batches of float32, of any layout', () => {
    const a = random([60, 2, 50], float32).transpose(0, 1);
    const { Q, R } = linalg.qr(a);
    assert.equal(Q.dtype, float32);
    assertNear(Q.matmul(R), a, 1e-6);
    assertNear(Q.mT.matmul(Q), torch.eye(50).expand(2, 50, 50), 1e-6);
    assertNear(Q.select(0, 1), linalg.qr(a.select(0, 1)).Q, 0);
  });
});
