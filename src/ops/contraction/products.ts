/**
 * Matrix products. All of them are one primitive, the contraction of two batches of matrices, whose gradients are contractions.
 * https://pytorch.org/docs/stable/torch.html#blas-and-lapack-operations
 */
import { notImplementedFor } from '../refuse.ts';
import { bfloat16, bool, type DType, float16, float32, int64, promoteTypes } from '../../base/dtype.ts';
import { RuntimeError } from '../../base/errors.ts';
import { broadcastSizes, product as countOf, showSizes } from '../../base/shape.ts';
import type { Tensor } from '../../tensor/tensor.ts';
import { type Call, define } from '../define.ts';
import { runtime } from '../runtime.ts';

type Product = Call<
  [input: Tensor, other: Tensor],
  { other?: Tensor; mat2?: Tensor; vec?: Tensor; out?: Tensor },
  Tensor
>;

/** 16-bit floats multiply in float32, small integers in int64. */
export function contractDtype(dtype: DType): DType {
  if (dtype === float16 || dtype === bfloat16) return float32;
  return dtype.isFloatingPoint ? dtype : int64;
}

/** The kernels behind the products, as PyTorch names them where it lacks one for a dtype. */
const kernels = { mm: 'addmm_impl_cpu_', bmm: 'bmm', mv: 'addmv_impl_cpu', dot: 'dot' } as const;

/** Throws PyTorch's errors for operands of two dtypes, and for bools. */
function checkDtypes(a: Tensor, b: Tensor, name: keyof typeof kernels): void {
  if (name === 'dot' && a.dtype !== b.dtype) {
    throw new RuntimeError(
      `dot : expected both vectors to have same dtype, but found ${a.dtype.scalarName} and ${b.dtype.scalarName}`,
    );
  }
  if (a.dtype === bool) throw notImplementedFor(kernels[name], bool);
  if (a.dtype !== b.dtype) {
    throw new RuntimeError(`expected scalar type ${a.dtype.scalarName} but found ${b.dtype.scalarName}`);
  }
}

/** out[B, m, n] = a[B, m, k] · b[B, k, n] on tensors of one dtype; records nothing. `bias` is added, broadcast over rows. */
function multiply(a: Tensor, b: Tensor): Tensor {
  const rank = a.sizes.length;
  const work = contractDtype(a.dtype);
  const left = a.dtype === work ? a : runtime.noGrad(() => a.to(work));
  const right = b.dtype === work ? b : runtime.noGrad(() => b.to(work));
  const sizes = [...a.sizes.slice(0, -1), b.sizes[rank - 1]];
  const out = runtime.empty(sizes, work, a);
  runtime.contract(out, left, right, { batch: rank - 2, m: 1, n: 1, k: 1, alpha: 1, beta: 0 });
  return a.dtype === work ? out : runtime.noGrad(() => out.to(a.dtype));
}

/** Can a contraction of these add to `into`? Not where an operand is converted first, or lies in the same memory. */
export function canAddTo(into: Tensor, a: Tensor, b: Tensor): boolean {
  const { address } = into.storage;
  return (
    contractDtype(a.dtype) === into.dtype &&
    a.dtype === into.dtype &&
    address !== a.storage.address &&
    address !== b.storage.address
  );
}

/**
 * a · b in the memory order of `operand`, as PyTorch has it: a matrix by columns where that is one, such as the transpose of a weight. Null where it
 * was added to `into`.
 */
function gradientLike(
  operand: Tensor,
  name: string,
  a: Tensor,
  b: Tensor,
  into: Tensor | null | undefined,
): Tensor | null {
  if (into !== null && into !== undefined && canAddTo(into, a, b)) {
    runtime.contract(into, a, b, { batch: a.sizes.length - 2, m: 1, n: 1, k: 1, alpha: 1, beta: 1 });
    runtime.recordInplace(into, null);
    return null;
  }
  const { sizes, strides } = operand;
  const byColumns = sizes.length === 2 && strides[0] === 1 && strides[1] === sizes[0];
  return byColumns
    ? product(name, b.transpose(0, 1), a.transpose(0, 1)).transpose(0, 1)
    : product(name, a, b);
}

