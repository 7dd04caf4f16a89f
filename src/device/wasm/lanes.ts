/** Four elements at a time: how they are loaded and stored, and everything between (see registers.ts, conversions.ts). */
import type { DType } from '../../base/dtype.ts';
import type { LaneMemoryOp, Local, MemoryOp } from './assembler.ts';
import { Conversions } from './conversions.ts';
import { LANES, type Vec } from './registers.ts';

export { isWide, LANES, scalarType, type Vec } from './registers.ts';

/** How an operand moves along the vectorised dimension: element by element, not at all, by some stride, or (loads) element by element backwards. */
export type Access = 'contiguous' | 'scalar' | 'strided' | 'reversed';

/** Emits vector code into one function. */
export class Lanes extends Conversions {
  /**
   * Loads four elements at `pointer` (a local), in the dtype's own type. `stride` (a local) is in bytes. Elements that are not strided may lie
   * `offset` bytes further.
   */
  load(dtype: DType, access: Access, pointer: Local, stride: Local | null, offset = 0): Vec {
    const { f } = this;
    const raw = (emit: () => void): Vec => this.make('i32', emit);
    const { itemSize } = dtype;
    const gather = (lanes: readonly number[]): void => {
      const op = `v128.load${itemSize * 8}_lane` as LaneMemoryOp;
      f.get(pointer);
      this.pushStrideTimes(stride as Local, lanes[0]);
      f.memory(loadSplat[itemSize as 1 | 2 | 4 | 8]);
      for (let i = 1; i < lanes.length; i++) {
        const vector = f.local('v128');
        f.set(vector).get(pointer);
        this.pushStrideTimes(stride as Local, lanes[i]);
        f.get(vector).laneMemory(op, i);
      }
    };
    // The vector that ends with the element at the pointer, turned round.
    const backwards = (op: MemoryOp, count: number, part = 0): void => {
      f.get(pointer).i32((part * count + count - 1) * itemSize);
      f.op('i32.sub').memory(op).tee(turned).get(turned).shuffle(reversedElements(itemSize, count));
    };
    const turned = access === 'reversed' ? f.local('v128') : -1;
    if (itemSize === 8) {
      return this.make(dtype.compute, (part) => {
        if (access === 'reversed') backwards('v128.load', 2, part);
        else if (access === 'contiguous') f.get(pointer).memory('v128.load', offset + part * 16);
        else if (access === 'scalar') f.get(pointer).memory('v128.load64_splat', offset);
        else gather([part * 2, part * 2 + 1]);
      });
    }
    const bits = raw(() => {
      if (access === 'reversed') backwards(loadFour[itemSize as 1 | 2 | 4], LANES);
      else if (access === 'contiguous') f.get(pointer).memory(loadFour[itemSize as 1 | 2 | 4], offset);
      else if (access === 'scalar') f.get(pointer).memory(loadSplat[itemSize as 1 | 2 | 4], offset);
      else gather([0, 1, 2, 3]);
    });
    return this.fromStorage(bits, dtype);
  }

  /** Adds `lane` times the stride to the address on the stack. */
  pushStrideTimes(stride: Local, lane: number): void {
    if (lane === 0) return;
    this.f.get(stride);
    if (lane > 1) this.f.i32(lane).op('i32.mul');
    this.f.op('i32.add');
  }

  /** Widens packed elements (in the low bytes of a register) to 32-bit lanes. */
  private fromStorage(bits: Vec, dtype: DType): Vec {
    const { f } = this;
    const widen = (signed: boolean): Vec =>
      this.make('i32', () => {
        f.get(bits[0]);
        if (dtype.itemSize === 1) f.op(signed ? 'i16x8.extend_low_i8x16_s' : 'i16x8.extend_low_i8x16_u');
        f.op(signed ? 'i32x4.extend_low_i16x8_s' : 'i32x4.extend_low_i16x8_u');
      });
    switch (dtype.name) {
      case 'bool':
        return this.convert(widen(false), 'i32', 'bool');
      case 'uint8':
        return widen(false);
      case 'int8':
      case 'int16':
        return widen(true);
      case 'bfloat16': {
        const wide = widen(false);
        return this.make('f32', () => f.get(wide[0]).i32(16).op('i32x4.shl'));
      }
      case 'float16':
        return this.fromHalf(widen(false));
      default:
        return bits;
    }
  }

  /** A value of the dtype's own type as packed elements: two registers for 8 bytes, else one. */
  toStorage(x: Vec, dtype: DType): Vec {
    const { f } = this;
    let lanes = x;
    if (dtype.name === 'bool') lanes = this.convert(x, 'bool', 'i32');
    else if (dtype.name === 'float16') lanes = this.toHalf(x);
    else if (dtype.name === 'bfloat16') lanes = this.toBfloat16(x);
    if (dtype.itemSize >= 4) return lanes;
    return this.make('i32', () => {
      f.get(lanes[0]).get(lanes[0]);
      if (dtype.itemSize === 2) f.shuffle([0, 1, 4, 5, 8, 9, 12, 13, 0, 1, 4, 5, 8, 9, 12, 13]);
      else f.shuffle([0, 4, 8, 12, 0, 4, 8, 12, 0, 4, 8, 12, 0, 4, 8, 12]);
    });
  }

  /** Stores four elements. */
  store(x: Vec, dtype: DType, access: Access, pointer: Local, stride: Local | null): void {
    const raw = this.toStorage(x, dtype);
    if (access === 'contiguous') {
      const { f } = this;
      if (dtype.itemSize === 8) {
        f.get(pointer).get(raw[0]).memory('v128.store');
        f.get(pointer).get(raw[1]).memory('v128.store', 16);
      } else if (dtype.itemSize === 4) f.get(pointer).get(raw[0]).memory('v128.store');
      else if (dtype.itemSize === 2) f.get(pointer).get(raw[0]).laneMemory('v128.store64_lane', 0);
      else f.get(pointer).get(raw[0]).laneMemory('v128.store32_lane', 0);
      return;
    }
    for (let lane = 0; lane < LANES; lane++) this.storeLane(raw, dtype, lane, pointer, stride);
  }

  /** Stores one element of a value in storage form; `stride` null: elements follow each other. */
  storeLane(raw: Vec, dtype: DType, lane: number, pointer: Local, stride: Local | null): void {
    const { f } = this;
    const { itemSize } = dtype;
    const op = `v128.store${itemSize * 8}_lane` as LaneMemoryOp;
    f.get(pointer);
    if (stride !== null) this.pushStrideTimes(stride, lane);
    const wide = itemSize === 8;
    f.get(raw[wide ? lane >> 1 : 0]);
    f.laneMemory(op, wide ? lane & 1 : lane, stride === null ? lane * itemSize : 0);
  }
}

/** The bytes of `count` elements in reverse order. */
function reversedElements(itemSize: number, count: number): number[] {
  return Array.from({ length: 16 }, (_, byte) => {
    const element = Math.floor(byte / itemSize);
    return (element < count ? count - 1 - element : element) * itemSize + (byte % itemSize);
  });
}

const loadFour: Readonly<Record<1 | 2 | 4, MemoryOp>> = {
  1: 'v128.load32_zero',
  2: 'v128.load64_zero',
  4: 'v128.load',
};

const loadSplat: Readonly<Record<1 | 2 | 4 | 8, MemoryOp>> = {
  1: 'v128.load8_splat',
  2: 'v128.load16_splat',
  4: 'v128.load32_splat',
  8: 'v128.load64_splat',
};
