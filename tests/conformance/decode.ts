/** Values of a conformance file as values of the library: numbers, tensors, dtypes, slices, modules. */
import { isObject, type Json, type JsonObject, type TensorSpec, tensorSpec } from './cases.ts';
import { type Library, options, type TensorLike } from './library.ts';

type TypedArray =
  | Float64Array
  | Float32Array
  | Int32Array
  | Int16Array
  | Int8Array
  | Uint8Array
  | BigInt64Array;

/** The array a dtype's elements are given in: 16-bit floats as the float32 of equal value, bools as bytes. */
const arrays: Readonly<Record<string, new (length: number) => TypedArray>> = {
  float64: Float64Array,
  float32: Float32Array,
  float16: Float32Array,
  bfloat16: Float32Array,
  int64: BigInt64Array,
  int32: Int32Array,
  int16: Int16Array,
  int8: Int8Array,
  uint8: Uint8Array,
  bool: Uint8Array,
};

/** One element as JSON writes it ("NaN", "Infinity", large integers as text) as a JavaScript number or bigint. */
export function element(dtype: string, value: number | string | boolean): number | bigint {
  return dtype === 'int64' ? BigInt(value) : Number(value);
}

/** How an argument is decoded where Python's types say more than JavaScript's. */
export interface DecodeContext {
  readonly library: Library;
  /** Pass whole Python floats as `torch.pyFloat(2)`, because nothing else tells that they are floats. */
  readonly markFloats: boolean;
  /** Generators by their id, shared by the calls of a case. */
  readonly generators: Map<string, unknown>;
}

export function decodeContext(library: Library, markFloats = false): DecodeContext {
  return { library, markFloats, generators: new Map() };
}

/** A contiguous tensor of the given elements. */
function fromElements(
  library: Library,
  data: TypedArray,
  dtype: string,
  shape: readonly number[],
): TensorLike {
  const where = library.device === null ? {} : { device: library.device };
  const flat = library.tensor('torch.tensor', data, { dtype: library.dtype(dtype), ...where });
  if (shape.length === 1) return flat;
  // The clone makes it a tensor of its own instead of a view, with a version counter of its own.
  return library.method(library.send(flat, 'reshape', [...shape]), 'clone');
}

function contiguousStrides(shape: readonly number[]): number[] {
  const strides = new Array<number>(shape.length);
  let step = 1;
  for (let d = shape.length - 1; d >= 0; d--) {
    strides[d] = step;
    step *= Math.max(shape[d], 1);
  }
  return strides;
}

/** Storage positions of all elements in C order. */
function positions(shape: readonly number[], strides: readonly number[], offset: number): number[] {
  let result = [offset];
  shape.forEach((size, dim) => {
    result = result.flatMap((p) => Array.from({ length: size }, (_, i) => p + i * strides[dim]));
  });
  return result;
}

export function makeTensor(library: Library, spec: TensorSpec): TensorLike {
  const { dtype, shape, data = [] } = spec;
  const numel = shape.reduce((a, b) => a * b, 1);
  const offset = spec.offset ?? 0;
  let tensor: TensorLike;
  const ArrayType = arrays[dtype];
  if (ArrayType === undefined) throw new Error(`unknown dtype ${dtype}`);
  if (spec.strides === undefined && offset === 0) {
    const flat = new ArrayType(numel);
    for (let i = 0; i < data.length; i++) flat[i] = element(dtype, data[i]);
    tensor = fromElements(library, flat, dtype, shape);
  } else {
    const strides = spec.strides ?? contiguousStrides(shape);
    const where = positions(shape, strides, offset);
    const storage = new ArrayType(where.reduce((a, b) => Math.max(a, b + 1), offset));
    where.forEach((position, i) => {
      storage[position] = element(dtype, data[i]);
    });
    const base = fromElements(library, storage, dtype, [storage.length]);
    tensor = library.tensor('torch.as_strided', base, [...shape], [...strides], offset);
  }
  if (spec.parameter === true) {
    const made = library.construct('torch.nn.Parameter', tensor, {
      requiresGrad: spec.requires_grad === true,
    });
    return library.asTensor(made);
  }
  return spec.requires_grad === true ? library.method(tensor, 'requires_grad_', true) : tensor;
}