/** The differentiable product of two matrices, or of two equally long batches of them. */
function product(name: string, a: Tensor, b: Tensor): Tensor {
  const out = multiply(a, b);
  return runtime.record(out, {
    name,
    inputs: [a, b],
    saved: [a, b],
    accumulates: true,
    backward: ([grad], [x, y], needs, into) => {
      if (grad === null || grad === undefined) return [null, null];
      return [
        needs[0] ? gradientLike(x, name, grad, y.transpose(-2, -1), into[0]) : null,
        needs[1] ? gradientLike(y, name, x.transpose(-2, -1), grad, into[1]) : null,
      ];
    },
  });
}

/** The product of two matrices. https://pytorch.org/docs/stable/generated/torch.mm.html */
export const mm: Product = define(
  'mm(input, mat2|other: Tensor, *, out=None)',
  (a: Tensor, b: Tensor) => {
    if (a.sizes.length !== 2) throw new RuntimeError('self must be a matrix');
    if (b.sizes.length !== 2) throw new RuntimeError('mat2 must be a matrix');
    if (a.sizes[1] !== b.sizes[0]) {
      throw new RuntimeError(
        `mat1 and mat2 shapes cannot be multiplied (${a.sizes.join('x')} and ${b.sizes.join('x')})`,
      );
    }
    checkDtypes(a, b, 'mm');
    return product('Mm', a, b);
  },
  { out: 'exact' },
);

/** The products of two batches of matrices. https://pytorch.org/docs/stable/generated/torch.bmm.html */
export const bmm: Product = define(
  'bmm(input, mat2|other: Tensor, *, out=None)',
  (a: Tensor, b: Tensor) => {
    if (a.sizes.length !== 3) throw new RuntimeError('batch1 must be a 3D tensor');
    if (b.sizes.length !== 3) throw new RuntimeError('batch2 must be a 3D tensor');
    if (a.sizes[0] !== b.sizes[0] || a.sizes[2] !== b.sizes[1]) {
      throw new RuntimeError(
        `Expected size for first two dimensions of batch2 tensor to be: ${showSizes([a.sizes[0], a.sizes[2]])} but got: ${showSizes(b.sizes.slice(0, 2))}.`,
      );
    }
    checkDtypes(a, b, 'bmm');
    return product('Bmm', a, b);
  },
  { out: 'exact' },
);

/** A matrix times a vector. https://pytorch.org/docs/stable/generated/torch.mv.html */
export const mv: Product = define(
  'mv(input, vec|other: Tensor, *, out=None)',
  (a: Tensor, v: Tensor) => {
    if (a.sizes.length !== 2 || v.sizes.length !== 1) {
      throw new RuntimeError(
        `vector + matrix @ vector expected, got 1, ${a.sizes.length}, ${v.sizes.length}`,
      );
    }
    if (a.sizes[1] !== v.sizes[0]) {
      throw new RuntimeError(`size mismatch, got ${a.sizes[0]}, ${a.sizes[0]}x${a.sizes[1]},${v.sizes[0]}`);
    }
    checkDtypes(a, v, 'mv');
    return vectorProduct('Mv', a, v);
  },
  { out: 'exact' },
);

/** a[m, k] · v[k], with its own place in the graph. */
function vectorProduct(name: string, a: Tensor, v: Tensor): Tensor {
  const out = runtime.noGrad(() => multiply(a, v.unsqueeze(1)).squeeze(1));
  return runtime.record(out, {
    name,
    inputs: [a, v],
    saved: [a, v],
    backward: ([grad], [x, y], needs) => {
      if (grad === null || grad === undefined) return [null, null];
      return [needs[0] ? grad.outer(y) : null, needs[1] ? x.t().mv(grad) : null];
    },
  });
}

