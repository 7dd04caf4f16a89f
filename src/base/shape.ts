/** Arithmetic on sizes, strides and dimensions. Everything here is about numbers; no tensor is needed. */
import { IndexError, RuntimeError } from './errors.ts';

export type Sizes = readonly number[];

/** `[2, 3]`, as PyTorch's messages write a shape. */
export function showSizes(sizes: Sizes): string {
  return `[${sizes.join(', ')}]`;
}

export function product(sizes: Sizes): number {
  let n = 1;
  for (let i = 0; i < sizes.length; i++) n *= sizes[i];
  return n;
}

/** Row-major strides, in elements. */
export function contiguousStrides(sizes: Sizes): number[] {
  const strides = new Array<number>(sizes.length);
  let step = 1;
  for (let i = sizes.length - 1; i >= 0; i--) {
    strides[i] = step;
    step *= Math.max(sizes[i], 1);
  }
  return strides;
}

/** Do the strides walk through memory in row-major order without gaps? */
export function isContiguous(sizes: Sizes, strides: Sizes): boolean {
  let step = 1;
  for (let i = sizes.length - 1; i >= 0; i--) {
    if (sizes[i] === 0) return true;
  }
  for (let i = sizes.length - 1; i >= 0; i--) {
    if (sizes[i] !== 1) {
      if (strides[i] !== step) return false;
      step *= sizes[i];
    }
  }
  return true;
}

export function sameSizes(a: Sizes, b: Sizes): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

/** The size two shapes broadcast to. Throws PyTorch's RuntimeError where they do not. */
export function broadcastTwo(a: Sizes, b: Sizes): number[] {
  const rank = Math.max(a.length, b.length);
  const out = new Array<number>(rank);
  for (let i = rank - 1; i >= 0; i--) {
    const x = a[i - rank + a.length] ?? 1;
    const y = b[i - rank + b.length] ?? 1;
    if (x !== y && x !== 1 && y !== 1) {
      throw new RuntimeError(
        `The size of tensor a (${x}) must match the size of tensor b (${y}) at non-singleton dimension ${i}`,
      );
    }
    out[i] = x === 1 ? y : x;
  }
  return out;
}

/** The size all shapes broadcast to. */
export function broadcastSizes(shapes: readonly Sizes[]): Sizes {
  let out: Sizes = shapes[0];
  for (let i = 1; i < shapes.length; i++)
    out = sameSizes(out, shapes[i]) ? out : broadcastTwo(out, shapes[i]);
  return out;
}

/** Strides that read a tensor of `sizes`/`strides` as if it had the (larger) size `target`. */
export function broadcastStrides(sizes: Sizes, strides: Sizes, target: Sizes): number[] {
  const lead = target.length - sizes.length;
  const out = new Array<number>(target.length);
  for (let i = 0; i < target.length; i++) {
    const d = i - lead;
    out[i] = d < 0 || (sizes[d] === 1 && target[i] !== 1) ? 0 : strides[d];
  }
  return out;
}

/** A dimension counted from the end when negative. Scalars accept 0 and -1. Throws PyTorch's IndexError. */
export function wrapDim(dim: number, rank: number): number {
  const n = Math.max(rank, 1);
  if (!Number.isInteger(dim)) throw new IndexError(`a dimension must be a whole number, but got ${dim}`);
  if (dim < -n || dim >= n) {
    throw new IndexError(
      `Dimension out of range (expected to be in range of [${-n}, ${n - 1}], but got ${dim})`,
    );
  }
  return dim < 0 ? dim + n : dim;
}

/** Dimensions as a boolean per dimension; null or an empty list means all of them. */
export function dimsToMask(dims: number | readonly number[] | null | undefined, rank: number): boolean[] {
  const list = typeof dims === 'number' ? [dims] : (dims ?? []);
  if (list.length === 0) return new Array<boolean>(rank).fill(true);
  const mask = new Array<boolean>(rank).fill(false);
  const seen = new Set<number>();
  for (const d of list) {
    const w = wrapDim(d, rank);
    if (seen.has(w)) throw new RuntimeError(`dim ${w} appears multiple times in the list of dims`);
    seen.add(w);
    if (rank > 0) mask[w] = true;
  }
  return mask;
}

