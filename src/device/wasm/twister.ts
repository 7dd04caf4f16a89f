/**
 * Kernels that draw: the Mersenne Twister's next words, a few blocks at a time, and a distribution that makes numbers of them.
 *
 * The state lies at the start of a buffer, and new words are appended to it: word n is made of the words n − 624, n − 623 and n − 227, so that
 * blocks follow each other without a seam and no distribution has to know where they end. After each chunk the last block moves to the start.
 */
import { type FunctionBuilder, type Local, ModuleBuilder } from './assembler.ts';
import type { ConstantPool } from './constants.ts';
import type { MemoryShape } from './loop.ts';
import { Vectors } from './vectors.ts';

/** Words of the state. */
export const STATE_WORDS = 624;
const MIDDLE = 397;
const MATRIX = 0x9908b0df;
const STATE_BYTES = STATE_WORDS * 4;
/** Words that are drawn at a time: with their numbers they stay in the first-level cache. */
const CHUNK_WORDS = 2048;
/** The largest group in bytes, as words or as numbers. */
const GROUP_BYTES = 128;
/** Where the last, partial group is written before what there is of it is copied. */
const TAIL = 2 * STATE_BYTES + CHUNK_WORDS * 4 + GROUP_BYTES;
export const BUFFER_BYTES: number = TAIL + GROUP_BYTES;

/** Bytes of the descriptor: up to two scalars, then addresses and counts, of which position and rounds are brought up to date. */
export const plan = {
  scalar: (i: number): number => 8 * i,
  buffer: 16,
  position: 20,
  out: 24,
  count: 28,
  rounds: 32,
} as const;

/** How numbers are made of words. */
export interface Distribution {
  /** Words a number. */
  readonly words: number;
  /** Numbers at a time. */
  readonly group: number;
  /** Bytes a number. */
  readonly itemSize: number;
  /**
   * Emits what happens once, before anything is drawn, and returns what emits a group: from the words at `from`, which are not tempered yet, to
   * numbers at `to`.
   */
  start(v: Vectors, descriptor: Local): (from: Local, to: Local) => void;
}

/** `generate(p)`: the block of words that follows the one at p. */
function defineGenerate(module: ModuleBuilder, pool: ConstantPool): FunctionBuilder {
  const f = module.function(null, ['i32']);
  const v = new Vectors(f, pool);
  const p = 0;
  const end = f.local('i32');
  f.get(p).i32(STATE_BYTES).op('i32.add').set(end);
  const [top, zero, matrix] = [0x80000000 | 0, 0, MATRIX | 0].map((x) => v.i32(x));
  const UNROLL = 4;
  f.loop(() => {
    for (let k = 0; k < UNROLL; k++) {
      const at = 16 * k;
      const word = v.load(p, at);
      const next = v.load(p, at + 4);
      // The top bit of one word and the rest of the next.
      const mixed = v.op('v128.xor', v.op('v128.and', v.op('v128.xor', word, next), top), next);
      const odd = v.op('i32x4.lt_s', v.shift('i32x4.shl', next, 31), zero);
      const product = v.op('v128.xor', v.shift('i32x4.shr_u', mixed, 1), v.op('v128.and', odd, matrix));
      v.store(p, v.op('v128.xor', v.load(p, at + 4 * MIDDLE), product), at + STATE_BYTES);
    }
    f.get(p)
      .i32(16 * UNROLL)
      .op('i32.add')
      .tee(p)
      .get(end)
      .op('i32.lt_u')
      .brIf(0);
  });
  return f;
}

/** `run(descriptor)`: draws `count` numbers of the distribution. */
export function buildDraws(
  distribution: Distribution,
  memory: MemoryShape,
  pool: ConstantPool,
): ModuleBuilder {
  const { words, group, itemSize } = distribution;
  const module = new ModuleBuilder(memory);
  const generate = defineGenerate(module, pool);
  const f = module.function('run', ['i32']);
  const descriptor = 0;
  const int = (offset: number): Local => {
    const local = f.local('i32');
    f.get(descriptor).memory('i32.load', offset).set(local);
    return local;
  };
  const [base, from, to, left] = [plan.buffer, plan.position, plan.out, plan.count].map(int);
  const [valid, end, here, final, shift] = Array.from({ length: 5 }, () => f.local('i32'));
  const advance = (local: Local, by: number): void => void f.get(local).i32(by).op('i32.add').set(local);
  f.get(base).get(from).i32(4).op('i32.mul').op('i32.add').set(from);
  f.get(base).i32(STATE_BYTES).op('i32.add').set(valid);
  const emit = distribution.start(new Vectors(f, pool), descriptor);
  const chunk = CHUNK_WORDS / words;
  f.loop(() => {
    f.i32(chunk).get(left).get(left).i32(chunk).op('i32.gt_u').op('select').set(here);
    f.get(left).get(here).op('i32.sub').set(left);
    f.get(from)
      .get(here)
      .i32(4 * words)
      .op('i32.mul')
      .op('i32.add')
      .set(end);
    f.block(() => {
      f.loop(() => {
        f.get(valid).get(end).op('i32.ge_u').brIf(1);
        f.get(valid).i32(STATE_BYTES).op('i32.sub').call(module.indexOf(generate));
        advance(valid, STATE_BYTES);
        f.get(descriptor).get(descriptor).memory('i32.load', plan.rounds).i32(1).op('i32.add');
        f.memory('i32.store', plan.rounds).br(0);
      });
    });
    f.loop(() => {
      const partial = (then: () => void): void => {
        if (group === 1) return;
        f.get(here).i32(group).op('i32.lt_u');
        f.if(then);
      };
      partial(() => f.get(to).set(final).get(base).i32(TAIL).op('i32.add').set(to));
      emit(from, to);
      partial(() => f.get(final).get(to).get(here).i32(itemSize).op('i32.mul').memoryCopy());
      advance(from, 4 * words * group);
      advance(to, itemSize * group);
      f.get(here).i32(group).op('i32.sub').tee(here).i32(0).op('i32.gt_s').brIf(0);
    });
    f.get(valid).i32(STATE_BYTES).op('i32.sub').get(base).op('i32.sub').tee(shift);
    f.if(() => {
      f.get(base).get(base).get(shift).op('i32.add').i32(STATE_BYTES).memoryCopy();
      f.get(valid).get(shift).op('i32.sub').set(valid);
    });
    f.get(end).get(shift).op('i32.sub').set(from);
    f.get(left).brIf(0);
  });
  f.get(descriptor)
    .get(from)
    .get(base)
    .op('i32.sub')
    .i32(2)
    .op('i32.shr_u')
    .memory('i32.store', plan.position);
  return module;
}