/** The inner product of two vectors. https://pytorch.org/docs/stable/generated/torch.dot.html */
export const dot: Product = define(
  'dot(input, tensor|other: Tensor, *, out=None)',
  (a: Tensor, b: Tensor) => {
    if (a.sizes.length !== 1 || b.sizes.length !== 1) {
      throw new RuntimeError(
        `1D tensors expected, but got ${a.sizes.length}D and ${b.sizes.length}D tensors`,
      );
    }
    checkDtypes(a, b, 'dot');
    if (a.sizes[0] !== b.sizes[0]) {
      throw new RuntimeError(
        `inconsistent tensor size, expected tensor [${a.sizes[0]}] and src [${b.sizes[0]}] to have the same number of elements, but got ${a.sizes[0]} and ${b.sizes[0]} elements respectively`,
      );
    }
    const out = runtime.noGrad(() => multiply(a.unsqueeze(0), b.unsqueeze(1)).reshape([]));
    return runtime.record(out, {
      name: 'Dot',
      inputs: [a, b],
      saved: [a, b],
      backward: ([grad], [x, y], needs) => {
        if (grad === null || grad === undefined) return [null, null];
        return [needs[0] ? grad.mul(y) : null, needs[1] ? grad.mul(x) : null];
      },
    });
  },
  { out: (result, out) => `result dtype ${out.scalarName} does not match input dtype ${result.scalarName}` },
);

/** All products of an element of `input` with one of `other`. https://pytorch.org/docs/stable/generated/torch.outer.html */
export const outer: Product = define(
  'outer(input, vec2|other: Tensor, *, out=None)',
  (a: Tensor, b: Tensor) => {
    for (const [x, name] of [
      [a, 'self'],
      [b, 'vec2'],
    ] as const) {
      if (x.sizes.length !== 1) {
        throw new RuntimeError(`outer: Expected 1-D argument ${name}, but got ${x.sizes.length}-D`);
      }
    }
    return a.unsqueeze(1).mul(b);
  },
);

/** Another name for `outer`. */
export const ger: Product = outer;

/**
 * The matrix product, for vectors, matrices and broadcast batches of matrices.
 * https://pytorch.org/docs/stable/generated/torch.matmul.html
 *
 * @example
 * ```ts
 * console.log(torch.ones(2, 3).matmul(torch.ones(3, 4)).shape); // => torch.Size([2, 4])
 * ```
 */
export const matmul: Product = define(
  'matmul(input, other: Tensor, *, out=None)',
  (a: Tensor, b: Tensor) => {
    const ra = a.sizes.length;
    const rb = b.sizes.length;
    if (ra === 0 || rb === 0) {
      throw new RuntimeError(
        `both arguments to matmul need to be at least 1D, but they are ${ra}D and ${rb}D`,
      );
    }
    if (ra === 1 && rb === 1) return a.dot(b);
    if (ra === 2 && rb === 1) return a.mv(b);
    if (ra === 1 && rb === 2) return a.unsqueeze(0).mm(b).squeeze(0);
    if (ra === 2 && rb === 2) return a.mm(b);
    if (ra >= 3 && rb <= 2) {
      // A batch times one matrix is one tall matrix times it.
      const tall = a.reshape([countOf(a.sizes.slice(0, -1)), a.sizes[ra - 1]]);
      const lead = a.sizes.slice(0, -1);
      const flat = rb === 1 ? tall.mv(b).reshape(lead) : tall.mm(b).reshape([...lead, b.sizes[1]]);
      return runtime.showAs('UnsafeView', flat);
    }
    const left = ra === 1 ? a.unsqueeze(0) : a;
    const n = left.sizes.length;
    const batch = broadcastSizes([left.sizes.slice(0, -2), b.sizes.slice(0, -2)]);
    const x = left
      .expand([...batch, ...left.sizes.slice(n - 2)])
      .reshape([countOf(batch), ...left.sizes.slice(n - 2)]);
    const y = b.expand([...batch, ...b.sizes.slice(-2)]).reshape([countOf(batch), ...b.sizes.slice(-2)]);
    const out = runtime.showAs(
      'UnsafeView',
      x.bmm(y).reshape([...batch, left.sizes[n - 2], b.sizes[rb - 1]]),
    );
    return ra === 1 ? out.squeeze(-2) : out;
  },
  { out: 'exact' },
);

