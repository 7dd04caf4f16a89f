/** Connectionist temporal classification. Graves et al. 2006; https://pytorch.org/docs/stable/generated/torch.nn.functional.ctc_loss.html */
import { bool, int64 } from '../../base/dtype.ts';
import { RuntimeError, ValueError } from '../../base/errors.ts';
import { define, type FreeCall } from '../../ops/define.ts';
import { cat, where } from '../../ops/index.ts';
import { runtime } from '../../ops/runtime.ts';
import { Tensor } from '../../tensor/tensor.ts';

export type CtcReduction = 'none' | 'mean' | 'sum';

function numbers(x: Tensor | readonly number[] | number): number[] {
  if (typeof x === 'number') return [x];
  if (!(x instanceof Tensor)) return [...x];
  return (x.detach().reshape([-1]).tolist() as (number | bigint)[]).map(Number);
}

/** log(eᵃ + eᵇ + eᶜ), −∞ where all are, with gradients of 0 there. */
function logAddExp(a: Tensor, b: Tensor, c: Tensor): Tensor {
  const top = a.maximum(b).maximum(c).detach();
  const shift = top.maskedFill(top.eq(Number.NEGATIVE_INFINITY), 0);
  const sum = a.sub(shift).exp().add(b.sub(shift).exp()).add(c.sub(shift).exp());
  const none = sum.eq(0);
  return sum.maskedFill(none, 1).log().add(shift).maskedFill(none, Number.NEGATIVE_INFINITY);
}

/**
 * The negative log likelihood of target sequences under all alignments. `logProbs` (time, batch, classes) or (time, classes); `targets` (batch, length) or
 * all one after another. Made of differentiable functions.
 */
