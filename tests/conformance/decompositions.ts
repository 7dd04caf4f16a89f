/**
 * Results that are right in more than one way: positions of equal elements, matrix decompositions up to signs, values in any order. Each
 * kind is checked by its defining property, as the README of the conformance data states it.
 */
import { type Case, type Json, type JsonObject, type TensorSpec, tensorSpec } from './cases.ts';
import {
  expectElements,
  expectKind,
  expectTensor,
  expectValue,
  flatten,
  isClose,
  type Tolerance,
  toleranceOf,
} from './compare.ts';
import { type Library, Mismatch, type TensorLike } from './library.ts';

/** A stack of row-major matrices in double precision. */
interface Matrices {
  readonly batch: number;
  readonly rows: number;
  readonly cols: number;
  readonly data: Float64Array;
}

function matrices(shape: readonly number[], data: ArrayLike<number>): Matrices {
  const rows = shape[shape.length - 2];
  const cols = shape[shape.length - 1];
  const batch = shape.slice(0, -2).reduce((a, b) => a * b, 1);
  return { batch, rows, cols, data: Float64Array.from(data) };
}

const matricesOf = (t: TensorLike): Matrices => matrices(t.shape, t.toTypedArray() as ArrayLike<number>);

const matricesOfSpec = (spec: TensorSpec): Matrices => matrices(spec.shape, (spec.data ?? []).map(Number));

function build(
  like: Omit<Matrices, 'data'>,
  value: (batch: number, row: number, col: number) => number,
): Matrices {
  const { batch, rows, cols } = like;
  const data = new Float64Array(batch * rows * cols);
  let at = 0;
  for (let b = 0; b < batch; b++) {
    for (let i = 0; i < rows; i++) for (let j = 0; j < cols; j++) data[at++] = value(b, i, j);
  }
  return { batch, rows, cols, data };
}

const at = (m: Matrices, b: number, i: number, j: number): number => m.data[(b * m.rows + i) * m.cols + j];

function multiply(a: Matrices, b: Matrices): Matrices {
  return build({ batch: a.batch, rows: a.rows, cols: b.cols }, (n, i, j) => {
    let sum = 0;
    for (let k = 0; k < a.cols; k++) sum += at(a, n, i, k) * at(b, n, k, j);
    return sum;
  });
}

const transpose = (m: Matrices): Matrices =>
  build({ batch: m.batch, rows: m.cols, cols: m.rows }, (b, i, j) => at(m, b, j, i));

/** The first `count` columns. */
const columns = (m: Matrices, count: number): Matrices =>
  build({ batch: m.batch, rows: m.rows, cols: count }, (b, i, j) => at(m, b, i, j));

/** Every column times its entry of `values`, a stack of vectors. */
const scaleColumns = (m: Matrices, values: ArrayLike<number>): Matrices =>
  build(m, (b, i, j) => at(m, b, i, j) * values[b * m.cols + j]);

const identity = (batch: number, size: number): Matrices =>
  build({ batch, rows: size, cols: size }, (_, i, j) => (i === j ? 1 : 0));

const largest = (m: Matrices): number => m.data.reduce((max, v) => Math.max(max, Math.abs(v)), 0);

/**
 * The backward error of a stable factorisation is a small multiple of eps times the norm; 100 leaves room for the constants of
 * Householder and QR iterations at the sizes that occur (up to 20).
 */
function closeMatrices(got: Matrices, expected: Matrices, dtype: string, what: string): void {
  const eps = dtype === 'float64' ? 2 ** -52 : 2 ** -23;
  const allowed = 100 * eps * Math.max(1, largest(expected));
  if (got.data.length !== expected.data.length) throw new Mismatch(`${what}: wrong shape`);
  for (let i = 0; i < got.data.length; i++) {
    if (!(Math.abs(got.data[i] - expected.data[i]) <= allowed)) {
      throw new Mismatch(`${what} does not hold: ${got.data[i]} instead of ${expected.data[i]}`);
    }
  }
}

function orthonormal(m: Matrices, dtype: string, what: string): void {
  closeMatrices(multiply(transpose(m), m), identity(m.batch, m.cols), dtype, `${what} orthonormal`);
}

