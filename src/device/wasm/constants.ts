/**
 * Vector constants in the device's memory. Engines rebuild an inline `v128.const` at every use inside a loop; a load from
 * a pool is three times faster in `exp`, and a register that holds the constant throughout a loop faster still.
 */
import type { FunctionBuilder } from './assembler.ts';
import type { Heap } from './heap.ts';

export class ConstantPool {
  private readonly heap: Heap;
  private readonly places = new Map<string, number>();

  constructor(heap: Heap) {
    this.heap = heap;
  }

  /** The address of 16 bytes. */
  address(bytes: Uint8Array): number {
    const key = bytes.join(',');
    let place = this.places.get(key);
    if (place === undefined) {
      place = this.heap.reserve(16);
      this.heap.u8.set(bytes, place);
      this.places.set(key, place);
    }
    return place;
  }

  /** Emits a load of four 32-bit floats of one value. */
  f32(f: FunctionBuilder, value: number): void {
    this.load(f, new Float32Array(4).fill(value));
  }

  f64(f: FunctionBuilder, value: number): void {
    this.load(f, new Float64Array(2).fill(value));
  }

  i32(f: FunctionBuilder, value: number): void {
    this.load(f, new Int32Array(4).fill(value));
  }

  i64(f: FunctionBuilder, value: bigint): void {
    this.load(f, new BigInt64Array(2).fill(value));
  }

  /** Emits a load of any 16 bytes. */
  load(f: FunctionBuilder, data: Float32Array | Float64Array | Int32Array | BigInt64Array): void {
    f.i32(this.address(new Uint8Array(data.buffer as ArrayBuffer))).memory('v128.load');
  }
}
