/** One pass of training, and what the network makes of digits it has not seen. */
import { setImmediate as turn } from 'node:timers/promises';
import * as torch from 'typetorch';
import { DataLoader, type Subset } from 'typetorch/data';
import * as F from 'typetorch/nn/functional';
import { type Sample, shifted } from './data.ts';
import type { Net } from './network.ts';

/** Means over digits. */
export interface Score {
  readonly loss: number;
  /** The share that is read correctly, 0 to 1. */
  readonly accuracy: number;
}

/** How far to move the images while training, in pixels. */
const SHIFT = 2;

/**
 * One pass over the training digits. After each batch the event loop gets its turn (so that Ctrl-C is noticed) and
 * `afterBatch` says whether to go on. The result is null where it said no.
 */
export async function trainEpoch(
  net: Net,
  loader: DataLoader<Sample>,
  optimizer: torch.optim.Optimizer,
  afterBatch: (batches: number, loss: number) => boolean,
): Promise<Score | null> {
  net.train();
  let [batches, digits, loss, correct] = [0, 0, 0, 0];
  for (const [images, labels] of loader) {
    optimizer.zeroGrad();
    const scores = net(shifted(images, SHIFT));
    const cost = F.crossEntropy(scores, labels);
    cost.backward();
    optimizer.step();

    batches++;
    digits += labels.length;
    loss += cost.item() * labels.length;
    correct += scores.argmax(1).eq(labels).sum().item();
    await turn();
    if (!afterBatch(batches, loss / digits)) return null;
  }
  return { loss: loss / digits, accuracy: correct / digits };
}

/** The scores (N, 10) that the network gives to all digits of `part`, and the digits (N) themselves. */
export function readAll(net: Net, part: Subset<Sample>): [scores: torch.Tensor, labels: torch.Tensor] {
  net.eval();
  return torch.noGrad(() => {
    const results: [torch.Tensor, torch.Tensor][] = [];
    for (const [images, labels] of new DataLoader(part, { batchSize: 128 }))
      results.push([net(images), labels]);
    return [torch.cat(results.map(([scores]) => scores)), torch.cat(results.map(([, labels]) => labels))];
  });
}

/** How well the network reads the digits of `part`. */
export function evaluate(net: Net, part: Subset<Sample>): Score {
  const [scores, labels] = readAll(net, part);
  return {
    loss: F.crossEntropy(scores, labels).item(),
    accuracy: scores.argmax(1).eq(labels).sum().item() / labels.length,
  };
}
