/**
 * `torch.nn.utils.rnn`: batches of sequences of different lengths, padded to one length or packed without padding.
 * https://pytorch.org/docs/stable/generated/torch.nn.utils.rnn.PackedSequence.html
 */
import { bind, parseSignature, pythonType } from '../../base/arguments.ts';
import { float16, float32, float64, int32, int64 } from '../../base/dtype.ts';
import { RuntimeError, ValueError } from '../../base/errors.ts';
import { printsAs } from '../../base/inspect.ts';
import { runtime } from '../../ops/runtime.ts';
import { tensor } from '../../tensor/create.ts';
import { Tensor } from '../../tensor/tensor.ts';

/** Whole numbers as a tensor of int64. */
function whole(list: readonly number[], like: Tensor): Tensor {
  return runtime.fromArray(BigInt64Array.from(list, BigInt), [list.length], int64, like);
}

function numbers(list: Tensor): number[] {
  return (list.tolist() as (number | bigint)[]).map(Number);
}

/**
 * Sequences of different lengths, step by step without padding: `data` holds the first elements of all sequences, longest sequence first,
 * then the second elements of those that have one, and so on; `batchSizes` (int64) says how many there are at each step. `sortedIndices`
 * are the places of the sequences in the batch that was packed, `unsortedIndices` the way back; both null where they were sorted already.
 * Made by `packPaddedSequence` and `packSequence`; every recurrent layer takes one.
 */
export class PackedSequence {
  readonly data: Tensor;
  readonly batchSizes: Tensor;
  readonly sortedIndices: Tensor | null;
  readonly unsortedIndices: Tensor | null;

  constructor(
    data: Tensor,
    batchSizes: Tensor,
    sortedIndices: Tensor | null = null,
    unsortedIndices: Tensor | null = null,
  ) {
    for (const [name, given] of Object.entries({ data, batchSizes })) {
      if (!(given instanceof Tensor)) {
        throw new ValueError(
          `PackedSequence: ${name} must be a tensor, not ${pythonType(given)}; packPaddedSequence and packSequence make packed sequences`,
        );
      }
    }
    this.data = data;
    this.batchSizes = batchSizes;
    this.sortedIndices = sortedIndices;
    this.unsortedIndices = unsortedIndices ?? invertPermutation(sortedIndices);
  }

  /** Data, batch sizes and indices, as Python's named tuple unpacks. */
  *[Symbol.iterator](): Generator<Tensor | null> {
    yield* [this.data, this.batchSizes, this.sortedIndices, this.unsortedIndices];
  }

  /** With other data, step by step in the same places. */
  withData(data: Tensor): PackedSequence {
    return new PackedSequence(data, this.batchSizes, this.sortedIndices, this.unsortedIndices);
  }

  /** With the data of another dtype or on another device (arguments as of `Tensor.to`); itself where nothing changes. */
  to(...args: Parameters<Tensor['to']>): PackedSequence {
    const data = this.data.to(...args);
    if (data === this.data) return this;
    const there = (t: Tensor | null): Tensor | null => t?.to({ device: data.device }) ?? null;
    return new PackedSequence(data, this.batchSizes, there(this.sortedIndices), there(this.unsortedIndices));
  }

  double(): PackedSequence {
    return this.to(float64);
  }

  float(): PackedSequence {
    return this.to(float32);
  }

  half(): PackedSequence {
    return this.to(float16);
  }

  long(): PackedSequence {
    return this.to(int64);
  }

  int(): PackedSequence {
    return this.to(int32);
  }

  cpu(): PackedSequence {
    return this.to('cpu');
  }

  toString(): string {
    const show = (t: Tensor | null): string => (t === null ? 'None' : String(t));
    return `PackedSequence(data=${show(this.data)}, batch_sizes=${show(this.batchSizes)}, sorted_indices=${show(this.sortedIndices)}, unsorted_indices=${show(this.unsortedIndices)})`;
  }
}

printsAs(PackedSequence);

