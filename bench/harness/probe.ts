/** How fast one core can multiply and add on 128-bit registers in WebAssembly: the bound of every matrix product there. */
import { setFlagsFromString } from 'node:v8';

const CHAINS = 10;
/** Multiply-adds of four lanes in one turn of the loop. */
const PER_TURN = CHAINS * 4;
const TURNS = 20_000;
/** Floating-point operations of one call. */
export const PROBE_OPERATIONS: number = TURNS * PER_TURN * 4 * 2;

const leb = (n: number): number[] => (n < 128 ? [n] : [(n & 127) | 128, ...leb(n >>> 7)]);
const section = (id: number, body: number[]): number[] => [id, ...leb(body.length), ...body];

/** `(func (param i32))`: a loop over independent chains x ← x·a + b that stay in registers. */
function module(fused: boolean): Uint8Array<ArrayBuffer> {
  const [get, set] = [0x20, 0x21];
  const simd = (op: number): number[] => [0xfd, ...leb(op)];
  const madd = fused ? simd(0x105) : [...simd(0xe6)];
  const [a, b, first] = [1, 2, 3];
  const turn: number[] = [];
  for (let i = 0; i < PER_TURN; i++) {
    const x = first + (i % CHAINS);
    turn.push(get, x, get, a);
    if (fused) turn.push(get, b, ...madd, set, x);
    else turn.push(...madd, get, b, ...simd(0xe4), set, x);
  }
  const constant = (x: number, local: number): number[] => [
    0x43,
    ...new Uint8Array(new Float32Array([x]).buffer),
    ...simd(0x13), // f32x4.splat
    set,
    local,
  ];
  const starts: number[] = [];
  for (let i = 0; i < CHAINS; i++) starts.push(...constant(1 + i / 8, first + i));
  const loop = [0x03, 0x40, ...turn, get, 0, 0x41, 1, 0x6b, 0x22, 0, 0x0d, 0, 0x0b];
  // The sum is returned, so that no chain is left out.
  const sum = [get, first];
  for (let i = 1; i < CHAINS; i++) sum.push(get, first + i, ...simd(0xe4));
  const body = [
    1,
    CHAINS + 2,
    0x7b,
    ...constant(0.999, a),
    ...constant(0.001, b),
    ...starts,
    ...loop,
    ...sum,
    ...simd(0x1f),
    0,
    0x0b,
  ];
  return new Uint8Array([
    ...[0, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    ...section(1, [1, 0x60, 1, 0x7f, 1, 0x7d]),
    ...section(3, [1, 0]),
    ...section(7, [1, 1, 0x66, 0, 0]),
    ...section(10, [1, ...leb(body.length), ...body]),
  ]);
}

/** A step of PROBE_OPERATIONS operations, fused where the engine can. */
export function probe(): () => number {
  if (Number(process.versions.node.split('.')[0]) < 22) {
    setFlagsFromString('--experimental-wasm-relaxed-simd');
  }
  const fused = WebAssembly.validate(module(true));
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(module(fused)));
  const run = exports['f'] as (turns: number) => number;
  return () => run(TURNS);
}
