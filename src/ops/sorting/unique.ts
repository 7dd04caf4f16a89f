/** Distinct elements. https://pytorch.org/docs/stable/generated/torch.unique.html */
import { int64 } from '../../base/dtype.ts';
import { RuntimeError } from '../../base/errors.ts';
import { wrapDim } from '../../base/shape.ts';
import type { Tensor } from '../../tensor/tensor.ts';
import { define, type HasMethod } from '../define.ts';
import { runtime } from '../runtime.ts';
import { comparable, compareValues, orderOf, rangeOf, type Row } from './order.ts';
import { refuse } from '../refuse.ts';

/** What a call returns besides the distinct elements. */
export interface UniqueOptions {
  sorted?: boolean;
  returnInverse?: boolean;
  returnCounts?: boolean;
  dim?: number | null;
}

interface UniqueMethod {
  (): Tensor;
  (options: UniqueOptions & { returnInverse: true }): Tensor[];
  (options: UniqueOptions & { returnCounts: true }): Tensor[];
  (options: UniqueOptions): Tensor;
  (sorted: boolean, returnInverse?: boolean, returnCounts?: boolean, dim?: number | null): Tensor | Tensor[];
}

interface UniqueCall extends HasMethod<UniqueMethod> {
  (input: Tensor): Tensor;
  (input: Tensor, options: UniqueOptions & { returnInverse: true }): Tensor[];
  (input: Tensor, options: UniqueOptions & { returnCounts: true }): Tensor[];
  (input: Tensor, options: UniqueOptions): Tensor;
  (
    input: Tensor,
    sorted: boolean,
    returnInverse?: boolean,
    returnCounts?: boolean,
    dim?: number | null,
  ): Tensor | Tensor[];
}

function asGiven(count: number): number[] {
  return Array.from({ length: count }, (_, i) => i);
}

/** Rows of `width` elements, compared element by element. */
class Rows {
  readonly count: number;
  private readonly data: Row;
  private readonly width: number;

  constructor(data: Row, width: number, count: number) {
    this.data = data;
    this.width = width;
    this.count = count;
  }

  compare(a: number, b: number): number {
    for (let i = 0; i < this.width; i++) {
      const order = compareValues(this.data[a * this.width + i], this.data[b * this.width + i]);
      if (order !== 0) return order;
    }
    return 0;
  }

  /** The numbers of the rows in order. */
  order(): ArrayLike<number> {
    return asGiven(this.count).sort((a, b) => this.compare(a, b));
  }

  /** NaN differs from everything, itself included. */
  same(a: number, b: number): boolean {
    for (let i = 0; i < this.width; i++)
      if (this.data[a * this.width + i] !== this.data[b * this.width + i]) return false;
    return true;
  }
}

interface Groups {
  /** The first row of each group. */
  readonly first: number[];
  readonly inverse: number[];
  readonly counts: number[];
}

/** Equal neighbours in `order` as groups. */
function group(rows: Rows, order: ArrayLike<number>): Groups {
  const groups: Groups = { first: [], inverse: new Array<number>(rows.count).fill(0), counts: [] };
  for (let i = 0; i < order.length; i++) {
    const row = order[i];
    if (i === 0 || !rows.same(order[i - 1], row)) {
      groups.first.push(row);
      groups.counts.push(0);
    }
    groups.counts[groups.counts.length - 1]++;
    groups.inverse[row] = groups.first.length - 1;
  }
  return groups;
}

function whole(values: readonly number[], sizes: readonly number[], like: Tensor): Tensor {
  return runtime.fromArray(BigInt64Array.from(values, BigInt), sizes, int64, like);
}

/**
 * Distinct whole numbers of a vector, and with them the inverse and the counts, by a table of how often each number between the smallest and the
 * largest occurs. Null where that table would be larger than sorting is worth.
 */
function distinctByTable(
  x: Tensor,
  returnInverse: boolean,
): { values: Tensor; inverse: Tensor | null; counts: Tensor } | null {
  const numbers = x.to(int64);
  const { low, high } = rangeOf(numbers);
  if (high - low > BigInt(x.numel() * 2 + 1024)) return null;
  const size = Number(high - low) + 1;
  const index = low === 0n ? numbers : numbers.sub(low);
  const ones = runtime.full([1], 1, int64, x).expand(x.sizes);
  const table = runtime.full([size], 0, int64, x).scatterAdd_(0, index, ones);
  const found = table.nonzero().squeeze(1);
  let inverse: Tensor | null = null;
  if (returnInverse) {
    const place = table.gt(0).cumsum(0).sub(1);
    inverse = place.gather(0, index);
  }
  const values = low === 0n ? found : found.add(low);
  return { values: values.to(x.dtype), inverse, counts: table.gather(0, found) };
}

