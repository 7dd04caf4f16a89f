/** `torch.Size`: an array of numbers that prints as PyTorch prints shapes. */
import { printsAs } from '../base/inspect.ts';
import { product } from '../base/shape.ts';

export class Size extends Array<number> {
  /** Arrays made by `map`, `slice` and the like are plain arrays. */
  static override get [Symbol.species](): ArrayConstructor {
    return Array;
  }

  static override from(sizes: ArrayLike<number>): Size {
    const out = new Size(sizes.length);
    for (let i = 0; i < sizes.length; i++) out[i] = sizes[i];
    return out;
  }

  /** The number of elements of a tensor of this size. */
  numel(): number {
    return product(this);
  }

  override toString(): string {
    return `torch.Size([${this.join(', ')}])`;
  }
}

printsAs(Size);
