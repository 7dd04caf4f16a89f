/** What is remembered of contractions. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { float32 } from '../../src/base/dtype.ts';
import { referenceDevice } from '../../src/device/reference/device.ts';
import { cpu } from '../../src/device/wasm/device.ts';
import { dense, dispose, elements, twins, wholeNumbers } from './views.ts';

test('more shapes than are remembered, and tables that need more room than there is', () => {
  const spec = { batch: 0, m: 1, n: 1, k: 1, alpha: 1, beta: 0 };
  const check = (m: number, n: number, k: number): void => {
    const a = twins(float32, dense([m, k]), wholeNumbers(float32, 1));
    const b = twins(float32, dense([k, n]), wholeNumbers(float32, 2));
    const out = twins(float32, dense([m, n]), () => 0);
    cpu.contract(out.wasm, a.wasm, b.wasm, spec);
    referenceDevice.contract(out.reference, a.reference, b.reference, spec);
    assert.deepEqual(elements(out.wasm), elements(out.reference));
    dispose(a, b, out);
  };
  for (let m = 1; m <= 15; m++) {
    for (let n = 1; n <= 15; n++) for (let k = 1; k <= 10; k++) check(m, n, k);
  }
  // Large tables among small ones, and the first shapes again.
  for (let i = 0; i < 40; i++) {
    check(2, 3, 20_000 + i);
    check(3, 3, 3);
  }
});
