/** Positions of true elements, against the reference device. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import * as torch from 'typetorch';
import { referenceDevice } from '../../src/device/reference/device.ts';
import { cpu } from '../../src/device/wasm/device.ts';
import { dense, dispose, elements, twins } from './views.ts';

const { bool, int64 } = torch;
const size = fc.oneof(fc.integer({ min: 1, max: 4 }), fc.constantFrom(16, 31, 50));

test('positions of any number of dimensions, however many are true', () => {
  fc.assert(
    fc.property(
      fc.array(size, { minLength: 1, maxLength: 4 }),
      fc.constantFrom(0, 1, 10, 50, 99, 100),
      fc.nat(1000),
      fc.nat(3),
      (sizes, percent, seed, offset) => {
        const mask = twins(bool, dense(sizes, offset), (i) => (((i + seed) * 7919) % 101 < percent ? 1 : 0));
        const count = [...elements(mask.wasm).subarray(offset)].filter((x) => x !== 0).length;
        // One row more than is written.
        const out = twins(int64, dense([count + 1, sizes.length]), () => -7n);
        cpu.nonzero({ ...out.wasm, sizes: [count, sizes.length] }, mask.wasm);
        referenceDevice.nonzero({ ...out.reference, sizes: [count, sizes.length] }, mask.reference);
        assert.deepEqual([...elements(out.wasm)], [...elements(out.reference)]);
        assert.equal(elements(out.wasm).at(-1), -7n);
        dispose(mask, out);
      },
    ),
  );
});