/** The permutation that undoes one; null for null. */
export function invertPermutation(permutation: Tensor | null): Tensor | null {
  if (permutation === null) return null;
  const list = numbers(permutation);
  const inverse = new Array<number>(list.length);
  list.forEach((from, to) => {
    inverse[from] = to;
  });
  return whole(inverse, permutation);
}

/** How many of the lengths, which fall, are longer than each step. */
function batchSizesOf(lengths: readonly number[]): number[] {
  const sizes: number[] = [];
  for (let count = lengths.length, t = 0; t < lengths[0]; t++) {
    while (lengths[count - 1] <= t) count--;
    sizes.push(count);
  }
  return sizes;
}

/** The rows of a padded block that are elements of sequences, in packed order; `row` finds the row of a step of a sequence. */
function packedRows(batchSizes: readonly number[], row: (t: number, n: number) => number): number[] {
  return batchSizes.flatMap((count, t) => Array.from({ length: count }, (_, n) => row(t, n)));
}

/** Padded lengths as numbers. */
function lengthsOf(lengths: Tensor | readonly number[]): number[] {
  if (!(lengths instanceof Tensor)) return [...lengths];
  if (lengths.dim() !== 1) {
    throw new RuntimeError(
      `'lengths' argument should be a 1D CPU int64 tensor, but got ${lengths.dim()}D ${lengths.device.type} tensor`,
    );
  }
  return numbers(lengths).map(Math.trunc);
}

export interface PackOptions {
  /** Is the input (batch, time, …) instead of (time, batch, …)? */
  batchFirst?: boolean;
  /** Must the longest sequence come first? Where false, sequences are sorted here, and back where they are padded again. */
  enforceSorted?: boolean;
}

const packSignature = parseSignature(
  'pack_padded_sequence(input, lengths, batchFirst=False, enforceSorted=True)',
);

/**
 * Packs a padded batch (time, batch, …) of sequences that have `lengths` (batch numbers, at least 1). Differentiable. Throws a RuntimeError
 * where lengths do not fit the batch, or are not sorted although `enforceSorted`.
 * https://pytorch.org/docs/stable/generated/torch.nn.utils.rnn.pack_padded_sequence.html
 *
 * @example
 * ```ts
 * const { rnn } = torch.nn.utils;
 * const padded = torch.tensor([[1, 2, 0], [3, 0, 0], [4, 5, 6]]);
 * const packed = rnn.packPaddedSequence(padded, [2, 1, 3], { batchFirst: true, enforceSorted: false });
 * console.log(packed.data, packed.batchSizes); // => tensor([4., 1., 3., 5., 2., 6.]) tensor([3, 2, 1])
 * ```
 */
export function packPaddedSequence(
  input: Tensor,
  lengths: Tensor | readonly number[],
  ...rest: [batchFirst?: boolean | PackOptions, enforceSorted?: boolean | PackOptions]
): PackedSequence {
  const [, , batchFirst = false, enforceSorted = true] = bind(packSignature, [input, lengths, ...rest]) as [
    Tensor,
    unknown,
    boolean?,
    boolean?,
  ];
  const given = lengthsOf(lengths);
  const order = given.map((_, n) => n);
  if (!enforceSorted) order.sort((a, b) => given[b] - given[a]);
  const sorted = order.map((n) => given[n]);
  if (input.numel() === 0) throw new RuntimeError('Cannot pack empty tensors.');
  if (input.dim() < 2) {
    throw new RuntimeError(`pack_padded_sequence: input must have 2 dimensions or more, got ${input.dim()}`);
  }
  const [time, batch] = batchFirst ? [input.sizes[1], input.sizes[0]] : input.sizes;
  if (sorted.length !== batch) {
    throw new RuntimeError(
      `Expected \`len(lengths)\` to be equal to batch_size, but got ${sorted.length} (batch_size=${batch})`,
    );
  }
  if (sorted.some((length) => !(length > 0))) {
    throw new RuntimeError(
      "Length of all samples has to be greater than 0, but found an element in 'lengths' that is <= 0",
    );
  }
  if (sorted.some((length, n) => n > 0 && length > sorted[n - 1])) {
    throw new RuntimeError(
      '`lengths` array must be sorted in decreasing order when `enforce_sorted` is True. You can pass `enforce_sorted=False` to pack_padded_sequence and/or pack_sequence to sidestep this requirement if you do not need ONNX exportability.',
    );
  }
  if (sorted[0] > time) {
    throw new RuntimeError(
      `pack_padded_sequence: a length of ${sorted[0]} is more than the ${time} steps of the padded input`,
    );
  }
  const sizes = batchSizesOf(sorted);
  const rows = packedRows(sizes, (t, n) => (batchFirst ? order[n] * time + t : t * batch + order[n]));
  const data = input.reshape([time * batch, ...input.sizes.slice(2)]).indexSelect(0, whole(rows, input));
  return new PackedSequence(
    runtime.showAs('PackPaddedSequence', data),
    tensor(sizes, { dtype: int64 }),
    enforceSorted ? null : whole(order, input),
  );
}

