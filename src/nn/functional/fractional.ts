/** Max pooling over windows at random places. https://pytorch.org/docs/stable/generated/torch.nn.functional.fractional_max_pool2d.html */
import { int64 } from '../../base/dtype.ts';
import { RuntimeError, ValueError } from '../../base/errors.ts';
import { product } from '../../base/shape.ts';
import { define, type FreeCall } from '../../ops/define.ts';
import { pair, type ValuesIndices } from '../../ops/reduction/pair.ts';
import { runtime } from '../../ops/runtime.ts';
import { rand } from '../../tensor/random.ts';
import type { Tensor } from '../../tensor/tensor.ts';

type Sizes = number | readonly number[];

/** Where the windows start along one dimension: about evenly spaced, moved by a sample from [0, 1), the last one at the end. */
function starts(
  sample: number,
  size: number,
  out: number,
  window: number,
  round: (x: number) => number,
): number[] {
  const step = round((size - window) / (out - 1));
  const first = Math.trunc(round(sample * step));
  return Array.from({ length: out }, (_, i) =>
    i === out - 1 ? size - window : Math.trunc(round(round(i + sample) * step)) - first,
  );
}

const labels: readonly string[] = ['time', 'height', 'width'];

interface FractionalOptions {
  kernelSize?: Sizes;
  outputSize?: Sizes | null;
  outputRatio?: Sizes | null;
  returnIndices?: boolean;
  _randomSamples?: Tensor | null;
}

type FractionalCall = FreeCall<
  [
    input: Tensor,
    kernelSize: Sizes,
    outputSize?: Sizes | null,
    outputRatio?: Sizes | null,
    returnIndices?: boolean,
  ],
  FractionalOptions,
  Tensor | ValuesIndices
>;

function each(value: Sizes, rank: number): readonly number[] {
  return typeof value === 'number' ? new Array<number>(rank).fill(value) : value;
}

/** The elements of every window: flat positions [N·C, outputs, window]. */
function windowPositions(
  samples: readonly number[],
  planes: number,
  space: readonly number[],
  out: readonly number[],
  kernel: readonly number[],
  round: (x: number) => number,
): BigInt64Array {
  const rank = space.length;
  const outputs = product(out);
  const window = product(kernel);
  const positions = new BigInt64Array(planes * outputs * window);
  let next = 0;
  for (let plane = 0; plane < planes; plane++) {
    // In two dimensions the first sample is that of the width.
    const sample = (d: number): number => samples[plane * rank + (rank === 2 ? 1 - d : d)];
    const begins = space.map((size, d) => starts(sample(d), size, out[d], kernel[d], round));
    for (let o = 0; o < outputs; o++) {
      for (let w = 0; w < window; w++) {
        let [restO, restW, step, at] = [o, w, 1, 0];
        for (let d = rank - 1; d >= 0; d--) {
          at += (begins[d][restO % out[d]] + (restW % kernel[d])) * step;
          step *= space[d];
          restO = Math.floor(restO / out[d]);
          restW = Math.floor(restW / kernel[d]);
        }
        positions[next++] = BigInt(at);
      }
    }
  }
  return positions;
}

function defineFractional(rank: 2 | 3): FractionalCall {
  const name = `fractional_max_pool${rank}d`;
  return define(
    `${name}(input, kernelSize, outputSize=None, outputRatio=None, returnIndices=False, _randomSamples: Tensor=None)`,
    (
      input: Tensor,
      kernelSize: Sizes,
      outputSize: Sizes | null = null,
      outputRatio: Sizes | null = null,
      returnIndices = false,
      randomSamples: Tensor | null = null,
    ) => {
      if (outputSize === null && outputRatio === null) {
        throw new ValueError(`${name} requires specifying either an output_size or an output_ratio`);
      }
      const dims = input.sizes.length;
      if (dims !== rank + 1 && dims !== rank + 2) {
        throw new RuntimeError(
          `${name}(): Expected ${rank + 1}D or ${rank + 2}D tensor, but got: [${input.sizes.join(', ')}]`,
        );
      }
      const batched = dims === rank + 2 ? input : input.unsqueeze(0);
      const [batch, channels, ...space] = batched.sizes;
      const kernel = each(kernelSize, rank);
      const ratios = each(outputRatio ?? 1, rank);
      const out =
        outputSize === null ? space.map((s, d) => Math.trunc(s * ratios[d])) : each(outputSize, rank);
      space.forEach((size, d) => {
        if (out[d] + kernel[d] - 1 > size) {
          throw new RuntimeError(
            `${name}(): pool ${labels[3 - rank + d]} ${kernel[d]} too large relative to input ${labels[3 - rank + d]} ${size}`,
          );
        }
      });
      const samples = randomSamples ?? rand([batch, channels, rank], { dtype: input.dtype });
      const numbers = (samples.reshape([-1]).tolist() as number[]) ?? [];
      const round = input.dtype.name === 'float64' ? (x: number): number => x : Math.fround;
      const planes = batch * channels;
      const flat = batched.reshape([planes, product(space)]);
      const shape = [...batched.sizes.slice(0, 2), ...out];
      const window = product(kernel);
      const places = runtime.fromArray(
        windowPositions(numbers, planes, space, out, kernel, round),
        [planes, product(out) * window],
        int64,
        input,
      );
      const elements = flat.gather(1, places).reshape([planes, product(out), window]);
      const { values, indices } = elements.max(2);
      const pooled = runtime.showAs(`FractionalMaxPool${rank}D`, values.reshape(shape));
      const picked = places
        .reshape([planes, product(out), window])
        .gather(2, indices.unsqueeze(2))
        .reshape(shape);
      const drop = (t: Tensor): Tensor => (dims === rank + 2 ? t : t.squeeze(0));
      return returnIndices ? pair(name, drop(pooled), drop(picked)) : drop(pooled);
    },
    { functionOnly: true },
  );
}

/** The largest element of windows of (N, C, H, W) at random places, so many that the output has the size or ratio given. */
export const fractionalMaxPool2d: FractionalCall = defineFractional(2);
/** The same of (N, C, T, H, W). https://pytorch.org/docs/stable/generated/torch.nn.FractionalMaxPool3d.html */
export const fractionalMaxPool3d: FractionalCall = defineFractional(3);