/** One comparison of the outputs; `grads: false` says that the gradients of this result need not agree. */
type Comparison = (context: Context) => { grads: boolean };

interface Context {
  readonly library: Library;
  readonly testCase: Case;
  readonly outputs: readonly TensorLike[];
  readonly specs: readonly TensorSpec[];
  readonly tolerance: Tolerance;
  readonly input: TensorSpec;
}

function kinds({ library, outputs, specs }: Context): void {
  specs.forEach((spec, i) => {
    expectKind(library, outputs[i], spec, `out[${i}]`);
  });
}

/** `U diag(S) Vh = A`; torch.svd gives V itself. */
function singular(vIsTransposed: boolean): Comparison {
  return (context) => {
    const { outputs, specs, tolerance, input } = context;
    kinds(context);
    const [u, s, last] = outputs;
    expectElements(s, specs[1], tolerance, 'S');
    const a = matricesOfSpec(input);
    const k = Math.min(a.rows, a.cols);
    const left = matricesOf(u);
    const right = vIsTransposed ? transpose(matricesOf(last)) : matricesOf(last);
    const values = s.toTypedArray() as ArrayLike<number>;
    const product = multiply(scaleColumns(columns(left, k), values), transpose(columns(right, k)));
    closeMatrices(product, a, input.dtype, 'U diag(S) Vh = A');
    orthonormal(left, input.dtype, 'U');
    orthonormal(right, input.dtype, 'V');
    return { grads: true };
  };
}

/** The symmetric matrix of which one triangle is given. */
function symmetric(input: TensorSpec, upper: boolean): Matrices {
  const a = matricesOfSpec(input);
  return build(a, (b, i, j) => (i <= j === upper ? at(a, b, i, j) : at(a, b, j, i)));
}

function isUpper(testCase: Case): boolean {
  const kwargs = (testCase.kwargs ?? {}) as JsonObject;
  const args = testCase.args as Json[];
  // torch.symeig(input, eigenvectors=False, upper=True); torch.linalg.eigh(input, UPLO='L')
  if (testCase.op === 'torch.symeig') return ((args[2] ?? kwargs.upper) as boolean | undefined) ?? true;
  return String(args[1] ?? kwargs.UPLO ?? 'L').toUpperCase() === 'U';
}

const hermitian: Comparison = (context) => {
  const { testCase, outputs, specs, tolerance, input } = context;
  kinds(context);
  const [l, v] = outputs;
  expectElements(l, specs[0], tolerance, 'L');
  const vectors = matricesOf(v);
  if (vectors.data.length === 0) return { grads: true };
  const a = symmetric(input, isUpper(testCase));
  const scaled = scaleColumns(vectors, l.toTypedArray() as ArrayLike<number>);
  closeMatrices(multiply(a, vectors), scaled, input.dtype, 'A V = V diag(L)');
  orthonormal(vectors, input.dtype, 'V');
  return { grads: true };
};

const triangular: Comparison = (context) => {
  const { outputs, specs, tolerance, input } = context;
  kinds(context);
  const a = matricesOfSpec(input);
  const r = matricesOf(outputs[1]);
  const lower = build(r, (b, i, j) => (i > j ? at(r, b, i, j) : 0));
  closeMatrices(
    lower,
    build(r, () => 0),
    input.dtype,
    'R upper triangular',
  );
  if (outputs[0].shape.length < 2) {
    // mode 'r': Q is empty, and R is known up to the signs of its rows.
    closeMatrices(
      multiply(transpose(r), r),
      multiply(transpose(a), a),
      input.dtype,
      'R transposed times R = A transposed times A',
    );
  } else {
    const q = matricesOf(outputs[0]);
    closeMatrices(multiply(q, r), a, input.dtype, 'Q R = A');
    orthonormal(q, input.dtype, 'Q');
  }
  const agree = outputs.every((output, i) => {
    const expected = specs[i].data ?? [];
    const values = output.toTypedArray() as ArrayLike<number>;
    return expected.every((e, n) => isClose(values[n], Number(e), tolerance));
  });
  return { grads: agree };
};

