/**
 * Memory formats: in which order a tensor's dimensions lie in memory.
 * https://pytorch.org/docs/stable/tensor_attributes.html#torch-memory-format
 */
import { ArgumentTypeError, RuntimeError } from './errors.ts';
import { printsAs } from './inspect.ts';
import { contiguousStrides, product, type Sizes } from './shape.ts';

export type MemoryFormatName = 'contiguous' | 'preserve' | 'channelsLast' | 'channelsLast3d';

/** A memory format. There is exactly one object per format, so `===` compares. */
export class MemoryFormat {
  readonly name: MemoryFormatName;
  /** `torch.channels_last`, as PyTorch prints it. */
  private readonly text: string;

  constructor(name: MemoryFormatName, text: string) {
    this.name = name;
    this.text = text;
  }

  toString(): string {
    return this.text;
  }
}

printsAs(MemoryFormat);

/** Row-major. */
export const contiguousFormat: MemoryFormat = new MemoryFormat('contiguous', 'torch.contiguous_format');
/** The order of the input, where it has no gaps. */
export const preserveFormat: MemoryFormat = new MemoryFormat('preserve', 'torch.preserve_format');
/** Images [N, C, H, W] whose channels are neighbours in memory. */
export const channelsLast: MemoryFormat = new MemoryFormat('channelsLast', 'torch.channels_last');
/** Volumes [N, C, D, H, W] whose channels are neighbours in memory. */
export const channelsLast3d: MemoryFormat = new MemoryFormat('channelsLast3d', 'torch.channels_last_3d');

const byName: Readonly<Record<MemoryFormatName, MemoryFormat>> = {
  contiguous: contiguousFormat,
  preserve: preserveFormat,
  channelsLast,
  channelsLast3d,
};

/** A format, or its name. */
export type MemoryFormatLike = MemoryFormat | MemoryFormatName;

/** The format that an argument means; `otherwise` where there is none. Throws a TypeError for anything else. */
export function memoryFormatOf(
  given: MemoryFormatLike | null | undefined,
  otherwise: MemoryFormat,
): MemoryFormat {
  if (given === null || given === undefined) return otherwise;
  const found = given instanceof MemoryFormat ? given : byName[given];
  if (found === undefined) {
    throw new ArgumentTypeError(`memory_format must be a torch.memory_format, not ${String(given)}`);
  }
  return found;
}

/** The strides of a tensor of these sizes in a format (`preserve` has none of its own). */
export function formatStrides(sizes: Sizes, format: MemoryFormat): number[] {
  if (format === preserveFormat) {
    throw new RuntimeError('unsupported memory format option Preserve');
  }
  if (format === contiguousFormat) return contiguousStrides(sizes);
  const rank = format === channelsLast ? 4 : 5;
  if (sizes.length !== rank) {
    throw new RuntimeError(
      `required rank ${rank} tensor to use ${format === channelsLast ? 'channels_last' : 'channels_last_3d'} format`,
    );
  }
  // Batch, then space, then channels.
  const order = [0, ...sizes.keys()].filter((d, i) => i === 0 || d > 1);
  order.push(1);
  const inner = contiguousStrides(order.map((d) => sizes[d]));
  const strides = new Array<number>(rank);
  order.forEach((d, i) => {
    strides[d] = inner[i];
  });
  return strides;
}

/** Do the strides walk through memory in the order of `format`, without gaps? */
export function isInFormat(sizes: Sizes, strides: Sizes, format: MemoryFormat): boolean {
  const wanted = format === channelsLast ? 4 : format === channelsLast3d ? 5 : sizes.length;
  if (sizes.length !== wanted) return false;
  if (product(sizes) === 0 && format === contiguousFormat) return true;
  const expected = formatStrides(sizes, format);
  return sizes.every((s, d) => s === 1 || strides[d] === expected[d]);
}
