/** Dead storages come back: by dispose, by sweeps inside synchronous code, and when the event loop turns. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Device } from '../../src/device/device.ts';
import { collectGarbage } from '../../src/device/gc.ts';
import { Storage } from '../../src/device/storage.ts';
import { Heap } from '../../src/device/wasm/heap.ts';
import { Reclaimer } from '../../src/device/wasm/reclaim.ts';

/** A heap with its reclaimer, driven as the device drives them. */
class Arena {
  readonly heap: Heap = new Heap();
  readonly reclaimer: Reclaimer = new Reclaimer(this.heap);
  private readonly device = {
    release: (storage: Storage): void => {
      this.heap.free(storage.address, storage.nbytes);
      this.reclaimer.abandon(storage);
      storage.address = -1;
    },
  } as unknown as Device;

  make(nbytes: number): Storage {
    if (this.heap.liveBytes > this.reclaimer.limit) this.reclaimer.relieve();
    const storage = new Storage(this.device, this.heap.allocate(nbytes), nbytes);
    this.reclaimer.adopt(storage);
    return storage;
  }
}

/** In a function of its own, so that no register or stack slot keeps the last storage alive. */
function litter(arena: Arena, nbytes: number, count: number): void {
  for (let i = 0; i < count; i++) arena.make(nbytes);
}

describe('reclaim', () => {
  for (const nbytes of [4, 600, 3000, 10_000, 50_000, 100_000, 5_000_000]) {
    test(`a sweep finds dead storages of ${nbytes} bytes and spares living ones`, () => {
      const arena = new Arena();
      arena.reclaimer.limit = Number.POSITIVE_INFINITY;
      litter(arena, nbytes, 100);
      const kept = [arena.make(nbytes), arena.make(nbytes)];
      litter(arena, nbytes, 100);
      const more = arena.make(nbytes);
      const before = arena.heap.liveBlocks;
      assert.equal(before, 203);
      assert.ok(arena.reclaimer.sweep() > 0);
      // Each living storage keeps at most its slab.
      assert.ok(arena.heap.liveBlocks <= 2 * 64 + 1, String(arena.heap.liveBlocks));
      if (nbytes > 65536) assert.equal(arena.heap.liveBlocks, 3);
      const addresses = [...kept, more].map((s) => s.address);
      litter(arena, nbytes, 300);
      assert.equal(new Set(addresses).size, 3);
      for (const storage of [...kept, more]) storage.dispose();
    });
  }

  test('a block is given back once, however its storage ends', () => {
    const arena = new Arena();
    const make = (): void => {
      const storages = Array.from({ length: 1000 }, (_, i) => arena.make(64 + (i % 7) * 900));
      storages.forEach((storage, i) => {
        if (i % 3 !== 0) storage.dispose();
      });
      assert.equal(arena.heap.liveBlocks, 334);
      storages[1].dispose();
    };
    make();
    arena.reclaimer.sweep();
    arena.reclaimer.sweep();
    assert.equal(arena.heap.liveBlocks, 0);
    assert.equal(arena.heap.liveBytes, 0);
  });

  test('new storages in places that were given up are not freed with the old ones', () => {
    const arena = new Arena();
    for (let round = 0; round < 20; round++) {
      const kept: Storage[] = [];
      const mix = (): void => {
        for (let i = 0; i < 300; i++) {
          const storage = arena.make(100);
          if (i % 5 === round % 5) kept.push(storage);
          else if (i % 2 === 0) storage.dispose();
        }
      };
      mix();
      arena.reclaimer.sweep();
      const addresses = new Set(kept.map((s) => s.address));
      assert.equal(addresses.size, kept.length);
      for (let i = 0; i < 200; i++) assert.ok(!addresses.has(arena.make(100).address));
      for (const storage of kept) storage.dispose();
    }
    arena.reclaimer.sweep();
    assert.equal(arena.heap.liveBlocks, 0);
  });

  test('a synchronous loop that drops storages stays in bounded memory', () => {
    const arena = new Arena();
    litter(arena, 400_000, 30_000);
    const { heapBytes } = arena.heap.stats();
    assert.ok(heapBytes < 1.2e9, `${heapBytes}`);
  });

  test('when the event loop turns dead storages come back without a sweep', async () => {
    const arena = new Arena();
    litter(arena, 100, 640);
    litter(arena, 1_000_000, 20);
    const before = arena.heap.liveBlocks;
    for (let i = 0; i < 50 && arena.heap.liveBlocks > 0; i++) {
      await sleep(1);
      collectGarbage();
    }
    await sleep(1);
    assert.equal(before, 660);
    assert.equal(arena.heap.liveBlocks, 0);
    // What came back that way is known to a later sweep.
    arena.reclaimer.sweep();
    assert.equal(arena.heap.liveBlocks, 0);
  });

  test('storages that are disposed in time cost no registration', () => {
    const arena = new Arena();
    for (let i = 0; i < 5000; i++) {
      const [a, b, c] = [arena.make(16), arena.make(200_000), arena.make(16)];
      a.dispose();
      b.dispose();
      c.dispose();
    }
    assert.equal(arena.heap.liveBlocks, 0);
    assert.ok(arena.reclaimer.slabCount < 10, String(arena.reclaimer.slabCount));
  });
});
