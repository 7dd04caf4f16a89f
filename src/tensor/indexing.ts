/**
 * `x.index(…)` and `x.indexPut_([…], v)`: Python's `x[…]` and `x[…] = v`.
 * https://pytorch.org/docs/stable/tensors.html#indexing-slicing-joining-mutating-ops and NumPy's indexing rules.
 */
import { bool, int64, uint8 } from '../base/dtype.ts';
import { ArgumentTypeError, IndexError, RuntimeError, ValueError } from '../base/errors.ts';
import { isOptions } from '../base/arguments.ts';
import { define } from '../ops/define.ts';
import { indexByTensors, indexPutByTensors } from '../ops/indexing/advanced.ts';
import { slice as sliceView } from '../ops/movement/views.ts';
import { runtime } from '../ops/runtime.ts';
import { tensor, type TensorData } from './create.ts';
import { PyFloat } from './pyfloat.ts';
import { Tensor } from './tensor.ts';

/** Python's `start:stop:step`. Null parts are missing ones. */
export class Slice {
  readonly start: number | null;
  readonly stop: number | null;
  readonly step: number | null;

  constructor(start: number | null, stop: number | null, step: number | null) {
    this.start = start;
    this.stop = stop;
    this.step = step;
  }
}

/**
 * `slice(1, 3)` is `1:3`, `slice(null, null, 2)` is `::2`; as in Python, `slice(3)` is `:3`.
 */
export function slice(stop: number | null): Slice;
export function slice(start: number | null, stop: number | null, step?: number | null): Slice;
export function slice(first: number | null, second?: number | null, step: number | null = null): Slice {
  return second === undefined ? new Slice(null, first, null) : new Slice(first, second, step);
}

/** An entry of an index: number, '1:3' or slice, '...', null (a new dimension), boolean, mask or index tensor, list. */
export type Index = number | bigint | string | null | boolean | Slice | Tensor | readonly TensorData[];

function parseSlice(text: string): Slice {
  const parts = text.split(':').map((s) => s.trim());
  const valid =
    parts.length >= 2 && parts.length <= 3 && parts.every((p) => /^[+-]?\d*$/.test(p) && !/^[+-]$/.test(p));
  if (!valid) {
    throw new IndexError(
      `'${text}' is not an index: a string index is '...' or a slice such as '1:3', ':', '::2', '-2:'`,
    );
  }
  const [start, stop, step] = parts.map((p) => (p === '' ? null : Number(p)));
  return new Slice(start, stop, step ?? null);
}

/** What is left for tensors after numbers, slices, null and '...' were applied as views. */
interface Resolved {
  readonly view: Tensor;
  /** Per dimension of `view` an index tensor or null; empty where nothing is left. */
  readonly tensors: readonly (Tensor | null)[];
}

/** How many dimensions of the input an entry uses up. */
function consumes(entry: Index): number {
  if (entry === null || typeof entry === 'boolean' || entry === '...') return 0;
  if (entry instanceof Tensor && (entry.dtype === bool || entry.dtype === uint8)) return entry.sizes.length;
  return 1;
}

function asTensor(entry: readonly TensorData[], input: Tensor): Tensor {
  const on = { device: input.storage.device.name };
  if (entry.length === 0) return tensor(entry, { dtype: int64, ...on });
  const t = tensor(entry, on);
  return t.dtype.isFloatingPoint && entry.flat(9).every((x) => Number.isInteger(x)) ? t.to(int64) : t;
}