type AddProduct = Call<
  [input: Tensor, first: Tensor, second: Tensor],
  {
    mat1?: Tensor;
    mat2?: Tensor;
    mat?: Tensor;
    vec?: Tensor;
    vec1?: Tensor;
    vec2?: Tensor;
    batch1?: Tensor;
    batch2?: Tensor;
    beta?: number | boolean;
    alpha?: number | boolean;
    out?: Tensor;
  },
  Tensor
>;

/** Factors of whole-number products lose their fractions. */
function factorFor(dtype: DType, factor: number): number {
  return dtype.isFloatingPoint ? Number(factor) : Math.trunc(Number(factor));
}

/** beta·input + alpha·product; with beta 0 not even NaN of the input matters. */
function blend(input: Tensor, product: Tensor, givenBeta: number, givenAlpha: number): Tensor {
  if (input.dtype !== product.dtype) {
    throw new RuntimeError('self and mat2 must have the same dtype');
  }
  const beta = factorFor(product.dtype, givenBeta);
  const alpha = factorFor(product.dtype, givenAlpha);
  // Checks that the input broadcasts, with PyTorch's message.
  const base = input.expand(product.sizes);
  const scaled = alpha === 1 ? product : product.mul(alpha);
  if (beta === 0) return scaled;
  return (beta === 1 ? base : base.mul(beta)).add(scaled);
}

/**
 * beta·input + alpha·mat1·mat2, as one node of the graph. https://pytorch.org/docs/stable/generated/torch.addmm.html
 */
export const addmm: AddProduct = define(
  'addmm(input, mat1: Tensor, mat2: Tensor, *, beta=1, alpha=1, out=None)',
  (input: Tensor, a: Tensor, b: Tensor, beta = 1, alpha = 1) => {
    if (a.sizes.length !== 2) throw new RuntimeError(`mat1 must be a matrix, got ${a.sizes.length}-D tensor`);
    if (b.sizes.length !== 2) throw new RuntimeError(`mat2 must be a matrix, got ${b.sizes.length}-D tensor`);
    if (a.sizes[1] !== b.sizes[0]) {
      throw new RuntimeError(
        `mat1 and mat2 shapes cannot be multiplied (${a.sizes.join('x')} and ${b.sizes.join('x')})`,
      );
    }
    checkDtypes(a, b, 'mm');
    const inputSizes = input.sizes;
    const out = runtime.noGrad(() => {
      const whole = !a.dtype.isFloatingPoint || contractDtype(a.dtype) !== a.dtype || input.dtype !== a.dtype;
      if (whole || beta === 0) return blend(input, a.mm(b), beta, alpha);
      // The product is added onto the input: one pass over the result.
      const result = runtime.empty([a.sizes[0], b.sizes[1]], a.dtype, a);
      const start = input.expand(result.sizes);
      if (beta === 1) {
        runtime.contract(result, a, b, { batch: 0, m: 1, n: 1, k: 1, alpha, beta: 0, start });
      } else {
        runtime.copyInto(result, start);
        runtime.contract(result, a, b, { batch: 0, m: 1, n: 1, k: 1, alpha, beta });
      }
      return result;
    });
    return runtime.record(out, {
      name: 'Addmm',
      inputs: [input, a, b],
      saved: [a, b],
      accumulates: true,
      backward: ([grad], [x, y], needs, into) => {
        if (grad === null || grad === undefined) return [null, null, null];
        const scaled = alpha === 1 ? grad : grad.mul(alpha);
        return [
          needs[0] ? (beta === 1 ? grad : grad.mul(beta)).sumToSize(inputSizes) : null,
          needs[1] ? gradientLike(x, 'Mm', scaled, y.t(), into[1]) : null,
          needs[2] ? gradientLike(y, 'Mm', x.t(), scaled, into[2]) : null,
        ];
      },
    });
  },
  { inplace: true, out: 'exact' },
);

/** beta·input + alpha·mat·vec. https://pytorch.org/docs/stable/generated/torch.addmv.html */
export const addmv: AddProduct = define(
  'addmv(input, mat: Tensor, vec: Tensor, *, beta=1, alpha=1, out=None)',
  (input: Tensor, mat: Tensor, vec: Tensor, beta = 1, alpha = 1) => blend(input, mat.mv(vec), beta, alpha),
  { inplace: true, shownAs: 'Addmv', out: 'exact' },
);

