/** Accumulators of reductions: four running results side by side, in registers. */
import type { ComputeType } from '../../base/dtype.ts';
import * as E from '../../expr/expr.ts';
import type { Combine } from '../../kernel/program.ts';
import type { Local } from './assembler.ts';
import { emitExpressions, type KernelModule } from './emit.ts';
import { isWide, type Lanes, type Vec } from './lanes.ts';

type Plain = Exclude<Combine, 'argmax' | 'argmin'>;

/** How two values become one. */
function combination(combine: Plain, type: ComputeType): E.Expr {
  const a = E.input(0, type);
  const b = E.input(1, type);
  switch (combine) {
    case 'sum':
      return E.add(a, b);
    case 'prod':
      return E.mul(a, b);
    case 'max':
      return E.max(a, b);
    case 'min':
      return E.min(a, b);
    case 'and':
      return E.and(a, b);
    case 'or':
      return E.or(a, b);
    default:
      return combine satisfies never;
  }
}

/** Is candidate 1 at position 3 better than candidate 0 at position 2? The first extreme counts, NaN above all. */
function betterThan(largest: boolean, type: ComputeType): E.Expr {
  const best = E.input(0, type);
  const x = E.input(1, type);
  const earlier = E.lt(E.input(3, 'i32'), E.input(2, 'i32'));
  const wins = E.or(largest ? E.gt(x, best) : E.lt(x, best), E.and(E.eq(x, best), earlier));
  if (!E.isFloat(type)) return wins;
  const bestIsNaN = E.isNaNExpr(best);
  const better = E.or(E.and(wins, E.not(bestIsNaN)), E.and(E.isNaNExpr(x), E.or(E.not(bestIsNaN), earlier)));
  return better;
}

/** What leaves every other value unchanged. */
function identityOf(combine: Combine, type: ComputeType): number | bigint {
  const lowest = combine === 'max' || combine === 'argmax';
  switch (combine) {
    case 'sum':
    case 'or':
      return 0;
    case 'prod':
    case 'and':
      return 1;
    default:
      if (type === 'i32') return lowest ? -(2 ** 31) : 2 ** 31 - 1;
      if (type === 'i64') return lowest ? -(2n ** 63n) : 2n ** 63n - 1n;
      return lowest ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
  }
}

/** The place of nothing: after every other. */
export const NOWHERE: number = 2 ** 31 - 1;

export class Accumulator {
  private readonly kernel: KernelModule;
  private readonly lanes: Lanes;
  private readonly combine: Combine;
  private readonly type: ComputeType;
  private readonly value: Vec;
  /** argmax and argmin: where the value was found. */
  private readonly place: Vec | null;
  /** Floating-point sums: finished blocks, in double precision, so that long sums stay exact. */
  private readonly blocks: Vec | null;

  /** `blocksOf`: an accumulator into whose blocks this one's go, so that they take no registers of their own. */
  constructor(
    kernel: KernelModule,
    lanes: Lanes,
    combine: Combine,
    type: ComputeType,
    blocksOf: Accumulator | null = null,
  ) {
    this.kernel = kernel;
    this.lanes = lanes;
    this.combine = combine;
    this.type = type;
    this.value = lanes.vec(type);
    this.place = this.tracksPlace ? lanes.vec('i32') : null;
    if (blocksOf !== null) this.blocks = blocksOf.blocks;
    else this.blocks = combine === 'sum' && E.isFloat(type) ? lanes.vec('f64') : null;
  }

  get tracksPlace(): boolean {
    return this.combine === 'argmax' || this.combine === 'argmin';
  }

  /** Are blocks of a long run to be closed now and then? */
  get hasBlocks(): boolean {
    return this.blocks !== null;
  }

  private assign(target: Vec, value: Vec): void {
    target.forEach((local, part) => {
      this.lanes.f.get(value[part]).set(local);
    });
  }

  private evaluate(expr: E.Expr, inputs: readonly Vec[]): Vec {
    return emitExpressions(this.kernel, this.lanes, [expr], (e) => inputs[Number(e.value)])[0];
  }

  identity(): Vec {
    return this.lanes.constant(identityOf(this.combine, this.type), this.type);
  }