function resolve(input: Tensor, given: readonly Index[]): Resolved {
  const entries = given.map((e) => (Array.isArray(e) ? asTensor(e, input) : (e as Index)));
  const used = entries.reduce<number>((n, e) => n + consumes(e), 0);
  if (entries.filter((e) => e === '...').length > 1) {
    throw new IndexError("an index can only have a single ellipsis ('...')");
  }
  if (used > input.sizes.length) {
    throw new IndexError(`too many indices for tensor of dimension ${input.sizes.length}`);
  }
  let view = input;
  let dim = 0;
  const tensors: (Tensor | null)[] = [];
  const place = (t: Tensor): void => {
    while (tensors.length < dim) tensors.push(null);
    tensors[dim] = t;
  };
  for (const entry of entries) {
    if (entry === null) {
      view = view.unsqueeze(dim++);
    } else if (typeof entry === 'boolean') {
      view = view.unsqueeze(dim);
      place(tensor(entry ? [true] : [false], { device: input.storage.device.name }));
      dim++;
    } else if (entry === '...') {
      dim += input.sizes.length - used;
    } else if (typeof entry === 'number' || typeof entry === 'bigint') {
      view = selectAt(view, dim, Number(entry), input, dim);
    } else if (typeof entry === 'string') {
      view = sliceAt(view, dim++, parseSlice(entry));
    } else if (entry instanceof Slice) {
      view = sliceAt(view, dim++, entry);
    } else if (entry instanceof Tensor) {
      const mask = entry.dtype === bool || entry.dtype === uint8;
      if (entry.sizes.length === 0 && !mask && !entry.dtype.isFloatingPoint) {
        view = selectAt(view, dim, Number(entry.item()), input, dim);
      } else if (entry.sizes.length === 0 && mask) {
        view = view.unsqueeze(dim);
        place(entry.unsqueeze(0).to(bool));
        dim++;
      } else {
        place(entry);
        dim += Math.max(consumes(entry), 1);
        // A mask of several dimensions stands for as many index tensors: the places it covers stay out of the list.
        if (mask) markCovered(tensors, dim);
      }
    } else {
      throw new ArgumentTypeError(
        `only integers, slices, '...', null, booleans, tensors and arrays are valid indices (got ${typeof entry})`,
      );
    }
  }
  return { view, tensors: tensors.filter((t) => t !== COVERED) };
}

/** Stands in the list of tensors for a dimension that the mask before it covers. */
const COVERED: Tensor = Object.create(null) as Tensor;

function markCovered(tensors: (Tensor | null)[], dim: number): void {
  while (tensors.length < dim) tensors.push(COVERED);
}

function selectAt(view: Tensor, dim: number, index: number, input: Tensor, at: number): Tensor {
  if (!Number.isInteger(index)) {
    throw new IndexError(
      'only integers, slices (`:`), ellipsis (`...`), None and long or byte Variables are valid indices (got float)',
    );
  }
  const size = view.sizes[dim];
  if (input.sizes.length === 0) {
    throw new IndexError(
      'invalid index of a 0-dim tensor. Use `tensor.item()` in Python or `tensor.item<T>()` in C++ to convert a 0-dim tensor to a number',
    );
  }
  if (index < -size || index >= size) {
    throw new IndexError(`index ${index} is out of bounds for dimension ${at} with size ${size}`);
  }
  return view.select(dim, index);
}

function sliceAt(view: Tensor, dim: number, { start, stop, step }: Slice): Tensor {
  if (step === 0) throw new ValueError('slice step cannot be zero');
  if (step !== null && step < 0) throw new ValueError('step must be greater than zero');
  if (start === null && stop === null && (step === null || step === 1)) return fullSlice(view, dim);
  return sliceView(view, dim, start, stop, step);
}

/** `x[:]` is a new view too. */
function fullSlice(view: Tensor, dim: number): Tensor {
  return sliceView(view, dim, null, null, 1);
}

/**
 * Python's `x[…]`: `x.index(0, '1:3', '...', null, mask)`. Numbers, slices, null and '...' give a view; masks, index tensors and lists
 * a copy. Throws IndexError.
 *
 * @example
 * ```ts
 * const x = torch.arange(6).view(2, 3);
 * console.log(x.index(1, '1:')); // => tensor([4, 5])
 * ```
 */
