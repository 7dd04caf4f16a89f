/**
 * Draws of PyTorch's CPU stream: single ones, and many at a time into doubles. Functions that fill take as many draws as the array has elements
 * (twice as many where an element needs 64 bits), in order.
 */
import { fma32 } from './fma.ts';
import type { Generator } from './generator.ts';

/** How many elements are drawn at a time: doubles and bits of so many stay in the first-level cache. */
export const CHUNK = 1024;

/** Draws of a chunk; nothing else may draw while they are read. */
const bits = new Uint32Array(2 * CHUNK);

/** The next `count` draws (at most 2·CHUNK). Valid until the next call. */
export function nextBits({ engine }: Generator, count: number): Uint32Array {
  const out = count === bits.length ? bits : bits.subarray(0, count);
  engine.fill(out);
  return out;
}

/** Uniform in [0, 1) with 24 bits. */
export function uniform32({ engine }: Generator): number {
  return (engine.draw() & 0xffffff) * 2 ** -24;
}

/** Uniform in [0, 1) with 53 bits: the low ones of two draws, of which the first is the high word. */
export function uniform64({ engine }: Generator): number {
  const high = engine.draw();
  const low = engine.draw();
  return ((high & 0x1fffff) * 2 ** 32 + low) * 2 ** -53;
}

/** Two draws as a 64-bit whole number. */
export function bits64({ engine }: Generator): bigint {
  const high = engine.draw();
  const low = engine.draw();
  return (BigInt(high) << 32n) | BigInt(low);
}

/** Fills with uniform numbers in [0, 1) of `digits` bits (up to 32), one draw each. */
export function fillUniform(chunk: Float64Array, generator: Generator, digits: number): void {
  const drawn = nextBits(generator, chunk.length);
  const mask = 2 ** digits - 1;
  const scale = 2 ** -digits;
  for (let i = 0; i < chunk.length; i++) chunk[i] = (drawn[i] & mask) * scale;
}

/** Fills with uniform numbers in [0, 1) of 53 bits, two draws each. */
export function fillUniform64(chunk: Float64Array, generator: Generator): void {
  const drawn = nextBits(generator, 2 * chunk.length);
  for (let i = 0; i < chunk.length; i++) {
    chunk[i] = ((drawn[2 * i] & 0x1fffff) * 2 ** 32 + drawn[2 * i + 1]) * 2 ** -53;
  }
}

/** Replaces float32 numbers u by u·width + low, rounded once to float32. */
export function scale32(chunk: Float64Array, width: number, low: number): void {
  for (let i = 0; i < chunk.length; i++) chunk[i] = fma32(chunk[i], width, low);
}

/** Fills with whole numbers in [0, range) + low; range is below 2³², one draw each. */
export function drawWhole(chunk: Float64Array, generator: Generator, range: number, low: number): void {
  const drawn = nextBits(generator, chunk.length);
  const width = range >>> 0;
  for (let i = 0; i < chunk.length; i++) chunk[i] = (drawn[i] % width) + low;
}

/** A standard normal number by Box and Muller's method (1958); the second of each pair waits in the generator. */
export function normal64(generator: Generator): number {
  const { spareNormal } = generator;
  if (spareNormal !== null) {
    generator.spareNormal = null;
    return spareNormal;
  }
  const u1 = uniform64(generator);
  const u2 = uniform64(generator);
  const r = Math.sqrt(-2 * Math.log1p(-u2));
  const theta = 2 * Math.PI * u1;
  generator.spareNormal = r * Math.sin(theta);
  return r * Math.cos(theta);
}
