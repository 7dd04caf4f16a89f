/** Activations as layers. https://pytorch.org/docs/stable/nn.html#non-linear-activations-weighted-sum-nonlinearity */
import type { Tensor } from '../../tensor/tensor.ts';
import * as F from '../functional/index.ts';
import { Module } from '../module.ts';
import { Parameter } from '../parameter.ts';
import { full } from '../../tensor/create.ts';
import { type Factory, settings, show, showFloat } from './common.ts';

interface ReLUOptions {
  inplace?: boolean;
}

/** max(x, 0). https://pytorch.org/docs/stable/generated/torch.nn.ReLU.html */
export class ReLU extends Module {
  readonly inplace: boolean;

  constructor(...args: [options: ReLUOptions] | [inplace?: boolean | ReLUOptions] | []) {
    super();
    const s = settings<ReLUOptions>('ReLU', ['inplace'], 0, args);
    this.inplace = s.inplace ?? false;
  }

  override forward(input: Tensor): Tensor {
    return F.relu(input, this.inplace);
  }

  override extraRepr(): string {
    return this.inplace ? 'inplace=True' : '';
  }
}

interface ReLU6Options {
  inplace?: boolean;
}

/** min(max(x, 0), 6). https://pytorch.org/docs/stable/generated/torch.nn.ReLU6.html */
export class ReLU6 extends Module {
  readonly inplace: boolean;

  constructor(...args: [options: ReLU6Options] | [inplace?: boolean | ReLU6Options] | []) {
    super();
    const s = settings<ReLU6Options>('ReLU6', ['inplace'], 0, args);
    this.inplace = s.inplace ?? false;
  }

  override forward(input: Tensor): Tensor {
    return F.relu6(input, this.inplace);
  }

  override extraRepr(): string {
    return this.inplace ? 'inplace=True' : '';
  }
}

interface LeakyReLUOptions {
  negativeSlope?: number;
  inplace?: boolean;
}

/** x, or slope·x where negative. https://pytorch.org/docs/stable/generated/torch.nn.LeakyReLU.html */
export class LeakyReLU extends Module {
  readonly negativeSlope: number;
  readonly inplace: boolean;

  constructor(
    ...args: [options: LeakyReLUOptions] | [negativeSlope?: number | LeakyReLUOptions, inplace?: boolean] | []
  ) {
    super();
    const s = settings<LeakyReLUOptions>('LeakyReLU', ['negativeSlope', 'inplace'], 0, args);
    this.negativeSlope = s.negativeSlope ?? 0.01;
    this.inplace = s.inplace ?? false;
  }

  override forward(input: Tensor): Tensor {
    return F.leakyRelu(input, this.negativeSlope, this.inplace);
  }

  override extraRepr(): string {
    return `negative_slope=${show(this.negativeSlope)}${this.inplace ? ', inplace=True' : ''}`;
  }
}

interface ELUOptions {
  alpha?: number;
  inplace?: boolean;
}

/** x, or α(eˣ − 1) where negative. https://pytorch.org/docs/stable/generated/torch.nn.ELU.html */
export class ELU extends Module {
  readonly alpha: number;
  readonly inplace: boolean;

  constructor(...args: [options: ELUOptions] | [alpha?: number | ELUOptions, inplace?: boolean] | []) {
    super();
    const s = settings<ELUOptions>('ELU', ['alpha', 'inplace'], 0, args);
    this.alpha = s.alpha ?? 1;
    this.inplace = s.inplace ?? false;
  }

  override forward(input: Tensor): Tensor {
    return F.elu(input, this.alpha, this.inplace);
  }

  override extraRepr(): string {
    return `alpha=${showFloat(this.alpha)}${this.inplace ? ', inplace=True' : ''}`;
  }
}

interface CELUOptions {
  alpha?: number;
  inplace?: boolean;
}