const unordered: Comparison = ({ library, outputs, specs, tolerance }) => {
  outputs.forEach((output, i) => {
    expectKind(library, output, specs[i], `out[${i}]`);
    const got = Array.from(output.toTypedArray(), Number).sort((a, b) => a - b);
    const expected = (specs[i].data ?? []).map(Number).sort((a, b) => a - b);
    const differs = expected.some((e, n) => !isClose(got[n], e, tolerance));
    if (differs) throw new Mismatch(`out[${i}]: expected the values [${expected}], got [${got}]`);
  });
  return { grads: true };
};

/** The dimension of a call such as `sort(x, dim)` or `topk(x, k, dim)`; null when it takes all elements. */
function dimensionOf(testCase: Case, rank: number): number | null {
  const op = testCase.op as string;
  const args = testCase.args as Json[];
  const kwargs = (testCase.kwargs ?? {}) as JsonObject;
  const position = op.endsWith('topk') || op.endsWith('kthvalue') ? 2 : 1;
  const given = (args[position] ?? kwargs.dim) as number | undefined;
  const flattens = /(arg(max|min)|median)$/.test(op);
  const dim = given ?? (flattens ? null : -1);
  return dim === null || dim >= 0 ? dim : dim + rank;
}

/** The elements of the input that an index tensor points at, along `dim`. */
function gatherElements(
  input: TensorSpec,
  dim: number | null,
  index: ArrayLike<bigint | number>,
  shape: readonly number[],
): unknown[] {
  const data = input.data ?? [];
  if (dim === null) return Array.from(index, (i) => data[Number(i)]);
  const full = shape.length === input.shape.length ? shape : [...shape.slice(0, dim), 1, ...shape.slice(dim)];
  const inner = full.slice(dim + 1).reduce((a, b) => a * b, 1);
  return Array.from(index, (value, n) => {
    const outerIndex = Math.floor(n / (inner * full[dim]));
    return data[(outerIndex * input.shape[dim] + Number(value)) * inner + (n % inner)];
  });
}

const ties: Comparison = ({ library, testCase, outputs, specs, tolerance, input }) => {
  const onlyIndices = outputs.length === 1 && /\barg/.test(testCase.op as string);
  const dim = dimensionOf(testCase, input.shape.length);
  outputs.forEach((output, i) => {
    const spec = specs[i];
    if (spec.dtype !== 'int64' || (i === 0 && !onlyIndices)) {
      expectTensor(library, output, spec, tolerance, `out[${i}]`);
      return;
    }
    expectKind(library, output, spec, `out[${i}]`);
    const got = gatherElements(input, dim, output.toTypedArray(), spec.shape);
    const expected = gatherElements(input, dim, (spec.data ?? []).map(Number), spec.shape);
    const wrong = expected.findIndex((e, n) => e !== got[n]);
    if (wrong >= 0)
      throw new Mismatch(`out[${i}]: position ${wrong} points at ${got[wrong]}, not ${expected[wrong]}`);
  });
  return { grads: true };
};

const comparisons: Readonly<Record<string, Comparison>> = {
  ties,
  svd: singular(true),
  svd_v: singular(false),
  eigh: hermitian,
  qr: triangular,
  multiset: unordered,
};

/**
 * Compares the outputs in the way the case's `compare` asks for (elementwise without it). Tells whether gradients can be
 * compared after that.
 */
export function compareOutputs(library: Library, testCase: Case, got: unknown): { grads: boolean } {
  const tolerance = toleranceOf(testCase);
  const kind = testCase.compare as string | undefined;
  if (kind === undefined) {
    expectValue(library, got, testCase.out, tolerance);
    return { grads: true };
  }
  const comparison = comparisons[kind];
  if (comparison === undefined) throw new Error(`unknown comparison ${kind}`);
  const list = Array.isArray(testCase.out) ? testCase.out : [testCase.out];
  const specs = list.map((v) => tensorSpec(v)).filter((s) => s !== undefined);
  const outputs = flatten(library, got);
  if (outputs.length !== specs.length) {
    throw new Mismatch(`expected ${specs.length} tensors, got ${outputs.length}`);
  }
  const input = tensorSpec((testCase.args as Json[])[0]);
  if (input === undefined) throw new Error('the first argument is no tensor');
  return comparison({ library, testCase, outputs, specs, tolerance, input });
}
