/** Linear layers. https://pytorch.org/docs/stable/nn.html#linear-layers */
import { empty } from '../../tensor/create.ts';
import type { Tensor } from '../../tensor/tensor.ts';
import * as F from '../functional/index.ts';
import * as init from '../init.ts';
import { Module } from '../module.ts';
import { Parameter } from '../parameter.ts';
import { type Factory, settings, show } from './common.ts';

/** An uninitialised parameter. */
export function newParameter(sizes: readonly number[], { dtype, device }: Factory): Parameter {
  return new Parameter(empty([...sizes], { dtype: dtype ?? null, device }));
}

/** Passes its input through. Takes and ignores any arguments. */
export class Identity extends Module {
  // biome-ignore lint/suspicious/noExplicitAny: PyTorch's Identity ignores whatever it is given
  constructor(..._ignored: any[]) {
    super();
  }

  override forward(input: Tensor): Tensor {
    return input;
  }
}

interface LinearSettings extends Factory {
  inFeatures: number;
  outFeatures: number;
  bias?: boolean;
}

/**
 * y = x·Wᵀ + b, for inputs of shape (…, inFeatures).
 * https://pytorch.org/docs/stable/generated/torch.nn.Linear.html
 *
 * @example
 * ```ts
 * const layer = new nn.Linear(3, 2);
 * console.log(layer(torch.zeros(5, 3)).shape); // => torch.Size([5, 2])
 * ```
 */
export class Linear extends Module {
  readonly inFeatures: number;
  readonly outFeatures: number;
  weight: Parameter;
  bias: Parameter | null;

  constructor(inFeatures: number, outFeatures: number, bias?: boolean, options?: Factory);
  constructor(inFeatures: number, outFeatures: number, options?: Factory & { bias?: boolean });
  constructor(options: LinearSettings);
  constructor(...args: unknown[]) {
    super();
    const s = settings<LinearSettings>(
      'Linear',
      ['inFeatures', 'outFeatures', 'bias', 'device', 'dtype'],
      2,
      args,
    );
    this.inFeatures = s.inFeatures;
    this.outFeatures = s.outFeatures;
    this.weight = newParameter([s.outFeatures, s.inFeatures], s);
    this.bias = s.bias === false ? null : newParameter([s.outFeatures], s);
    this.resetParameters();
  }

  resetParameters(): void {
    // As in PyTorch: U(−1/√fan, 1/√fan) for both, the weight's written as a Kaiming bound with a = √5.
    init.kaimingUniform_(this.weight, Math.sqrt(5));
    if (this.bias !== null) {
      const fan = init.fanIn(this.weight);
      const bound = fan > 0 ? 1 / Math.sqrt(fan) : 0;
      init.uniform_(this.bias, -bound, bound);
    }
  }

  override forward(input: Tensor): Tensor {
    return F.linear(input, this.weight, this.bias);
  }

  override extraRepr(): string {
    return `in_features=${this.inFeatures}, out_features=${this.outFeatures}, bias=${show(this.bias !== null)}`;
  }
}

interface BilinearSettings extends Factory {
  in1Features: number;
  in2Features: number;
  outFeatures: number;
  bias?: boolean;
}

/** y = x₁ᵀ·A·x₂ + b. https://pytorch.org/docs/stable/generated/torch.nn.Bilinear.html */
export class Bilinear extends Module {
  readonly in1Features: number;
  readonly in2Features: number;
  readonly outFeatures: number;
  weight: Parameter;
  bias: Parameter | null;

  constructor(
    in1Features: number,
    in2Features: number,
    outFeatures: number,
    bias?: boolean | (Factory & { bias?: boolean }),
    options?: Factory,
  );
  constructor(options: BilinearSettings);
  constructor(...args: unknown[]) {
    super();
    const names = ['in1Features', 'in2Features', 'outFeatures', 'bias', 'device', 'dtype'] as const;
    const s = settings<BilinearSettings>('Bilinear', names, 3, args);
    this.in1Features = s.in1Features;
    this.in2Features = s.in2Features;
    this.outFeatures = s.outFeatures;
    this.weight = newParameter([s.outFeatures, s.in1Features, s.in2Features], s);
    this.bias = s.bias === false ? null : newParameter([s.outFeatures], s);
    const bound = 1 / Math.sqrt(this.weight.sizes[1]);
    init.uniform_(this.weight, -bound, bound);
    if (this.bias !== null) init.uniform_(this.bias, -bound, bound);
  }

  override forward(input1: Tensor, input2: Tensor): Tensor {
    return F.bilinear(input1, input2, this.weight, this.bias);
  }

  override extraRepr(): string {
    return `in1_features=${this.in1Features}, in2_features=${this.in2Features}, out_features=${this.outFeatures}, bias=${show(this.bias !== null)}`;
  }
}
