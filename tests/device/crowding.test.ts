/** When threads are kept apart because they take cores from each other: a made-up clock and count. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Crowding } from '../../src/device/wasm/crowding.ts';

/** Asks once a millisecond, from `from` to `to`, while so many interruptions a millisecond happen; the answers as milliseconds that were crowded. */
class Life {
  private count = 0;
  private now = 0;
  private readonly crowding = new Crowding(() => this.count);

  live(milliseconds: number, perMillisecond: number): number {
    let crowded = 0;
    for (const end = this.now + milliseconds; this.now < end; ) {
      this.now++;
      this.count += perMillisecond;
      if (this.crowding.crowded(this.now)) crowded++;
    }
    return crowded;
  }

  /** Nobody asks. */
  pass(milliseconds: number, interruptions: number): void {
    this.now += milliseconds;
    this.count += interruptions;
  }
}

describe('crowding', () => {
  test('threads with a core each work together', () => {
    assert.equal(new Life().live(10_000, 0.3), 0);
  });

  test('threads that interrupt each other are kept apart, and seldom try again', () => {
    const life = new Life();
    assert.ok(life.live(100, 4) >= 50);
    assert.ok(life.live(5_000, 4) >= 4_700);
  });

  test('they come together again when the cores are free', () => {
    const life = new Life();
    life.live(5_000, 4);
    life.live(400, 0.1);
    assert.equal(life.live(1_000, 0.1), 0);
    // And what was learnt is forgotten: the first pause is a short one.
    assert.ok(life.live(40, 4) <= 30);
  });

  test('one garbage collection is no crowd', () => {
    const life = new Life();
    for (let i = 0; i < 50; i++) {
      assert.equal(life.live(5, 4) + life.live(20, 0.2), 0, `collection ${i}`);
    }
  });

  test('what happened while nobody shared work does not count', () => {
    const life = new Life();
    for (let i = 0; i < 50; i++) {
      life.pass(100, 1_000);
      assert.equal(life.live(4, 0.1), 0);
    }
  });

  test('a host that does not count is never crowded', () => {
    const crowding = new Crowding(null);
    for (let now = 0; now < 1000; now++) assert.equal(crowding.crowded(now), false);
  });
});