function ctc(
  logProbs: Tensor,
  targets: Tensor,
  inputLengths: Tensor | readonly number[] | number,
  targetLengths: Tensor | readonly number[] | number,
  blank: number,
  reduction: CtcReduction,
  zeroInfinity: boolean,
): Tensor {
  const batched = logProbs.sizes.length === 3;
  const p = batched ? logProbs : logProbs.unsqueeze(1);
  const [time, batch, classes] = p.sizes;
  const [inputs, lengths] = [numbers(inputLengths), numbers(targetLengths)];
  if (inputs.length !== batch) throw new RuntimeError('input_lengths must be of size batch_size');
  if (lengths.length !== batch) throw new RuntimeError('target_lengths must be of size batch_size');
  if (!(blank >= 0 && blank < classes)) throw new RuntimeError('blank must be in label range');
  inputs.forEach((n) => {
    if (n > time)
      throw new RuntimeError(
        `Expected input_lengths to have value at most ${time}, but got value ${n} (while checking arguments for ctc_loss_cpu)`,
      );
  });
  const labels = numbers(targets);
  const stride = targets.sizes.length === 2 ? targets.sizes[1] : 0;
  const longest = Math.max(0, ...lengths);
  const width = 2 * longest + 1;
  // Labels with blanks between and around them.
  const extended = new BigInt64Array(batch * width).fill(BigInt(blank));
  const mayNotSkip = new Uint8Array(batch * width).fill(1);
  let start = 0;
  lengths.forEach((length, b) => {
    const from = targets.sizes.length === 2 ? b * stride : start;
    for (let i = 0; i < length; i++) {
      const at = b * width + 2 * i + 1;
      extended[at] = BigInt(labels[from + i]);
      // From a label to the next one without a blank: only where they differ.
      if (i > 0 && labels[from + i] !== labels[from + i - 1]) mayNotSkip[at] = 0;
    }
    start += length;
  });
  const mask = (data: Uint8Array, sizes: readonly number[]): Tensor =>
    runtime.fromArray(data, sizes, bool, p);
  const index = runtime.fromArray(extended, [batch, width], int64, p);
  const emitted = p.gather(2, index.unsqueeze(0).expand([time, batch, width]));
  const noSkip = mask(mayNotSkip, [batch, width]);
  const impossible = (columns: number): Tensor => p.newFull([batch, columns], Number.NEGATIVE_INFINITY);
  const first = Uint8Array.from({ length: batch * width }, (_, i) => {
    const [b, s] = [Math.floor(i / width), i % width];
    return s === 0 || (s === 1 && lengths[b] > 0) ? 0 : 1;
  });
  let alpha = emitted.select(0, 0).maskedFill(mask(first, [batch, width]), Number.NEGATIVE_INFINITY);
  for (let t = 1; t < time; t++) {
    const one = cat([impossible(1), alpha.narrow(1, 0, width - 1)], 1);
    const two = width < 3 ? impossible(width) : cat([impossible(2), alpha.narrow(1, 0, width - 2)], 1);
    const next = logAddExp(alpha, one, two.maskedFill(noSkip, Number.NEGATIVE_INFINITY)).add(
      emitted.select(0, t),
    );
    const ended = mask(
      Uint8Array.from(inputs, (n) => (t < n ? 0 : 1)),
      [batch, 1],
    );
    alpha = where(ended, alpha, next);
  }
  const ends = (offset: number): Tensor =>
    alpha
      .gather(
        1,
        runtime.fromArray(
          BigInt64Array.from(lengths, (n) => BigInt(Math.max(2 * n - offset, 0))),
          [batch, 1],
          int64,
          p,
        ),
      )
      .squeeze(1);
  const empty = mask(
    Uint8Array.from(lengths, (n) => (n === 0 ? 1 : 0)),
    [batch],
  );
  const last = ends(0);
  const none = p.newFull([batch], Number.NEGATIVE_INFINITY);
  let loss = logAddExp(last, ends(1).maskedFill(empty, Number.NEGATIVE_INFINITY), none).neg();
  // PyTorch's gradient is that with respect to scores of which logProbs are the log-softmax: e^logProbs more than the derivative, from a term that is 0.
  const used = mask(
    Uint8Array.from({ length: time * batch }, (_, i) => (Math.floor(i / batch) < inputs[i % batch] ? 0 : 1)),
    [time, batch, 1],
  );
  const likely = p.exp().maskedFill(used, 0);
  loss = loss.add(likely.sub(likely.detach()).sum([0, 2]));
  if (zeroInfinity) loss = loss.maskedFill(loss.eq(Number.POSITIVE_INFINITY), 0);
  switch (reduction) {
    case 'none':
      return batched ? loss : loss.squeeze(0);
    case 'sum':
      return loss.sum();
    case 'mean': {
      const counts = runtime.fromArray(
        BigInt64Array.from(lengths, (n) => BigInt(Math.max(n, 1))),
        [batch],
        int64,
        p,
      );
      return loss.div(counts.to(p.dtype)).mean();
    }
    default:
      throw new ValueError(`${String(reduction satisfies never)} is not a valid value for reduction`);
  }
}

/** The negative log likelihood of target sequences under all alignments. */
export const ctcLoss: FreeCall<
  [
    logProbs: Tensor,
    targets: Tensor,
    inputLengths: Tensor | readonly number[],
    targetLengths: Tensor | readonly number[],
  ],
  { blank?: number; reduction?: CtcReduction; zeroInfinity?: boolean },
  Tensor
> = define(
  "ctc_loss(logProbs, targets, inputLengths, targetLengths, blank=0, reduction='mean', zeroInfinity=False)",
  (
    logProbs: Tensor,
    targets: Tensor,
    inputLengths: Tensor | readonly number[],
    targetLengths: Tensor | readonly number[],
    blank = 0,
    reduction: CtcReduction = 'mean',
    zeroInfinity = false,
  ) => ctc(logProbs, targets, inputLengths, targetLengths, blank, reduction, zeroInfinity),
  { functionOnly: true },
);
