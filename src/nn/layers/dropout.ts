/** Dropout. Hinton et al. 2012. https://pytorch.org/docs/stable/nn.html#dropout-layers */
import { ValueError } from '../../base/errors.ts';
import type { Tensor } from '../../tensor/tensor.ts';
import * as F from '../functional/index.ts';
import { Module } from '../module.ts';
import { settings, show, showFloat } from './common.ts';

interface DropoutOptions {
  p?: number;
  inplace?: boolean;
}

/** What all dropout layers have in common. */
abstract class DropoutBase extends Module {
  readonly p: number;
  readonly inplace: boolean;

  constructor(...args: [options?: DropoutOptions] | [p: number, inplace?: boolean | DropoutOptions]) {
    super();
    const s = settings<DropoutOptions>(new.target.name, ['p', 'inplace'], 0, args);
    this.p = s.p ?? 0.5;
    this.inplace = s.inplace ?? false;
    if (this.p < 0 || this.p > 1) {
      throw new ValueError(`dropout probability has to be between 0 and 1, but got ${this.p}`);
    }
  }

  override extraRepr(): string {
    return `p=${showFloat(this.p)}, inplace=${show(this.inplace)}`;
  }
}

/** Zeroes elements with probability p in training, scaling the others by 1/(1 − p). https://pytorch.org/docs/stable/generated/torch.nn.Dropout.html */
export class Dropout extends DropoutBase {
  override forward(input: Tensor): Tensor {
    return F.dropout(input, this.p, this.training, this.inplace);
  }
}

/** Zeroes whole channels of a signal. https://pytorch.org/docs/stable/generated/torch.nn.Dropout1d.html */
export class Dropout1d extends DropoutBase {
  override forward(input: Tensor): Tensor {
    return F.dropout1d(input, this.p, this.training, this.inplace);
  }
}

/** Zeroes whole channels of an image. https://pytorch.org/docs/stable/generated/torch.nn.Dropout2d.html */
export class Dropout2d extends DropoutBase {
  override forward(input: Tensor): Tensor {
    return F.dropout2d(input, this.p, this.training, this.inplace);
  }
}

/** Zeroes whole channels of a volume. https://pytorch.org/docs/stable/generated/torch.nn.Dropout3d.html */
export class Dropout3d extends DropoutBase {
  override forward(input: Tensor): Tensor {
    return F.dropout3d(input, this.p, this.training, this.inplace);
  }
}

/** Dropout that keeps mean and variance of self-normalizing networks. https://pytorch.org/docs/stable/generated/torch.nn.AlphaDropout.html */
export class AlphaDropout extends DropoutBase {
  override forward(input: Tensor): Tensor {
    return F.alphaDropout(input, this.p, this.training, this.inplace);
  }
}

/** Alpha dropout of whole channels. https://pytorch.org/docs/stable/generated/torch.nn.FeatureAlphaDropout.html */
export class FeatureAlphaDropout extends DropoutBase {
  override forward(input: Tensor): Tensor {
    return F.featureAlphaDropout(input, this.p, this.training, this.inplace);
  }
}
