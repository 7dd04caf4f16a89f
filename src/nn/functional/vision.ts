/** Rearranging images. https://pytorch.org/docs/stable/nn.functional.html#vision-functions */
import { RuntimeError } from '../../base/errors.ts';
import { define, type FreeCall } from '../../ops/define.ts';
import type { Tensor } from '../../tensor/tensor.ts';

type FactorCall<K extends string> = FreeCall<[input: Tensor, factor: number], { [P in K]?: number }, Tensor>;

/** (…, C·r², H, W) to (…, C, H·r, W·r). https://pytorch.org/docs/stable/generated/torch.nn.functional.pixel_shuffle.html */
export const pixelShuffle: FactorCall<'upscaleFactor'> = define(
  'pixel_shuffle(input, upscaleFactor)',
  (input: Tensor, r: number) => {
    const rank = input.sizes.length;
    if (rank < 3) {
      throw new RuntimeError(
        `pixel_shuffle expects input to have at least 3 dimensions, but got input with ${rank} dimension(s)`,
      );
    }
    if (r <= 0) throw new RuntimeError(`pixel_shuffle expects a positive upscale_factor, but got ${r}`);
    const lead = input.sizes.slice(0, -3);
    const [c, h, w] = input.sizes.slice(-3);
    if (c % (r * r) !== 0) {
      throw new RuntimeError(
        `pixel_shuffle expects its input's 'channel' dimension to be divisible by the square of upscale_factor, but input.size(-3)=${c} is not divisible by ${r * r}`,
      );
    }
    const n = lead.length;
    const split = input.reshape([...lead, c / (r * r), r, r, h, w]);
    const order = [...lead.map((_, i) => i), n, n + 3, n + 1, n + 4, n + 2];
    // Always a copy, also where nothing moves.
    return split
      .permute(order)
      .clone({ memoryFormat: 'contiguous' })
      .reshape([...lead, c / (r * r), h * r, w * r]);
  },
  { functionOnly: true, shownAs: 'PixelShuffle' },
);

/** (…, C, H·r, W·r) to (…, C·r², H, W). https://pytorch.org/docs/stable/generated/torch.nn.functional.pixel_unshuffle.html */
export const pixelUnshuffle: FactorCall<'downscaleFactor'> = define(
  'pixel_unshuffle(input, downscaleFactor)',
  (input: Tensor, r: number) => {
    const rank = input.sizes.length;
    if (rank < 3) {
      throw new RuntimeError(
        `pixel_unshuffle expects input to have at least 3 dimensions, but got input with ${rank} dimension(s)`,
      );
    }
    if (r <= 0) throw new RuntimeError(`pixel_unshuffle expects a positive downscale_factor, but got ${r}`);
    const lead = input.sizes.slice(0, -3);
    const [c, h, w] = input.sizes.slice(-3);
    for (const [size, name, at] of [
      [h, 'height', -2],
      [w, 'width', -1],
    ] as const) {
      if (size % r !== 0) {
        throw new RuntimeError(
          `pixel_unshuffle expects ${name} to be divisible by downscale_factor, but input.size(${at})=${size} is not divisible by ${r}`,
        );
      }
    }
    const n = lead.length;
    const split = input.reshape([...lead, c, h / r, r, w / r, r]);
    const order = [...lead.map((_, i) => i), n, n + 2, n + 4, n + 1, n + 3];
    // Always a copy, also where nothing moves.
    return split
      .permute(order)
      .clone({ memoryFormat: 'contiguous' })
      .reshape([...lead, c * r * r, h / r, w / r]);
  },
  { functionOnly: true, shownAs: 'PixelUnshuffle' },
);

/** Channels of groups interleaved. https://pytorch.org/docs/stable/generated/torch.nn.ChannelShuffle.html */
export const channelShuffle: FactorCall<'groups'> = define(
  'channel_shuffle(input, groups)',
  (input: Tensor, groups: number) => {
    const [n, c, ...space] = input.sizes;
    if (input.sizes.length < 3) {
      throw new RuntimeError(
        `channel_shuffle expects input with > 2 dims, but got input with sizes [${input.sizes.join(', ')}]`,
      );
    }
    if (groups <= 0)
      throw new RuntimeError(
        `Number of groups to divide channels in must be positive. Value of groups:${groups}`,
      );
    if (c % groups !== 0) {
      throw new RuntimeError(
        `Number of channels must be divisible by groups. Got ${c} channels and ${groups} groups.`,
      );
    }
    return input
      .reshape([n, groups, c / groups, ...space])
      .transpose(1, 2)
      .reshape(input.sizes);
  },
  { functionOnly: true },
);
