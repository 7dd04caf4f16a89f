/** tidy, scope, keep: what comes back at the end of a scope, and what does not. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import * as torch from 'typetorch';
import { collectGarbage } from '../../src/device/gc.ts';

function alive(t: torch.Tensor): boolean {
  return !t.storage.isDisposed;
}

describe('tidy', () => {
  test('frees what was made inside, but for the result', () => {
    const inner: torch.Tensor[] = [];
    const result = torch.tidy(() => {
      const a = torch.ones(4);
      const b = a.mul(2);
      const list = [b.add(1), b.sub(1)] as const;
      inner.push(a, b);
      return {
        list,
        map: new Map([['c', b.exp()]]),
        plain: 5,
        view: torch.arange(6).view(2, 3).select(0, 1),
      };
    });
    assert.deepEqual(inner.map(alive), [false, false]);
    assert.deepEqual(result.list[0].tolist(), [3, 3, 3, 3]);
    assert.equal((result.map.get('c') as torch.Tensor).shape[0], 4);
    assert.deepEqual(result.view.tolist(), [3, 4, 5]);
    assert.throws(() => inner[1].add(1), /used after its memory was given back/);
  });

  test('live memory is what it was before', () => {
    collectGarbage();
    const before = torch.memoryStats().liveBytes;
    torch.tidy(() => torch.ones(1000).exp().sum().item());
    assert.equal(torch.memoryStats().liveBytes, before);
  });

  test('an error frees everything', () => {
    let inner: torch.Tensor | null = null;
    assert.throws(
      () =>
        torch.tidy(() => {
          inner = torch.ones(2);
          throw new Error('stop');
        }),
      /stop/,
    );
    assert.equal(alive(inner as unknown as torch.Tensor), false);
  });

  test('what an inner scope keeps belongs to the outer one', () => {
    const made: torch.Tensor[] = [];
    const outer = torch.tidy(() => {
      const a = torch.tidy(() => torch.ones(2).mul(3));
      const b = torch.tidy(() => torch.ones(2).mul(4));
      made.push(a, b);
      return a;
    });
    assert.deepEqual(made.map(alive), [true, false]);
    assert.deepEqual(outer.tolist(), [3, 3]);
  });

  test('gradients of leaves stay, temporaries of the step do not', () => {
    const w = torch.ones(3, { requiresGrad: true });
    let hidden: torch.Tensor | null = null;
    const loss = torch.tidy(() => {
      hidden = w.mul(w);
      const l = hidden.sum();
      l.backward();
      return l.item();
    });
    assert.equal(loss, 3);
    assert.equal(alive(hidden as unknown as torch.Tensor), false);
    assert.deepEqual(w.grad?.tolist(), [2, 2, 2]);
    torch.tidy(() => w.mul(3).sum().backward());
    assert.deepEqual(w.grad?.tolist(), [5, 5, 5]);
  });

  test('a result with a graph keeps what the graph needs', () => {
    const w = torch.ones(3, { requiresGrad: true });
    const y = torch.tidy(() => w.exp().mul(w).sin().sum());
    y.backward();
    assert.ok(w.grad !== null);
    assert.ok(Math.abs((w.grad.tolist() as number[])[0] - Math.cos(Math.E) * 2 * Math.E) < 1e-5);
  });

  test('gradients with a graph keep what the graph needs', () => {
    const w = torch.tensor([2], { requiresGrad: true });
    torch.tidy(() => w.pow(3).sum().backward({ createGraph: true }));
    const first = w.grad as torch.Tensor;
    w.grad = null;
    first.sum().backward();
    assert.deepEqual((w.grad as torch.Tensor | null)?.tolist(), [12]);
  });

  test('a module that is made inside lives on', () => {
    const net = torch.tidy(() => new torch.nn.Linear(2, 3));
    assert.deepEqual(net(torch.ones(1, 2)).shape.length, 2);
  });

  test('the data of a tensor lives and dies with it', () => {
    const kept = torch.tidy(() => torch.ones(2).data);
    assert.deepEqual(kept.tolist(), [1, 1]);
    const whole = torch.ones(2);
    const { data } = whole;
    whole.dispose();
    assert.throws(() => data.add(1), /given back/);
  });

  test('what is assigned to a tensor from outside lives on', () => {
    const w = torch.ones(2, { requiresGrad: true });
    const out = torch.empty(0);
    torch.tidy(() => {
      w.grad = torch.ones(2).mul(3);
      w.data = w.data.mul(2);
      torch.add(torch.ones(2), 1, { out });
    });
    assert.deepEqual(
      [w.grad?.tolist(), w.tolist(), out.tolist()],
      [
        [3, 3],
        [2, 2],
        [2, 2],
      ],
    );
  });

  test('keep saves from every scope around', () => {
    const found: torch.Tensor[] = [];
    torch.tidy(() => {
      torch.tidy(() => {
        found.push(torch.keep(torch.ones(2)), torch.ones(3));
      });
    });
    assert.deepEqual(found.map(alive), [true, false]);
  });

  test('a long loop inside stays in bounded memory', () => {
    torch.resetPeakMemoryStats();
    const before = torch.memoryStats().liveBytes;
    torch.tidy(() => {
      for (let i = 0; i < 3000; i++) torch.zeros(100_000);
    });
    const { peakBytes, liveBytes } = torch.memoryStats();
    assert.ok(peakBytes - before < 330e6, `${peakBytes - before} bytes`);
    assert.ok(liveBytes <= before, `${liveBytes - before} bytes more than before`);
  });
});

describe('asynchronous tidy', () => {
  test('frees at the end what was made before and after an await', async () => {
    const inner: torch.Tensor[] = [];
    const result = await torch.tidy(async () => {
      inner.push(torch.ones(2));
      await turn();
      inner.push(torch.ones(3));
      await Promise.resolve();
      const y = inner[0].mul(2);
      inner.push(torch.tidy(() => y.add(1)));
      return y;
    });
    assert.deepEqual(inner.map(alive), [false, false, false]);
    assert.deepEqual(result.tolist(), [2, 2]);
  });

  test('what other code makes meanwhile is not touched', async () => {
    const others: torch.Tensor[] = [];
    const inner: torch.Tensor[] = [];
    const other = async (): Promise<void> => {
      for (let i = 0; i < 5; i++) {
        others.push(torch.ones(1));
        await turn();
      }
    };
    const work = (size: number): Promise<void> =>
      torch.tidy(async () => {
        for (let i = 0; i < 3; i++) {
          inner.push(torch.ones(size));
          await turn();
        }
      });
    await Promise.all([work(2), other(), work(3)]);
    assert.ok(others.every(alive));
    assert.equal(inner.some(alive), false);
  });

  test('a rejection frees everything', async () => {
    let inner: torch.Tensor | null = null;
    const failing = torch.tidy(async () => {
      await turn();
      inner = torch.ones(2);
      throw new Error('stop');
    });
    await assert.rejects(failing, /stop/);
    assert.equal(alive(inner as unknown as torch.Tensor), false);
  });
});

describe('scope', () => {
  test('frees at the end of the block what is not kept', () => {
    let kept: torch.Tensor;
    let dropped: torch.Tensor;
    {
      using scope = torch.scope();
      dropped = torch.ones(2);
      kept = scope.keep(dropped.add(1));
    }
    assert.deepEqual([kept, dropped].map(alive), [true, false]);
    assert.deepEqual(kept.tolist(), [2, 2]);
  });

  test('a block that awaits gets an error, and loses nothing', async () => {
    let inner: torch.Tensor | null = null;
    let other: torch.Tensor | null = null;
    const wrong = async (): Promise<void> => {
      using _ = torch.scope();
      inner = torch.ones(2);
      await turn();
      other = torch.ones(2);
    };
    await assert.rejects(wrong(), /open across an await/);
    assert.ok(alive(inner as unknown as torch.Tensor));
    assert.ok(alive(other as unknown as torch.Tensor));
    const after = torch.ones(2);
    await turn();
    assert.ok(alive(after));
  });
});

describe('memoryStats', () => {
  test('counts live bytes and the peak', () => {
    const before = torch.memoryStats();
    torch.resetPeakMemoryStats();
    const x = torch.zeros(100_000);
    const y = x.add(1);
    y.dispose();
    const stats = torch.memoryStats();
    assert.equal(stats.liveBlocks - before.liveBlocks, 1);
    assert.ok(stats.liveBytes - before.liveBytes >= 400_000);
    assert.ok(stats.peakBytes - before.liveBytes >= 800_000);
    assert.equal(stats.allocations - before.allocations >= 2, true);
    assert.ok(stats.heapBytes >= stats.liveBytes);
    x.dispose();
  });

  test('is refused for a device that does not count', () => {
    assert.throws(() => torch.memoryStats('reference'), /does not count/);
  });
});
