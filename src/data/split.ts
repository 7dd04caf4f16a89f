/** Random parts of a dataset. https://pytorch.org/docs/stable/data.html#torch.utils.data.random_split */
import { parseSignature } from '../base/arguments.ts';
import { ValueError } from '../base/errors.ts';
import { type Generator, randperm } from '../tensor/random.ts';
import { bindAfter, lengthOf } from './arguments.ts';
import { type MapStyle, Subset } from './dataset.ts';

export interface SplitOptions {
  /** Draw from this generator instead of the global stream. */
  generator?: Generator | null;
}

const signature = parseSignature('random_split(dataset, lengths, generator=None)');

/** `math.isclose(x, 1)`. */
function isCloseToOne(x: number): boolean {
  return Math.abs(x - 1) <= 1e-9 * Math.max(Math.abs(x), 1);
}

const sum = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0);

/** Lengths from fractions: rounded down, what is left over handed out one by one from the first. */
function fromFractions(total: number, fractions: readonly number[]): number[] {
  const lengths = fractions.map((fraction, i) => {
    if (fraction < 0 || fraction > 1) throw new ValueError(`Fraction at index ${i} is not between 0 and 1`);
    return Math.floor(total * fraction);
  });
  const left = total - sum(lengths);
  for (let i = 0; i < left; i++) lengths[i % lengths.length]++;
  lengths.forEach((length, i) => {
    if (length > 0) return;
    console.warn(`Length of split at index ${i} is 0. This might result in an empty dataset.`);
  });
  return lengths;
}

/**
 * Splits `dataset` at random into parts of the given lengths, or fractions that sum to 1.
 * Throws a ValueError where the lengths do not add up.
 *
 * @example
 * ```ts
 * const ds = new torch.data.TensorDataset(torch.arange(10));
 * const [train, test] = torch.data.randomSplit(ds, [0.8, 0.2], { generator: new torch.Generator().manualSeed(0) });
 * console.log(train.length, test.length); // => 8 2
 * ```
 */
export function randomSplit<T>(
  dataset: MapStyle<T>,
  lengths: readonly number[],
  generator?: Generator | SplitOptions | null,
): Subset<T>[] {
  const bound = bindAfter(signature, dataset, generator === undefined ? [lengths] : [lengths, generator]);
  const parts = bound[1] as readonly number[];
  const total = lengthOf(dataset);
  const isFractions = isCloseToOne(sum(parts)) && sum(parts) <= 1;
  const counts = isFractions ? fromFractions(total, parts) : parts;
  if (sum(counts) !== total) {
    throw new ValueError('Sum of input lengths does not equal the length of the input dataset!');
  }
  const order = randperm(total, {
    generator: (bound[2] as Generator | null | undefined) ?? null,
  }).tolist() as number[];
  let end = 0;
  return counts.map((count) => {
    end += count;
    return new Subset(dataset, order.slice(end - count, end));
  });
}