function distinct(
  input: Tensor,
  dim: number | null,
  sorts: boolean,
  returnInverse: boolean,
  returnCounts: boolean,
): Tensor | Tensor[] {
  let x = dim === null ? input.reshape([-1]) : input;
  const d = dim === null ? 0 : wrapDim(dim, input.sizes.length);
  if (dim !== null && input.sizes.length === 0) x = input.reshape([1]);
  const count = x.sizes[d];
  if (dim !== null && count > 0 && x.numel() === 0) {
    throw new RuntimeError(
      "There are 0 sized dimensions, and they aren't selected, so unique cannot be applied",
    );
  }
  if (sorts && x.sizes.length === 1 && count > 0 && !x.dtype.isFloatingPoint) {
    const done = runtime.noGrad(() => distinctByTable(x.detach(), returnInverse));
    if (done !== null) {
      const all = [done.values];
      if (done.inverse !== null) all.push(dim === null ? done.inverse.reshape(input.sizes) : done.inverse);
      if (returnCounts) all.push(done.counts);
      return all.length === 1 ? done.values : all;
    }
  }
  const moved = x.movedim(d, 0);
  const width = count === 0 ? 0 : moved.numel() / count;
  const elements = comparable(moved);
  const rows = new Rows(elements, width, count);
  const order = !sorts ? asGiven(count) : width === 1 ? orderOf(elements, false) : rows.order();
  const { first, inverse, counts } = group(rows, order);
  const values = runtime.noGrad(() => x.detach().indexSelect(d, whole(first, [first.length], x)));
  const results = [values];
  if (returnInverse) results.push(whole(inverse, dim === null ? input.sizes : [count], x));
  if (returnCounts) results.push(whole(counts, [counts.length], x));
  return results.length === 1 ? values : results;
}

/**
 * The distinct elements in order, with `returnInverse` where each element went, with `returnCounts` how often each occurs; with `dim` the
 * distinct slices along it.
 *
 * @example
 * ```ts
 * const [values, counts] = torch.tensor([2, 1, 2]).unique({ returnCounts: true });
 * console.log(values, counts); // => tensor([1., 2.]) tensor([1, 2])
 * ```
 */
export const unique: UniqueCall = define(
  'unique(input, sorted=True, returnInverse=False, returnCounts=False, dim=None)',
  ((
    input: Tensor,
    _sorted = true,
    returnInverse = false,
    returnCounts = false,
    dim: number | null = null,
  ) => {
    refuse('unique', input, ['float16']);
    return distinct(input, dim, true, returnInverse, returnCounts);
  }) as never,
) as never;

interface ConsecutiveMethod {
  (): Tensor;
  (options: Omit<UniqueOptions, 'sorted'> & { returnInverse: true }): Tensor[];
  (options: Omit<UniqueOptions, 'sorted'> & { returnCounts: true }): Tensor[];
  (options: Omit<UniqueOptions, 'sorted'>): Tensor;
  (returnInverse: boolean, returnCounts?: boolean, dim?: number | null): Tensor | Tensor[];
}

interface ConsecutiveCall extends HasMethod<ConsecutiveMethod> {
  (input: Tensor): Tensor;
  (input: Tensor, options: Omit<UniqueOptions, 'sorted'> & { returnInverse: true }): Tensor[];
  (input: Tensor, options: Omit<UniqueOptions, 'sorted'> & { returnCounts: true }): Tensor[];
  (input: Tensor, options: Omit<UniqueOptions, 'sorted'>): Tensor;
  (input: Tensor, returnInverse: boolean, returnCounts?: boolean, dim?: number | null): Tensor | Tensor[];
}

/** Runs of equal elements as one each. https://pytorch.org/docs/stable/generated/torch.unique_consecutive.html */
export const uniqueConsecutive: ConsecutiveCall = define(
  'unique_consecutive(input, returnInverse=False, returnCounts=False, dim=None)',
  ((input: Tensor, returnInverse = false, returnCounts = false, dim: number | null = null) => {
    refuse('unique', input, ['float16']);
    return distinct(input, dim, false, returnInverse, returnCounts);
  }) as never,
) as never;