/** max(0, x) + min(0, α(exp(x/α) − 1)). https://pytorch.org/docs/stable/generated/torch.nn.CELU.html */
export class CELU extends Module {
  readonly alpha: number;
  readonly inplace: boolean;

  constructor(...args: [options: CELUOptions] | [alpha?: number | CELUOptions, inplace?: boolean] | []) {
    super();
    const s = settings<CELUOptions>('CELU', ['alpha', 'inplace'], 0, args);
    this.alpha = s.alpha ?? 1;
    this.inplace = s.inplace ?? false;
  }

  override forward(input: Tensor): Tensor {
    return F.celu(input, this.alpha, this.inplace);
  }

  override extraRepr(): string {
    return `alpha=${showFloat(this.alpha)}${this.inplace ? ', inplace=True' : ''}`;
  }
}

interface SELUOptions {
  inplace?: boolean;
}

/** ELU with the constants of self-normalizing networks. https://pytorch.org/docs/stable/generated/torch.nn.SELU.html */
export class SELU extends Module {
  readonly inplace: boolean;

  constructor(...args: [options: SELUOptions] | [inplace?: boolean | SELUOptions] | []) {
    super();
    const s = settings<SELUOptions>('SELU', ['inplace'], 0, args);
    this.inplace = s.inplace ?? false;
  }

  override forward(input: Tensor): Tensor {
    return F.selu(input, this.inplace);
  }

  override extraRepr(): string {
    return this.inplace ? 'inplace=True' : '';
  }
}

interface GELUOptions {
  approximate?: 'none' | 'tanh';
}

/** x·Φ(x), exactly or by tanh. https://pytorch.org/docs/stable/generated/torch.nn.GELU.html */
export class GELU extends Module {
  readonly approximate: 'none' | 'tanh';

  constructor(...args: [options: GELUOptions] | [approximate?: 'none' | 'tanh' | GELUOptions] | []) {
    super();
    const s = settings<GELUOptions>('GELU', ['approximate'], 0, args);
    this.approximate = s.approximate ?? 'none';
  }

  override forward(input: Tensor): Tensor {
    return F.gelu(input, { approximate: this.approximate });
  }

  override extraRepr(): string {
    return `approximate=${show(this.approximate)}`;
  }
}

interface SiLUOptions {
  inplace?: boolean;
}

/** x·σ(x). https://pytorch.org/docs/stable/generated/torch.nn.SiLU.html */
export class SiLU extends Module {
  readonly inplace: boolean;

  constructor(...args: [options: SiLUOptions] | [inplace?: boolean | SiLUOptions] | []) {
    super();
    const s = settings<SiLUOptions>('SiLU', ['inplace'], 0, args);
    this.inplace = s.inplace ?? false;
  }

  override forward(input: Tensor): Tensor {
    return F.silu(input, this.inplace);
  }

  override extraRepr(): string {
    return this.inplace ? 'inplace=True' : '';
  }
}

interface MishOptions {
  inplace?: boolean;
}

/** x·tanh(softplus(x)). https://pytorch.org/docs/stable/generated/torch.nn.Mish.html */
export class Mish extends Module {
  readonly inplace: boolean;

  constructor(...args: [options: MishOptions] | [inplace?: boolean | MishOptions] | []) {
    super();
    const s = settings<MishOptions>('Mish', ['inplace'], 0, args);
    this.inplace = s.inplace ?? false;
  }

  override forward(input: Tensor): Tensor {
    return F.mish(input, this.inplace);
  }

  override extraRepr(): string {
    return this.inplace ? 'inplace=True' : '';
  }
}

interface HardswishOptions {
  inplace?: boolean;
}

/** x·relu6(x + 3)/6. https://pytorch.org/docs/stable/generated/torch.nn.Hardswish.html */
export class Hardswish extends Module {
  readonly inplace: boolean;

