/** What the host's WebAssembly engine can do. Each question is asked once, when it first matters. */
import { builtin, v8Version, type V8Module } from '../host.ts';
import { ModuleBuilder } from './assembler.ts';

/** A module with one function (v128, v128, v128) → v128 whose body is the SIMD instruction `opcode` (LEB128). */
function ternarySimdModule(opcode: readonly number[]): Uint8Array<ArrayBuffer> {
  const body = [0, 0x20, 0, 0x20, 1, 0x20, 2, 0xfd, ...opcode, 0x0b];
  return new Uint8Array([
    ...[0, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    ...[1, 8, 1, 0x60, 3, 0x7b, 0x7b, 0x7b, 1, 0x7b],
    ...[3, 2, 1, 0],
    ...[10, body.length + 2, 1, body.length, ...body],
  ]);
}

const RELAXED_MADD_F32X4 = [0x85, 0x02];
const V128_BITSELECT = [0x52];

let relaxed: boolean | null = null;
let simd: boolean | null = null;

/** 128-bit SIMD: every engine that TypeTorch supports has it. */
export function hasSimd(): boolean {
  simd ??= WebAssembly.validate(ternarySimdModule(V128_BITSELECT));
  return simd;
}

/**
 * Relaxed SIMD (fused multiply-add). Node 20 has it behind a flag, which is turned on here; so this must be asked before
 * a module that uses it is compiled.
 */
export function hasRelaxedSimd(): boolean {
  if (relaxed === null) {
    const module = ternarySimdModule(RELAXED_MADD_F32X4);
    relaxed = WebAssembly.validate(module);
    if (!relaxed && enableRelaxedSimd()) relaxed = WebAssembly.validate(module);
  }
  return relaxed;
}

/** V8 before 11.4 knows relaxed SIMD as an experiment; later ones have it on and no longer know the flag. */
function enableRelaxedSimd(): boolean {
  const version = v8Version();
  const v8 = builtin<V8Module>('node:v8');
  if (version === null || v8 === null) return false;
  const [major, minor] = version;
  if (major < 11 || major > 11 || minor >= 4) return false;
  v8.setFlagsFromString('--experimental-wasm-relaxed-simd');
  return true;
}

/**
 * Does the engine move instructions without effects down to the end of their basic block? V8 did before Turboshaft compiled WebAssembly: 12.4 (Node 22) does,
 * 13.6 (Node 24) does not.
 */
export function movesInstructions(): boolean {
  const version = v8Version();
  return version !== null && version[0] < 13;
}

let fuses: boolean | null = null;

/**
 * Does `relaxed_madd` round once? An engine rounds either once or twice, always the same way (WebAssembly 3.0, 4.3.2: the choice is fixed for an
 * environment), so one sum tells.
 */
export function fusesMultiplyAdd(): boolean {
  fuses ??= hasRelaxedSimd() && probeFusion();
  return fuses;
}

/** A module with functions `f32` and `f64` (x) → x·x − (x·x rounded to the type), by `relaxed_madd`: the rounding error, or 0. */
function fusionModule(): Uint8Array<ArrayBuffer> {
  const module = new ModuleBuilder({ maximum: null, shared: false });
  for (const [type, shape] of [
    ['f32', 'f32x4'],
    ['f64', 'f64x2'],
  ] as const) {
    const f = module.function(type, [type], [type]);
    const splat = (): void => void f.get(0).op(`${shape}.splat`);
    splat();
    splat();
    splat();
    splat();
    f.op(`${shape}.mul`).op(`${shape}.neg`).op(`${shape}.relaxed_madd`).lane(`${shape}.extract_lane`, 0);
  }
  return module.encode();
}

function probeFusion(): boolean {
  const memory = new WebAssembly.Memory({ initial: 1 });
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(fusionModule()), { env: { memory } });
  const { f32, f64 } = exports as { f32: (x: number) => number; f64: (x: number) => number };
  // (1 + ε)² = 1 + 2ε + ε², of which the last does not fit.
  return f32(1 + 2 ** -23) === 2 ** -46 && f64(1 + 2 ** -52) === 2 ** -104;
}