export function index(input: Tensor, ...entries: Index[]): Tensor {
  const { view, tensors } = resolve(input, entries);
  if (tensors.length > 0) return indexByTensors(view, tensors);
  // `x[()]` and `x[...]` are views too.
  return view === input ? input.view(input.sizes) : view;
}

// Not through `define`: a single array argument is an index list here, not the list of entries.
Object.defineProperty(Tensor.prototype, 'index', {
  value(this: Tensor, ...entries: Index[]): Tensor {
    return index(this, ...entries);
  },
  writable: true,
  configurable: true,
});

/**
 * Python's `x[…] = v`: `x.indexPut_([0, '1:3'], v)`; a number is written everywhere, a tensor is broadcast. With `accumulate` values are added
 * where indices repeat (https://pytorch.org/docs/stable/generated/torch.Tensor.index_put_.html).
 *
 * @example
 * ```ts
 * const x = torch.zeros(3);
 * x.indexPut_(['1:'], 5);
 * console.log(x); // => tensor([0., 5., 5.])
 * ```
 */
export const indexPut_: (
  input: Tensor,
  indices: readonly Index[],
  values: Tensor | number | bigint | boolean | PyFloat,
  options?: boolean | { accumulate?: boolean },
) => Tensor = define(
  'index_put_(input, indices, values, accumulate=False)',
  (
    input: Tensor,
    indices: readonly Index[],
    values: Tensor | number | bigint | boolean | PyFloat,
    accumulate: boolean = false,
  ) => {
    if (!Array.isArray(indices)) {
      throw new ArgumentTypeError(
        `index_put_(): argument 'indices' must be an array of indices, not ${isOptions(indices) ? 'an object' : typeof indices}`,
      );
    }
    setItem(input, indices as Index[], values, accumulate);
    return input;
  },
  { methodOnly: true },
);

/** `input[entries] = value`. */
function setItem(
  input: Tensor,
  entries: readonly Index[],
  value: Tensor | number | bigint | boolean | PyFloat,
  accumulate: boolean,
): void {
  const { view, tensors } = resolve(input, entries);
  if (tensors.length === 0) {
    const target = view === input ? input : view;
    if (value instanceof Tensor) {
      const fitted = dropLeadingOnes(value, target.sizes.length);
      if (accumulate) target.add_(fitted);
      else target.copy_(fitted.expand(target.sizes));
    } else target.fill_(numberFor(input, value));
    return;
  }
  const values =
    value instanceof Tensor ? value : runtime.full([], numberFor(input, value), input.dtype, input);
  const converted = values.dtype === view.dtype || accumulate ? values : values.to(view.dtype);
  indexPutByTensors(view, tensors, converted, accumulate);
}

/** Assignment ignores leading dimensions of size 1 that the target does not have. */
function dropLeadingOnes(value: Tensor, rank: number): Tensor {
  let first = 0;
  while (value.sizes.length - first > rank && value.sizes[first] === 1) first++;
  return first === 0 ? value : value.reshape(value.sizes.slice(first));
}

/** Smallest and largest values of the integer types. */
const ranges: Readonly<Record<string, readonly [min: number, max: number, cpp: string]>> = {
  uint8: [0, 255, 'uint8_t'],
  int8: [-128, 127, 'int8_t'],
  int16: [-32768, 32767, 'int16_t'],
  int32: [-2147483648, 2147483647, 'int'],
};

/** Checks that a number fits the dtype. Throws PyTorch's RuntimeError. */
export function numberFor(
  target: Tensor,
  value: number | bigint | boolean | PyFloat,
): number | bigint | boolean {
  const plain = value instanceof PyFloat ? value.value : value;
  const range = ranges[target.dtype.name];
  // uint8 accepts negative numbers down to -255: they wrap.
  if (
    range !== undefined &&
    (Number(plain) > range[1] || Number(plain) < (range[0] === 0 ? -255 : range[0]))
  ) {
    throw new RuntimeError(`value cannot be converted to type ${range[2]} without overflow`);
  }
  return plain;
}