  constructor(...args: [options: HardswishOptions] | [inplace?: boolean | HardswishOptions] | []) {
    super();
    const s = settings<HardswishOptions>('Hardswish', ['inplace'], 0, args);
    this.inplace = s.inplace ?? false;
  }

  override forward(input: Tensor): Tensor {
    return F.hardswish(input, this.inplace);
  }
}

interface HardsigmoidOptions {
  inplace?: boolean;
}

/** relu6(x + 3)/6. https://pytorch.org/docs/stable/generated/torch.nn.Hardsigmoid.html */
export class Hardsigmoid extends Module {
  readonly inplace: boolean;

  constructor(...args: [options: HardsigmoidOptions] | [inplace?: boolean | HardsigmoidOptions] | []) {
    super();
    const s = settings<HardsigmoidOptions>('Hardsigmoid', ['inplace'], 0, args);
    this.inplace = s.inplace ?? false;
  }

  override forward(input: Tensor): Tensor {
    return F.hardsigmoid(input, this.inplace);
  }
}

interface HardtanhOptions {
  minVal?: number;
  maxVal?: number;
  inplace?: boolean;
}

/** x cut off outside [minVal, maxVal]. https://pytorch.org/docs/stable/generated/torch.nn.Hardtanh.html */
export class Hardtanh extends Module {
  readonly minVal: number;
  readonly maxVal: number;
  readonly inplace: boolean;

  constructor(
    ...args:
      | [options: HardtanhOptions]
      | [minVal?: number | HardtanhOptions, maxVal?: number, inplace?: boolean]
      | []
  ) {
    super();
    const s = settings<HardtanhOptions>('Hardtanh', ['minVal', 'maxVal', 'inplace'], 0, args);
    this.minVal = s.minVal ?? -1;
    this.maxVal = s.maxVal ?? 1;
    this.inplace = s.inplace ?? false;
  }

  override forward(input: Tensor): Tensor {
    return F.hardtanh(input, this.minVal, this.maxVal, this.inplace);
  }

  override extraRepr(): string {
    return `min_val=${showFloat(this.minVal)}, max_val=${showFloat(this.maxVal)}${this.inplace ? ', inplace=True' : ''}`;
  }
}

interface HardshrinkOptions {
  lambd?: number;
}

/** x where |x| > λ, else 0. https://pytorch.org/docs/stable/generated/torch.nn.Hardshrink.html */
export class Hardshrink extends Module {
  readonly lambd: number;

  constructor(...args: [options: HardshrinkOptions] | [lambd?: number | HardshrinkOptions] | []) {
    super();
    const s = settings<HardshrinkOptions>('Hardshrink', ['lambd'], 0, args);
    this.lambd = s.lambd ?? 0.5;
  }

  override forward(input: Tensor): Tensor {
    return F.hardshrink(input, this.lambd);
  }

  override extraRepr(): string {
    return show(this.lambd);
  }
}

interface SoftshrinkOptions {
  lambd?: number;
}

/** x moved towards 0 by λ. https://pytorch.org/docs/stable/generated/torch.nn.Softshrink.html */
export class Softshrink extends Module {
  readonly lambd: number;

  constructor(...args: [options: SoftshrinkOptions] | [lambd?: number | SoftshrinkOptions] | []) {
    super();
    const s = settings<SoftshrinkOptions>('Softshrink', ['lambd'], 0, args);
    this.lambd = s.lambd ?? 0.5;
  }

  override forward(input: Tensor): Tensor {
    return F.softshrink(input, this.lambd);
  }

  override extraRepr(): string {
    return show(this.lambd);
  }
}

/** x − tanh x. https://pytorch.org/docs/stable/generated/torch.nn.Tanhshrink.html */
export class Tanhshrink extends Module {
  override forward(input: Tensor): Tensor {
    return F.tanhshrink(input);
  }
}

interface SoftplusOptions {
  beta?: number;
  threshold?: number;
}