function makeGenerator(context: DecodeContext, spec: JsonObject): unknown {
  const id = String(spec.id);
  let generator = context.generators.get(id);
  if (generator === undefined) {
    generator = context.library.construct('torch.Generator');
    context.library.send(generator, 'manual_seed', spec.seed);
    context.generators.set(id, generator);
  }
  return generator;
}

function makeModule(context: DecodeContext, spec: JsonObject): unknown {
  const { library } = context;
  const args = decodeAll(context, (spec.args as Json[] | undefined) ?? []);
  const kwargs = decodeKwargs(context, (spec.kwargs as JsonObject | undefined) ?? {});
  let module: unknown = library.construct(spec.type as string, ...args, ...options(kwargs));
  for (const wrap of (spec.wrap as JsonObject[] | undefined) ?? []) {
    const wrapKwargs = decodeKwargs(context, (wrap.kwargs as JsonObject | undefined) ?? {});
    module = library.call(wrap.fn as string, module, ...options(wrapKwargs));
  }
  return module;
}

const decoders: Readonly<Record<string, (content: Json, context: DecodeContext) => unknown>> = {
  $float: (content, { library, markFloats }) => {
    const value = Number(content);
    if (!markFloats || !Number.isInteger(value) || library.find('torch.pyFloat') === undefined) return value;
    return library.call('torch.pyFloat', value);
  },
  $int: (content) => BigInt(content as string),
  $dict: (content, context) =>
    new Map((content as Json[][]).map(([k, v]) => [decode(context, k), decode(context, v)])),
  $dtype: (content, { library }) => library.dtype(content as string),
  $device: (content, { library }) => {
    const device = library.device ?? content;
    return library.find('torch.device') === undefined ? device : library.call('torch.device', device);
  },
  $memory_format: (content, { library }) => library.get(`torch.${content}`),
  $layout: (content, { library }) => library.get(`torch.${content}`),
  $slice: (content, { library }) => library.call('torch.slice', ...(content as Json[])),
  $ellipsis: () => '...',
  $tensor: (content, { library }) => makeTensor(library, content as unknown as TensorSpec),
  $module: (content, context) => makeModule(context, content as JsonObject),
  $generator: (content, context) => makeGenerator(context, content as JsonObject),
  $packed_sequence: (content, context) => {
    const fields = content as JsonObject;
    const parts = ['data', 'batch_sizes', 'sorted_indices', 'unsorted_indices'].map((name) =>
      decode(context, fields[name] ?? null),
    );
    return context.library.construct('torch.nn.utils.rnn.PackedSequence', ...parts);
  },
};

export function decode(context: DecodeContext, value: Json): unknown {
  if (Array.isArray(value)) return value.map((v) => decode(context, v));
  if (!isObject(value)) return value;
  const [tag] = Object.keys(value);
  const decoder = decoders[tag];
  if (decoder === undefined) throw new Error(`unknown value ${JSON.stringify(value).slice(0, 80)}`);
  return decoder(value[tag], context);
}

export function decodeAll(context: DecodeContext, values: readonly Json[]): unknown[] {
  return values.map((v) => decode(context, v));
}

export function decodeKwargs(context: DecodeContext, kwargs: JsonObject): Record<string, unknown> {
  return Object.fromEntries(Object.entries(kwargs).map(([name, v]) => [name, decode(context, v)]));
}

/** The tensors of decoded values in reading order, nested lists included. */
export function tensorsIn(library: Library, value: unknown): TensorLike[] {
  if (library.isTensor(value)) return [value];
  if (Array.isArray(value)) return value.flatMap((v) => tensorsIn(library, v));
  if (value instanceof Map) return [...value.values()].flatMap((v) => tensorsIn(library, v));
  return [];
}

/** A tensor of JSON without `requires_grad`, for results and gradients that are fed back in. */
export function makeConstant(library: Library, value: Json): TensorLike {
  const spec = tensorSpec(value);
  if (spec === undefined) throw new Error(`not a tensor: ${JSON.stringify(value).slice(0, 80)}`);
  return makeTensor(library, { ...spec, requires_grad: false });
}
