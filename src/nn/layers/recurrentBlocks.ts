/**
 * One direction of a recurrent layer over blocks of steps that have the same number of sequences: a padded input is one block, a packed
 * sequence as many as it has different batch sizes.
 */
import { RuntimeError } from '../../base/errors.ts';
import { cat } from '../../ops/index.ts';
import type { Tensor } from '../../tensor/tensor.ts';
import type { PackedSequence } from '../utils/rnn.ts';
import { runSequence, type Sequence } from './recurrentSequence.ts';

/** Steps of a packed sequence that have the same number of sequences. */
export interface Block {
  /** The first row of the packed data. */
  readonly start: number;
  readonly steps: number;
  readonly batch: number;
}

export function blocksOf({ data, batchSizes }: PackedSequence): Block[] {
  const blocks: { start: number; steps: number; batch: number }[] = [];
  let start = 0;
  for (const size of batchSizes.tolist() as (number | bigint)[]) {
    const batch = Number(size);
    const last = blocks.at(-1);
    if (last?.batch === batch) last.steps++;
    else if (batch > 0 && (last === undefined || batch < last.batch)) blocks.push({ start, steps: 1, batch });
    else throw new RuntimeError('batch_sizes of a packed sequence must be positive and never increase');
    start += batch;
  }
  if (blocks.length === 0) throw new RuntimeError('Expected sequence length to be larger than 0 in RNN');
  if (start !== data.sizes[0]) {
    throw new RuntimeError(
      `a packed sequence has ${data.sizes[0]} rows of data, but its batch_sizes add up to ${start}`,
    );
  }
  return blocks;
}

/**
 * One direction of a layer over all blocks. Sequences that have ended keep the state of their last step; backwards, sequences
 * begin with the block in which they are the last time.
 */
export function runBlocks(
  given: Omit<Sequence, 'x'>,
  blocks: readonly Tensor[],
): { outputs: Tensor[]; state: readonly Tensor[] } {
  const outputs = new Array<Tensor>(blocks.length);
  const ended: (readonly Tensor[])[] = [];
  const rows = (states: readonly Tensor[], from: number, to: number): readonly Tensor[] =>
    from === 0 && to === states[0].sizes[0] ? states : states.map((s) => s.narrow(0, from, to - from));
  const order = [...blocks.keys()];
  if (given.reverse) order.reverse();
  let running = 0;
  let state: readonly Tensor[] = [];
  for (const i of order) {
    const [, batch] = blocks[i].sizes;
    if (i === order[0]) state = rows(given.state, 0, batch);
    else if (batch > running) {
      const begun = rows(given.state, running, batch);
      state = state.map((s, k) => cat([s, begun[k]]));
    } else {
      ended.unshift(rows(state, batch, running));
      state = rows(state, 0, batch);
    }
    running = batch;
    const result = runSequence({ ...given, x: blocks[i], state });
    outputs[i] = result.output;
    state = result.state;
  }
  if (ended.length > 0) state = state.map((s, k) => cat([s, ...ended.map((e) => e[k])]));
  return { outputs, state };
}
