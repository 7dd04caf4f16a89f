/** The allocator of the wasm device: blocks never overlap, freed memory is used again, and it ends with a clear error. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { Heap } from '../../src/device/wasm/heap.ts';

const KIB = 1024;
const MIB = 1024 * KIB;

/** Sizes of all kinds: slots, runs that wait in the quick lists, runs that are merged at once. */
const sizes = fc.oneof(
  fc.integer({ min: 0, max: 300 }),
  fc.integer({ min: 1, max: 40 * KIB }),
  fc.integer({ min: 30 * KIB, max: 3 * MIB }),
  fc.integer({ min: 15 * MIB, max: 20 * MIB }),
);

describe('heap', () => {
  test('blocks are aligned, inside the heap and never overlap', () => {
    const step = fc.record({ nbytes: sizes, free: fc.boolean(), which: fc.nat() });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 120 }), (steps) => {
        const heap = new Heap();
        const live: { address: number; nbytes: number }[] = [];
        for (const { nbytes, free, which } of steps) {
          if (free && live.length > 0) {
            const [block] = live.splice(which % live.length, 1);
            heap.free(block.address, block.nbytes);
            continue;
          }
          const address = heap.allocate(nbytes);
          assert.equal(address % 64, 0);
          assert.ok(address > 0 && address + nbytes + 64 <= heap.memory.buffer.byteLength);
          for (const other of live) {
            assert.ok(
              address + Math.max(nbytes, 1) <= other.address ||
                other.address + Math.max(other.nbytes, 1) <= address,
            );
          }
          live.push({ address, nbytes });
        }
        const { liveBlocks, liveBytes } = heap.stats();
        assert.equal(liveBlocks, live.length);
        assert.ok(liveBytes >= live.reduce((sum, block) => sum + block.nbytes, 0));
        assert.equal(
          heap.census().reduce((sum, entry) => sum + entry.count, 0),
          live.length,
        );
        for (const block of live) heap.free(block.address, block.nbytes);
        assert.equal(heap.stats().liveBytes, 0);
        assert.deepEqual(heap.census(), []);
      }),
      { numRuns: 60 },
    );
  });

  test('the block that was freed last comes back first', () => {
    const heap = new Heap();
    for (const nbytes of [64, 5000, 100 * KIB, 3 * MIB]) {
      const [a, b] = [heap.allocate(nbytes), heap.allocate(nbytes)];
      heap.free(a, nbytes);
      heap.free(b, nbytes);
      assert.equal(heap.allocate(nbytes), b);
      assert.equal(heap.allocate(nbytes), a);
    }
  });

  test('a loop over the same sizes does not grow the heap', () => {
    const heap = new Heap();
    const shapes = [4, 400, 40_000, 70_000, 400_000, 401_000, 5_000_000, 33_000_000];
    const round = (): void => {
      const blocks = shapes.map((nbytes) => ({ nbytes, address: heap.allocate(nbytes) }));
      for (const i of [3, 0, 7, 5, 1, 2, 6, 4]) heap.free(blocks[i].address, blocks[i].nbytes);
    };
    round();
    const { heapBytes } = heap.stats();
    for (let i = 0; i < 2000; i++) round();
    assert.equal(heap.stats().heapBytes, heapBytes);
  });

  test('sizes that change from round to round settle', () => {
    const heap = new Heap();
    let seed = 1;
    const random = (): number => {
      seed = (seed * 1103515245 + 12345) % 2 ** 31;
      return seed / 2 ** 31;
    };
    const round = (): void => {
      const blocks = Array.from({ length: 30 }, () => {
        const nbytes = Math.floor(2 ** (5 + random() * 17));
        return { nbytes, address: heap.allocate(nbytes) };
      });
      for (const block of blocks) heap.free(block.address, block.nbytes);
    };
    for (let i = 0; i < 1000; i++) round();
    const { heapBytes } = heap.stats();
    for (let i = 0; i < 3000; i++) round();
    assert.ok(heap.stats().heapBytes <= heapBytes * 1.5, `${heapBytes} → ${heap.stats().heapBytes}`);
  });

  test('reserved memory is zero and permanent', () => {
    const heap = new Heap();
    const block = heap.allocate(200 * KIB);
    heap.u8.fill(7, block, block + 200 * KIB);
    heap.free(block, 200 * KIB);
    const first = heap.reserve(100);
    const second = heap.reserve(300 * KIB);
    assert.ok(second >= first + 128);
    assert.ok(heap.u8.subarray(first, first + 100).every((byte) => byte === 0));
    assert.ok(heap.u8.subarray(second, second + 300 * KIB).every((byte) => byte === 0));
    assert.equal(heap.stats().liveBytes, 0);
  });

  test('memory of small blocks serves large ones when the heap is full, and the error says what is alive', () => {
    const heap = new Heap();
    const small: number[] = [];
    // More than half of the heap in 16 KiB blocks, so that a large block fits only where they were.
    while (small.length < 150_000) small.push(heap.allocate(16 * KIB));
    assert.equal(heap.allocate(2 ** 31), -1);
    const error = heap.outOfMemory(2 ** 31);
    assert.match(error.message, /cannot allocate 2\.00 GiB: 2\.29 GiB in 150000 storages are alive/);
    assert.match(error.message, /150000 × 16\.0 KiB = 2\.29 GiB/);
    for (const address of small) heap.free(address, 16 * KIB);
    assert.ok(heap.allocate(2 ** 31) > 0);
    assert.ok(heap.allocate(2 ** 30) > 0);
  });

  test('the peak is remembered until it is reset', () => {
    const heap = new Heap();
    const block = heap.allocate(MIB);
    heap.free(block, MIB);
    assert.equal(heap.stats().peakBytes, MIB);
    heap.resetPeak();
    assert.equal(heap.stats().peakBytes, 0);
  });
});