/** beta·input + alpha·vec1⊗vec2. https://pytorch.org/docs/stable/generated/torch.addr.html */
export const addr: AddProduct = define(
  'addr(input, vec1: Tensor, vec2: Tensor, *, beta=1, alpha=1, out=None)',
  (input: Tensor, vec1: Tensor, vec2: Tensor, beta: number | boolean = 1, alpha: number | boolean = 1) => {
    const product = vec1.outer(vec2);
    const dtype = promoteTypes(input.dtype, product.dtype);
    for (const [factor, name] of [
      [beta, 'beta'],
      [alpha, 'alpha'],
    ] as const) {
      if (!dtype.isFloatingPoint && !Number.isInteger(Number(factor))) {
        throw new RuntimeError(
          `For integral input tensors, argument ${name} must not be a floating point number.`,
        );
      }
    }
    // Of bools the factors are truth values, and the sum is `or`.
    const times = (t: Tensor, factor: number | boolean): Tensor =>
      dtype === bool ? t.mul(Boolean(factor)) : factor === 1 ? t : t.mul(Number(factor));
    const scaled = times(product, alpha);
    // With beta 0 not even NaN of the input matters.
    if (Number(beta) === 0) return scaled.to(dtype);
    return times(input, beta).expand(product.sizes).add(scaled);
  },
  { inplace: true, shownAs: 'Addr' },
);

/** beta·input + alpha·batch1·batch2. https://pytorch.org/docs/stable/generated/torch.baddbmm.html */
export const baddbmm: AddProduct = define(
  'baddbmm(input, batch1: Tensor, batch2: Tensor, *, beta=1, alpha=1, out=None)',
  (input: Tensor, a: Tensor, b: Tensor, beta = 1, alpha = 1) => blend(input, a.bmm(b), beta, alpha),
  { inplace: true, shownAs: 'Baddbmm', out: 'exact' },
);

/** beta·input + alpha·Σ batch1·batch2. https://pytorch.org/docs/stable/generated/torch.addbmm.html */
export const addbmm: AddProduct = define(
  'addbmm(input, batch1: Tensor, batch2: Tensor, *, beta=1, alpha=1, out=None)',
  (input: Tensor, a: Tensor, b: Tensor, beta = 1, alpha = 1) => blend(input, a.bmm(b).sum(0), beta, alpha),
  { inplace: true, shownAs: 'Addbmm', out: 'exact' },
);

/** Inner products of the last dimensions. https://pytorch.org/docs/stable/generated/torch.inner.html */
export const inner: Product = define('inner(input, other: Tensor, *, out=None)', (a: Tensor, b: Tensor) => {
  if (a.sizes.length === 0 || b.sizes.length === 0) return a.mul(b);
  const k = a.sizes[a.sizes.length - 1];
  if (k !== b.sizes[b.sizes.length - 1]) {
    throw new RuntimeError(
      `inner() the last dimension must match on both input tensors but got shapes ${showSizes(a.sizes)} and ${showSizes(b.sizes)}`,
    );
  }
  if (a.sizes.length === 1 && b.sizes.length === 1) return a.dot(b);
  const flat = b.reshape([countOf(b.sizes.slice(0, -1)), k]).t();
  const left = a.reshape([countOf(a.sizes.slice(0, -1)), k]);
  return left.mm(flat).reshape([...a.sizes.slice(0, -1), ...b.sizes.slice(0, -1)]);
});

/** x·Wᵀ + b on the last dimension. https://pytorch.org/docs/stable/generated/torch.nn.functional.linear.html */
export function linearProduct(input: Tensor, weight: Tensor, bias: Tensor | null): Tensor {
  if (input.sizes.length === 2 && weight.sizes.length === 2) {
    return bias === null ? input.mm(weight.t()) : bias.addmm(input, weight.t());
  }
  const out = weight.sizes.length === 1 ? input.matmul(weight) : input.matmul(weight.t());
  return bias === null ? out : out.add(bias);
}
