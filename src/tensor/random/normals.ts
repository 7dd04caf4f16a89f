/** PyTorch's normal numbers of float64 and the 16-bit floats, 16 or more: in blocks, as those of float32 (see there). */
import { BLOCK } from '../../base/boxMuller.ts';
import { CHUNK, fillUniform, fillUniform64 } from './draws.ts';
import { fma64 } from './fma.ts';
import type { Generator } from './generator.ts';

/** Fills by blocks of 16; a rest is made by drawing the last 16 again. `drawn`: the data holds the uniform numbers already. */
function fillBlocks(
  data: Float64Array,
  uniform: (chunk: Float64Array) => void,
  block: (at: number) => void,
  drawn = false,
): void {
  const { length } = data;
  if (!drawn) for (let i = 0; i < length; i += CHUNK) uniform(data.subarray(i, i + CHUNK));
  for (let i = 0; i + BLOCK <= length; i += BLOCK) block(i);
  if (length % BLOCK === 0) return;
  uniform(data.subarray(length - BLOCK));
  block(length - BLOCK);
}

/** Fills 16 or more float64 with N(mean, std²). `drawn`: they hold uniform numbers already, of which they are made. */
export function fillNormal64(
  data: Float64Array,
  generator: Generator,
  mean: number,
  std: number,
  drawn: boolean,
): void {
  const standard = mean === 0 && std === 1;
  fillBlocks(
    data,
    (chunk) => fillUniform64(chunk, generator),
    (at) => {
      for (let j = at; j < at + BLOCK / 2; j++) {
        const radius = Math.sqrt(-2 * Math.log(1 - data[j]));
        const theta = 2 * Math.PI * data[j + BLOCK / 2];
        const [x, y] = [radius * Math.cos(theta), radius * Math.sin(theta)];
        // Adding 0 makes −0 to 0, as the multiply-add does.
        data[j] = standard ? x + 0 : fma64(x, std, mean);
        data[j + BLOCK / 2] = standard ? y + 0 : fma64(y, std, mean);
      }
    },
    drawn,
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
    (chunk) => fillUniform(chunk, generator, digits),
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
