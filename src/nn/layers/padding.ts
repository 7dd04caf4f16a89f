/** Padding as layers. https://pytorch.org/docs/stable/nn.html#padding-layers */
import type { Tensor } from '../../tensor/tensor.ts';
import * as F from '../functional/index.ts';
import { Module } from '../module.ts';
import { show } from './common.ts';

type Amount = number | readonly number[] | { padding: number | readonly number[] };

/** Two amounts per spatial dimension, the last dimension first. */
function amounts(padding: Amount, rank: number): readonly number[] {
  const given = typeof padding === 'object' && 'padding' in padding ? padding.padding : padding;
  return typeof given === 'number' ? new Array<number>(2 * rank).fill(given) : [...given];
}

/** What padding layers have in common. */
abstract class PadBase extends Module {
  readonly padding: readonly number[];

  constructor(padding: Amount, rank: number) {
    super();
    this.padding = amounts(padding, rank);
  }

  override extraRepr(): string {
    return show(this.padding);
  }
}

/** What constant padding layers have in common. */
abstract class ConstantPadBase extends PadBase {
  readonly value: number;

  constructor(
    padding: Amount | { padding: number | readonly number[]; value: number },
    value: number | { value: number } | undefined,
    rank: number,
  ) {
    super(padding, rank);
    const named = typeof padding === 'object' && 'value' in padding ? padding.value : undefined;
    this.value = named ?? (typeof value === 'object' ? value.value : (value ?? 0));
  }

  override forward(input: Tensor): Tensor {
    return F.pad(input, this.padding, 'constant', this.value);
  }

  override extraRepr(): string {
    return `padding=${show(this.padding)}, value=${show(this.value)}`;
  }
}

/** https://pytorch.org/docs/stable/generated/torch.nn.ConstantPad1d.html */
export class ConstantPad1d extends ConstantPadBase {
  constructor(
    padding: Amount | { padding: number | readonly number[]; value: number },
    value?: number | { value: number },
  ) {
    super(padding, value, 1);
  }
}

/** https://pytorch.org/docs/stable/generated/torch.nn.ConstantPad2d.html */
export class ConstantPad2d extends ConstantPadBase {
  constructor(
    padding: Amount | { padding: number | readonly number[]; value: number },
    value?: number | { value: number },
  ) {
    super(padding, value, 2);
  }
}

/** https://pytorch.org/docs/stable/generated/torch.nn.ConstantPad3d.html */
export class ConstantPad3d extends ConstantPadBase {
  constructor(
    padding: Amount | { padding: number | readonly number[]; value: number },
    value?: number | { value: number },
  ) {
    super(padding, value, 3);
  }
}

/** Zeros around an image. https://pytorch.org/docs/stable/generated/torch.nn.ZeroPad2d.html */
export class ZeroPad2d extends PadBase {
  constructor(padding: Amount) {
    super(padding, 2);
  }

  override forward(input: Tensor): Tensor {
    return F.pad(input, this.padding, 'constant', 0);
  }
}

/** https://pytorch.org/docs/stable/generated/torch.nn.ReflectionPad1d.html */
export class ReflectionPad1d extends PadBase {
  constructor(padding: Amount) {
    super(padding, 1);
  }

  override forward(input: Tensor): Tensor {
    return F.pad(input, this.padding, 'reflect');
  }
}

/** https://pytorch.org/docs/stable/generated/torch.nn.ReflectionPad2d.html */
export class ReflectionPad2d extends PadBase {
  constructor(padding: Amount) {
    super(padding, 2);
  }

  override forward(input: Tensor): Tensor {
    return F.pad(input, this.padding, 'reflect');
  }
}

/** https://pytorch.org/docs/stable/generated/torch.nn.ReflectionPad3d.html */
export class ReflectionPad3d extends PadBase {
  constructor(padding: Amount) {
    super(padding, 3);
  }

  override forward(input: Tensor): Tensor {
    return F.pad(input, this.padding, 'reflect');
  }
}

/** https://pytorch.org/docs/stable/generated/torch.nn.ReplicationPad1d.html */
export class ReplicationPad1d extends PadBase {
  constructor(padding: Amount) {
    super(padding, 1);
  }

  override forward(input: Tensor): Tensor {
    return F.pad(input, this.padding, 'replicate');
  }
}

/** https://pytorch.org/docs/stable/generated/torch.nn.ReplicationPad2d.html */
export class ReplicationPad2d extends PadBase {
  constructor(padding: Amount) {
    super(padding, 2);
  }

  override forward(input: Tensor): Tensor {
    return F.pad(input, this.padding, 'replicate');
  }
}

/** https://pytorch.org/docs/stable/generated/torch.nn.ReplicationPad3d.html */
export class ReplicationPad3d extends PadBase {
  constructor(padding: Amount) {
    super(padding, 3);
  }

  override forward(input: Tensor): Tensor {
    return F.pad(input, this.padding, 'replicate');
  }
}
