/** Zeros: exactly the elements of the view are cleared, on one thread and on several, on both devices. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import * as torch from 'typetorch';
import { float32, float64, uint8 } from '../../src/base/dtype.ts';
import { referenceDevice } from '../../src/device/reference/device.ts';
import { cpu } from '../../src/device/wasm/device.ts';

for (const device of [cpu, referenceDevice]) {
  describe(`the ${device.name} device`, () => {
    for (const dtype of [uint8, float32, float64]) {
      test(`clears a part of ${dtype.name} memory`, () => {
        for (const [offset, count] of [
          [0, 1],
          [3, 17],
          [1, 4099],
          [5, 0],
        ]) {
          const storage = device.allocate(5000 * dtype.itemSize);
          device.bytes(storage).fill(0xab);
          device.zero({ storage, dtype, sizes: [count], strides: [1], offset });
          const [from, to] = [offset * dtype.itemSize, (offset + count) * dtype.itemSize];
          const bytes = device.bytes(storage);
          assert.ok(bytes.every((b, i) => b === (i >= from && i < to ? 0 : 0xab)));
          storage.dispose();
        }
      });
    }
  });
}

test('large blocks are cleared by all threads', () => {
  const count = cpu.threads.count;
  cpu.threads.count = 3;
  const x = torch.ones(3_000_001);
  for (let i = 0; i < 200; i++) x.zero_();
  x.fill_(2);
  x.narrow(0, 1, 2_999_999).zero_();
  assert.equal(x.sum().item(), 4);
  cpu.threads.count = count;
});

test('zero_ and fill_ of strided, overlapping and negative zeros', () => {
  const x = torch.ones(4, 6);
  x.t().zero_();
  assert.equal(x.sum().item(), 0);
  const y = torch.ones(4, 6);
  y.select(1, 2).zero_();
  assert.equal(y.sum().item(), 20);
  assert.equal(Object.is(torch.ones(3).fill_(-0)[Symbol.iterator]().next().value?.item(), -0), true);
  assert.equal(Object.is(torch.full([2], -0).select(0, 1).item(), -0), true);
});
