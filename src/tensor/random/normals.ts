/** PyTorch's normal numbers of float64 and the 16-bit floats, 16 or more: in blocks, as those of float32 (see there). */
import { uniform64 } from './draws.ts';
import { fma64 } from './fma.ts';
import type { Generator } from './generator.ts';

const BLOCK = 16;

/** Fills by blocks of 16; a rest is made by drawing the last 16 again. */
function fillBlocks(data: Float64Array, uniform: () => number, block: (at: number) => void): void {
  const { length } = data;
  for (let i = 0; i < length; i++) data[i] = uniform();
  for (let i = 0; i + BLOCK <= length; i += BLOCK) block(i);
  if (length % BLOCK === 0) return;
  for (let i = length - BLOCK; i < length; i++) data[i] = uniform();
  block(length - BLOCK);
}

/** Fills 16 or more float64 with N(mean, std²). */
export function fillNormal64(data: Float64Array, generator: Generator, mean: number, std: number): void {
  fillBlocks(
    data,
    () => uniform64(generator),
    (at) => {
      for (let j = at; j < at + BLOCK / 2; j++) {
        const radius = Math.sqrt(-2 * Math.log(1 - data[j]));
        const theta = 2 * Math.PI * data[j + BLOCK / 2];
        data[j] = fma64(radius * Math.cos(theta), std, mean);
        data[j + BLOCK / 2] = fma64(radius * Math.sin(theta), std, mean);
      }
    },
  );
}

/**
 * 16 or more normal numbers of a 16-bit float type with `digits` significant bits. `round` rounds what is stored in the dtype; functions and
 * products of float16 are float32 in PyTorch, those of bfloat16 are bfloat16.
 */
export function normals16(
  count: number,
  generator: Generator,
  mean: number,
  std: number,
  digits: number,
  round: (x: number) => number,
): Float64Array {
  const data = new Float64Array(count);
  const [m, s] = [round(mean), round(std)];
  const step = digits === 11 ? Math.fround : round;
  fillBlocks(
    data,
    () => (generator.engine.draw() & (2 ** digits - 1)) * 2 ** -digits,
    (at) => {
      for (let j = at; j < at + BLOCK / 2; j++) {
        const u1 = round(1 - data[j]);
        const radius = round(step(Math.sqrt(step(-2 * step(Math.log(u1))))));
        const theta = round(2 * Math.PI * data[j + BLOCK / 2]);
        data[j] = round(step(step(step(radius * step(Math.cos(theta))) * s) + m));
        data[j + BLOCK / 2] = round(step(step(step(radius * step(Math.sin(theta))) * s) + m));
      }
    },
  );
  return data;
}