/** Sizes after a reduction. */
export function reducedSizes(sizes: Sizes, mask: readonly boolean[], keepdim: boolean): number[] {
  const out: number[] = [];
  for (let i = 0; i < sizes.length; i++) {
    if (!mask[i]) out.push(sizes[i]);
    else if (keepdim) out.push(1);
  }
  return out;
}

/** Replaces a single -1 by what `numel` leaves for it. Throws PyTorch's RuntimeErrors. */
export function inferSize(shape: Sizes, numel: number): number[] {
  const out = [...shape];
  let free = -1;
  let known = 1;
  for (let i = 0; i < out.length; i++) {
    if (out[i] === -1) {
      if (free >= 0) throw new RuntimeError('only one dimension can be inferred');
      free = i;
    } else if (out[i] < 0 || !Number.isInteger(out[i])) {
      throw new RuntimeError(`invalid shape dimension ${out[i]}`);
    } else known *= out[i];
  }
  if (free >= 0) {
    if (known === 0 && numel === 0) {
      throw new RuntimeError(
        `cannot reshape tensor of 0 elements into shape ${showSizes(shape)} because the unspecified dimension size -1 can be any value and is ambiguous`,
      );
    }
    if (known === 0 || numel % known !== 0) {
      throw new RuntimeError(`shape '${showSizes(shape)}' is invalid for input of size ${numel}`);
    }
    out[free] = numel / known;
  } else if (known !== numel) {
    throw new RuntimeError(`shape '${showSizes(shape)}' is invalid for input of size ${numel}`);
  }
  return out;
}

/** Strides with which the same memory can be viewed as `target`, or null where a copy is needed. */
export function viewStrides(sizes: Sizes, strides: Sizes, target: Sizes): number[] | null {
  const numel = product(sizes);
  if (numel === 0) return sameSizes(sizes, target) ? [...strides] : contiguousStrides(target);
  const out = new Array<number>(target.length);
  let t = target.length - 1;
  // Walk over maximal runs of source dimensions that are contiguous with each other.
  let chunkStride = sizes.length > 0 ? strides[sizes.length - 1] : 1;
  let sourceCount = 1;
  let targetCount = 1;
  for (let s = sizes.length - 1; s >= 0; s--) {
    sourceCount *= sizes[s];
    const runEnds = s === 0 || (sizes[s - 1] !== 1 && strides[s - 1] !== sourceCount * chunkStride);
    if (!runEnds) continue;
    while (t >= 0 && (targetCount < sourceCount || target[t] === 1)) {
      out[t] = targetCount * chunkStride;
      targetCount *= target[t];
      t--;
    }
    if (targetCount !== sourceCount) return null;
    if (s > 0) {
      chunkStride = strides[s - 1];
      sourceCount = 1;
      targetCount = 1;
    }
  }
  while (t >= 0) {
    if (target[t] !== 1) return null;
    out[t] = 1;
    t--;
  }
  return out;
}

/** Can two positions of this view be the same element? (Conservative: overlapping windows count as overlap.) */
export function overlapsItself(sizes: Sizes, strides: Sizes): boolean {
  const dims: { size: number; stride: number }[] = [];
  for (let i = 0; i < sizes.length; i++) {
    if (sizes[i] === 0) return false;
    if (sizes[i] > 1) dims.push({ size: sizes[i], stride: Math.abs(strides[i]) });
  }
  dims.sort((a, b) => a.stride - b.stride);
  let reach = 0;
  for (const d of dims) {
    if (d.stride <= reach) return true;
    reach += (d.size - 1) * d.stride;
  }
  return false;
}

/** How many elements of storage, from `offset` 0, the view touches. */
export function storageExtent(sizes: Sizes, strides: Sizes, offset: number): number {
  let last = offset;
  for (let i = 0; i < sizes.length; i++) {
    if (sizes[i] === 0) return 0;
    last += (sizes[i] - 1) * strides[i];
  }
  return last + 1;
}

/** A non-negative whole number from a user, or a typed error naming the argument. */
export function checkSize(value: unknown, name: string): number {
  if (typeof value !== 'number' || !Number.isInteger(value)) {
    throw new IndexError(`${name} must be a whole number, but got ${String(value)}`);
  }
  return value;
}