/** log(1 + exp(βx))/β. https://pytorch.org/docs/stable/generated/torch.nn.Softplus.html */
export class Softplus extends Module {
  readonly beta: number;
  readonly threshold: number;

  constructor(
    ...args: [options: SoftplusOptions] | [beta?: number | SoftplusOptions, threshold?: number] | []
  ) {
    super();
    const s = settings<SoftplusOptions>('Softplus', ['beta', 'threshold'], 0, args);
    this.beta = s.beta ?? 1;
    this.threshold = s.threshold ?? 20;
  }

  override forward(input: Tensor): Tensor {
    return F.softplus(input, this.beta, this.threshold);
  }

  override extraRepr(): string {
    return `beta=${show(this.beta)}, threshold=${show(this.threshold)}`;
  }
}

/** x/(1 + |x|). https://pytorch.org/docs/stable/generated/torch.nn.Softsign.html */
export class Softsign extends Module {
  override forward(input: Tensor): Tensor {
    return F.softsign(input);
  }
}

/** 1/(1 + e⁻ˣ). https://pytorch.org/docs/stable/generated/torch.nn.Sigmoid.html */
export class Sigmoid extends Module {
  override forward(input: Tensor): Tensor {
    return input.sigmoid();
  }
}

/** log σ(x). https://pytorch.org/docs/stable/generated/torch.nn.LogSigmoid.html */
export class LogSigmoid extends Module {
  override forward(input: Tensor): Tensor {
    return F.logsigmoid(input);
  }
}

/** The hyperbolic tangent. https://pytorch.org/docs/stable/generated/torch.nn.Tanh.html */
export class Tanh extends Module {
  override forward(input: Tensor): Tensor {
    return input.tanh();
  }
}

interface ThresholdOptions {
  threshold: number;
  value: number;
  inplace?: boolean;
}

/** x where x > threshold, else value. https://pytorch.org/docs/stable/generated/torch.nn.Threshold.html */
export class Threshold extends Module {
  readonly threshold: number;
  readonly value: number;
  readonly inplace: boolean;

  constructor(
    ...args:
      | [options: ThresholdOptions]
      | [threshold: number, value: number, inplace?: boolean | ThresholdOptions]
  ) {
    super();
    const s = settings<ThresholdOptions>('Threshold', ['threshold', 'value', 'inplace'], 2, args);
    this.threshold = s.threshold;
    this.value = s.value;
    this.inplace = s.inplace ?? false;
  }

  override forward(input: Tensor): Tensor {
    return F.threshold(input, this.threshold, this.value, this.inplace);
  }

  override extraRepr(): string {
    return `threshold=${showFloat(this.threshold)}, value=${showFloat(this.value)}${this.inplace ? ', inplace=True' : ''}`;
  }
}

interface GLUOptions {
  dim?: number;
}

/** a·σ(b) for the two halves a, b along dim. https://pytorch.org/docs/stable/generated/torch.nn.GLU.html */
export class GLU extends Module {
  readonly dim: number;

  constructor(...args: [options: GLUOptions] | [dim?: number | GLUOptions] | []) {
    super();
    const s = settings<GLUOptions>('GLU', ['dim'], 0, args);
    this.dim = s.dim ?? -1;
  }

  override forward(input: Tensor): Tensor {
    return F.glu(input, this.dim);
  }

  override extraRepr(): string {
    return `dim=${this.dim}`;
  }
}

interface SoftmaxOptions {
  dim?: number | null;
}

/** exp(x)/Σexp(x) along dim. https://pytorch.org/docs/stable/generated/torch.nn.Softmax.html */
export class Softmax extends Module {
  readonly dim: number | null;

  constructor(...args: [options: SoftmaxOptions] | [dim?: number | null | SoftmaxOptions] | []) {
    super();
    const s = settings<SoftmaxOptions>('Softmax', ['dim'], 0, args);
    this.dim = s.dim ?? null;
  }