export interface PadOptions {
  batchFirst?: boolean;
  /** What stands where a sequence has no element. */
  paddingValue?: number;
}

export interface PadPackedOptions extends PadOptions {
  /** The number of steps of the result; by default that of the longest sequence. */
  totalLength?: number | null;
}

const padPackedSignature = parseSignature(
  'pad_packed_sequence(sequence, batchFirst=False, paddingValue=0.0, totalLength=None)',
);

/**
 * A packed batch as a padded one, in the order that it had before it was packed, and the lengths (int64). Differentiable. Throws a ValueError
 * where `totalLength` is less than the longest sequence.
 * https://pytorch.org/docs/stable/generated/torch.nn.utils.rnn.pad_packed_sequence.html
 *
 * @example
 * ```ts
 * const { rnn } = torch.nn.utils;
 * const packed = rnn.packSequence([torch.tensor([1, 2]), torch.tensor([3])]);
 * const [padded, lengths] = rnn.padPackedSequence(packed, { batchFirst: true });
 * console.log(padded, lengths); // => tensor([[1., 2.], [3., 0.]]) tensor([2, 1])
 * ```
 */
export function padPackedSequence(
  sequence: PackedSequence,
  ...rest: [
    batchFirst?: boolean | PadPackedOptions,
    paddingValue?: number | PadPackedOptions,
    totalLength?: number | null | PadPackedOptions,
  ]
): [padded: Tensor, lengths: Tensor] {
  const [, batchFirst = false, paddingValue = 0, totalLength = null] = bind(padPackedSignature, [
    sequence,
    ...rest,
  ]) as [unknown, boolean?, number?, (number | null)?];
  const { data, unsortedIndices } = sequence;
  const sizes = numbers(sequence.batchSizes);
  const time = totalLength ?? sizes.length;
  if (time < sizes.length) {
    throw new ValueError(
      `Expected total_length to be at least the length of the longest sequence in input, but got total_length=${time} and max sequence length being ${sizes.length}`,
    );
  }
  const [batch] = sizes;
  const places = sequence.sortedIndices === null ? null : numbers(sequence.sortedIndices);
  const rows = packedRows(sizes, (t, n) => {
    const place = places === null ? n : places[n];
    return batchFirst ? place * time + t : t * batch + place;
  });
  const trailing = data.sizes.slice(1);
  const filled = runtime.full([time * batch, ...trailing], paddingValue, data.dtype, data);
  const padded = filled.indexCopy(0, whole(rows, data), data);
  const lengths = Array.from({ length: batch }, (_, n) => sizes.filter((count) => count > n).length);
  const inOrder = unsortedIndices === null ? lengths : numbers(unsortedIndices).map((n) => lengths[n]);
  return [
    padded.reshape(batchFirst ? [batch, time, ...trailing] : [time, batch, ...trailing]),
    tensor(inOrder, { dtype: int64 }),
  ];
}

const padSignature = parseSignature('pad_sequence(sequences, batchFirst=False, paddingValue=0.0)');