  /** Emits the start: nothing seen yet. */
  start(): void {
    this.assign(this.value, this.identity());
    if (this.place !== null) this.assign(this.place, this.lanes.constant(NOWHERE, 'i32'));
    if (this.blocks !== null) this.assign(this.blocks, this.lanes.constant(0, 'f64'));
  }

  /** Takes in a value per lane, found at `place`. */
  add(x: Vec, place: Vec | null): void {
    if (this.place === null || place === null) {
      this.assign(this.value, this.evaluate(combination(this.combine as Plain, this.type), [this.value, x]));
      return;
    }
    const better = this.evaluate(betterThan(this.combine === 'argmax', this.type), [
      this.value,
      x,
      this.place,
      place,
    ]);
    this.assign(this.value, this.lanes.select(better, x, this.value, this.type));
    this.assign(this.place, this.lanes.select(better, place, this.place, 'i32'));
  }

  /** Takes in two values per lane at once, which shortens the chain of additions. Not for what tracks places. */
  addTwo(x: Vec, y: Vec): void {
    this.add(this.evaluate(combination(this.combine as Plain, this.type), [x, y]), null);
  }

  /** Takes in another accumulator of the same kind. */
  absorb(other: Accumulator): void {
    this.add(other.value, other.place);
    if (this.blocks !== null && other.blocks !== null && this.blocks !== other.blocks) {
      this.assign(this.blocks, this.lanes.apply('f64', 'f64x2.add', this.blocks, other.blocks));
    }
  }

  /** What an accumulator takes in memory, in bytes. */
  get size(): number {
    return (this.value.length + (this.blocks?.length ?? 0)) * 16;
  }

  /** Loads what `save` has stored at an address. The running value lies before the blocks, which are left out unless `whole`. */
  restore(address: Local, offset: number, whole: boolean): void {
    this.parts(whole).forEach((local, i) => {
      this.lanes.f
        .get(address)
        .memory('v128.load', offset + i * 16)
        .set(local);
    });
  }

  save(address: Local, offset: number, whole: boolean): void {
    this.parts(whole).forEach((local, i) => {
      this.lanes.f
        .get(address)
        .get(local)
        .memory('v128.store', offset + i * 16);
    });
  }

  private parts(whole: boolean): Vec {
    return whole && this.blocks !== null ? [...this.value, ...this.blocks] : this.value;
  }

  /** Closes a block: its sum goes to the blocks. */
  closeBlock(): void {
    if (this.blocks === null) return;
    const wide = this.lanes.convert(this.value, this.type, 'f64');
    this.assign(this.blocks, this.lanes.apply('f64', 'f64x2.add', this.blocks, wide));
    this.assign(this.value, this.identity());
  }

  /** Combines the four lanes, so that each holds the whole. */
  combineLanes(): void {
    this.closeBlock();
    const rounds = [1, 2];
    for (const distance of rounds) {
      if (this.blocks !== null) {
        const moved = this.rotate(this.blocks, 'f64', distance);
        this.assign(this.blocks, this.lanes.apply('f64', 'f64x2.add', this.blocks, moved));
      } else {
        const place = this.place === null ? null : this.rotate(this.place, 'i32', distance);
        this.add(this.rotate(this.value, this.type, distance), place);
      }
    }
  }

  /** Lanes moved round by `distance`. */
  private rotate(x: Vec, type: ComputeType, distance: number): Vec {
    const { f } = this.lanes;
    if (isWide(type)) {
      if (distance === 2) return [x[1], x[0]];
      return this.lanes.make(type, (part) => {
        f.get(x[part]).get(x[part]).shuffle([8, 9, 10, 11, 12, 13, 14, 15, 0, 1, 2, 3, 4, 5, 6, 7]);
      });
    }
    return this.lanes.make(type, () => {
      f.get(x[0]).get(x[0]);
      f.shuffle(Array.from({ length: 16 }, (_, i) => (i + distance * 4) % 16));
    });
  }

  /** The result of each lane, and its type: with `exact` the double-precision total of a sum. */
  result(exact = false): { value: Vec; type: ComputeType } {
    if (this.place !== null) return { value: this.lanes.convert(this.place, 'i32', 'i64'), type: 'i64' };
    this.closeBlock();
    if (this.blocks !== null) {
      if (exact) return { value: this.blocks, type: 'f64' };
      return { value: this.lanes.convert(this.blocks, 'f64', this.type), type: this.type };
    }
    return { value: this.value, type: this.type };
  }
}