  override forward(input: Tensor): Tensor {
    return F.softmax(input, this.dim);
  }

  override extraRepr(): string {
    return `dim=${show(this.dim)}`;
  }
}

interface LogSoftmaxOptions {
  dim?: number | null;
}

/** log of softmax along dim. https://pytorch.org/docs/stable/generated/torch.nn.LogSoftmax.html */
export class LogSoftmax extends Module {
  readonly dim: number | null;

  constructor(...args: [options: LogSoftmaxOptions] | [dim?: number | null | LogSoftmaxOptions] | []) {
    super();
    const s = settings<LogSoftmaxOptions>('LogSoftmax', ['dim'], 0, args);
    this.dim = s.dim ?? null;
  }

  override forward(input: Tensor): Tensor {
    return F.logSoftmax(input, this.dim);
  }

  override extraRepr(): string {
    return `dim=${show(this.dim)}`;
  }
}

interface SoftminOptions {
  dim?: number | null;
}

/** softmax(−x) along dim. https://pytorch.org/docs/stable/generated/torch.nn.Softmin.html */
export class Softmin extends Module {
  readonly dim: number | null;

  constructor(...args: [options: SoftminOptions] | [dim?: number | null | SoftminOptions] | []) {
    super();
    const s = settings<SoftminOptions>('Softmin', ['dim'], 0, args);
    this.dim = s.dim ?? null;
  }

  override forward(input: Tensor): Tensor {
    return F.softmin(input, this.dim);
  }

  override extraRepr(): string {
    return `dim=${show(this.dim)}`;
  }
}

/** Softmax over channels at every place of an image. https://pytorch.org/docs/stable/generated/torch.nn.Softmax2d.html */
export class Softmax2d extends Module {
  override forward(input: Tensor): Tensor {
    return F.softmax(input, -3);
  }
}

interface RReLUOptions {
  lower?: number;
  upper?: number;
  inplace?: boolean;
}

/** Leaky ReLU with a random slope in training. https://pytorch.org/docs/stable/generated/torch.nn.RReLU.html */
export class RReLU extends Module {
  readonly lower: number;
  readonly upper: number;
  readonly inplace: boolean;

  constructor(
    ...args: [options: RReLUOptions] | [lower?: number | RReLUOptions, upper?: number, inplace?: boolean] | []
  ) {
    super();
    const s = settings<RReLUOptions>('RReLU', ['lower', 'upper', 'inplace'], 0, args);
    this.lower = s.lower ?? 1 / 8;
    this.upper = s.upper ?? 1 / 3;
    this.inplace = s.inplace ?? false;
  }

  override forward(input: Tensor): Tensor {
    return F.rrelu(input, this.lower, this.upper, this.training, this.inplace);
  }

  override extraRepr(): string {
    return `lower=${show(this.lower)}, upper=${show(this.upper)}${this.inplace ? ', inplace=True' : ''}`;
  }
}

interface PReLUOptions extends Factory {
  numParameters?: number;
  init?: number;
}

/** Leaky ReLU with learned slopes. He et al. 2015. https://pytorch.org/docs/stable/generated/torch.nn.PReLU.html */
export class PReLU extends Module {
  readonly numParameters: number;
  weight: Parameter;

  constructor(...args: [options?: PReLUOptions] | [numParameters: number, init?: number | PReLUOptions]) {
    super();
    const s = settings<PReLUOptions>('PReLU', ['numParameters', 'init', 'device', 'dtype'], 0, args);
    this.numParameters = s.numParameters ?? 1;
    const start = full([this.numParameters], s.init ?? 0.25, { dtype: s.dtype ?? null, device: s.device });
    this.weight = new Parameter(start);
  }

  override forward(input: Tensor): Tensor {
    return F.prelu(input, this.weight);
  }

  override extraRepr(): string {
    return `num_parameters=${this.numParameters}`;
  }
}