/**
 * Sequences (length, …) as one block (time, batch, …), each padded at its end to the longest. Differentiable. Throws a RuntimeError where
 * there is none.
 * https://pytorch.org/docs/stable/generated/torch.nn.utils.rnn.pad_sequence.html
 *
 * @example
 * ```ts
 * const padded = torch.nn.utils.rnn.padSequence([torch.ones(3), torch.ones(1)], { batchFirst: true });
 * console.log(padded); // => tensor([[1., 1., 1.], [1., 0., 0.]])
 * ```
 */
export function padSequence(
  sequences: Tensor | Iterable<Tensor>,
  ...rest: [batchFirst?: boolean | PadOptions, paddingValue?: number | PadOptions]
): Tensor {
  const [given, batchFirst = false, paddingValue = 0] = bind(padSignature, [sequences, ...rest]) as [
    Tensor | Iterable<Tensor>,
    boolean?,
    number?,
  ];
  const list = listOf('pad_sequence', given);
  const [first] = list;
  if (first === undefined) throw new RuntimeError('received an empty list of sequences');
  const time = Math.max(...list.map((t) => t.sizes[0]));
  const trailing = first.sizes.slice(1);
  const sizes = batchFirst ? [list.length, time, ...trailing] : [time, list.length, ...trailing];
  const block = runtime.full(sizes, paddingValue, first.dtype, first);
  // A padded sequence is a slice of the block whose end keeps the padding.
  list.forEach((t, n) => {
    block
      .select(batchFirst ? 0 : 1, n)
      .narrow(0, 0, t.sizes[0])
      .copy_(t);
  });
  return block;
}

function listOf(name: string, sequences: Tensor | Iterable<Tensor>): Tensor[] {
  if (sequences instanceof Tensor) return [...sequences.unbind(0)];
  if (typeof (sequences as Partial<Iterable<Tensor>> | null)?.[Symbol.iterator] !== 'function') {
    throw new RuntimeError(
      `${name}: Expected iterable for input sequences, but got arg of type: ${pythonType(sequences)}`,
    );
  }
  return [...sequences];
}

const unpadSignature = parseSignature('unpad_sequence(padded_sequences, lengths, batchFirst=False)');

/** The sequences of a padded batch, each of its own length. https://pytorch.org/docs/stable/generated/torch.nn.utils.rnn.unpad_sequence.html */
export function unpadSequence(
  padded: Tensor,
  lengths: Tensor | readonly number[],
  ...rest: [batchFirst?: boolean | { batchFirst?: boolean }]
): Tensor[] {
  const [, , batchFirst = false] = bind(unpadSignature, [padded, lengths, ...rest]) as [
    unknown,
    unknown,
    boolean?,
  ];
  const given = lengthsOf(lengths);
  return padded
    .unbind(batchFirst ? 0 : 1)
    .slice(0, given.length)
    .map((t, n) => t.narrow(0, 0, Math.min(given[n], t.sizes[0])));
}

const packListSignature = parseSignature('pack_sequence(sequences, enforceSorted=True)');

/**
 * Packs sequences (length, …). Throws a RuntimeError where the longest does not come first although `enforceSorted`.
 * https://pytorch.org/docs/stable/generated/torch.nn.utils.rnn.pack_sequence.html
 */
export function packSequence(
  sequences: Iterable<Tensor>,
  ...rest: [enforceSorted?: boolean | { enforceSorted?: boolean }]
): PackedSequence {
  const [given, enforceSorted = true] = bind(packListSignature, [sequences, ...rest]) as [
    Iterable<Tensor>,
    boolean?,
  ];
  const list = listOf('pack_sequence', given);
  const lengths = list.map((t) => t.sizes[0]);
  return packPaddedSequence(padSequence(list), lengths, { enforceSorted });
}

/** The sequences of a packed batch, in the order before it was packed. https://pytorch.org/docs/stable/generated/torch.nn.utils.rnn.unpack_sequence.html */
export function unpackSequence(packed: PackedSequence): Tensor[] {
  const [padded, lengths] = padPackedSequence(packed, { batchFirst: true });
  return unpadSequence(padded, lengths, { batchFirst: true });
}
