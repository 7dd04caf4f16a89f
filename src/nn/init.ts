/** Initialisation of parameters. https://pytorch.org/docs/stable/nn.init.html */
import { noGrad } from '../autograd/mode.ts';
import { ValueError } from '../base/errors.ts';
import { product } from '../base/shape.ts';
import type { Generator } from '../tensor/random.ts';
import { randperm } from '../tensor/random.ts';
import { eye } from '../tensor/create.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { erf } from '../expr/special.ts';
import { linalg } from '../ops/linalg/index.ts';

export type Nonlinearity =
  | 'linear'
  | 'conv1d'
  | 'conv2d'
  | 'conv3d'
  | 'conv_transpose1d'
  | 'conv_transpose2d'
  | 'conv_transpose3d'
  | 'sigmoid'
  | 'tanh'
  | 'relu'
  | 'leaky_relu'
  | 'selu';

/** The recommended gain of a nonlinearity. https://pytorch.org/docs/stable/nn.init.html#torch.nn.init.calculate_gain */
export function calculateGain(nonlinearity: Nonlinearity, param: number | null = null): number {
  switch (nonlinearity) {
    case 'tanh':
      return 5 / 3;
    case 'relu':
      return Math.sqrt(2);
    case 'leaky_relu':
      return Math.sqrt(2 / (1 + (param ?? 0.01) ** 2));
    case 'selu':
      return 3 / 4;
    case 'linear':
    case 'conv1d':
    case 'conv2d':
    case 'conv3d':
    case 'conv_transpose1d':
    case 'conv_transpose2d':
    case 'conv_transpose3d':
    case 'sigmoid':
      return 1;
    default:
      throw new ValueError(`Unsupported nonlinearity ${String(nonlinearity satisfies never)}`);
  }
}

function fans(tensor: Tensor): [fanIn: number, fanOut: number] {
  if (tensor.sizes.length < 2) {
    throw new ValueError('Fan in and fan out can not be computed for tensor with fewer than 2 dimensions');
  }
  const field = product(tensor.sizes.slice(2));
  return [tensor.sizes[1] * field, tensor.sizes[0] * field];
}

/** The number of inputs of a unit: how wide uniform initialisation of a bias is. */
export function fanIn(tensor: Tensor): number {
  return fans(tensor)[0];
}

/** Named arguments are gathered from a trailing options object by every function here. */
function options<T extends object>(names: readonly (keyof T)[], given: readonly unknown[]): T {
  const last = given[given.length - 1];
  const named =
    typeof last === 'object' && last !== null && Object.getPrototypeOf(last) === Object.prototype
      ? (last as T)
      : null;
  const positional = named === null ? given : given.slice(0, -1);
  const out = { ...(named ?? {}) } as T;
  positional.forEach((v, i) => {
    if (v !== undefined) out[names[i]] = v as T[keyof T];
  });
  return out;
}

interface Uniform {
  a?: number;
  b?: number;
  generator?: Generator | null;
}

/** Fills with U(a, b). */
export function uniform_(tensor: Tensor, ...args: [a?: number | Uniform, b?: number]): Tensor {
  const { a = 0, b = 1 } = options<Uniform>(['a', 'b'], args);
  return noGrad(() => tensor.uniform_(a, b));
}

interface Normal {
  mean?: number;
  std?: number;
}

/** Fills with N(mean, std²). */
export function normal_(tensor: Tensor, ...args: [mean?: number | Normal, std?: number]): Tensor {
  const { mean = 0, std = 1 } = options<Normal>(['mean', 'std'], args);
  return noGrad(() => tensor.normal_(mean, std));
}

interface Truncated extends Normal {
  a?: number;
  b?: number;
}

/** The standard normal distribution function. */
function phi(x: number): number {
  return (1 + erf(x / Math.SQRT2)) / 2;
}

/** Fills with N(mean, std²) cut off outside [a, b], by inversion of a uniform. */
export function truncNormal_(
  tensor: Tensor,
  ...args: [mean?: number | Truncated, std?: number, a?: number, b?: number]
): Tensor {
  const { mean = 0, std = 1, a = -2, b = 2 } = options<Truncated>(['mean', 'std', 'a', 'b'], args);
  return noGrad(() => {
    const low = phi((a - mean) / std);
    const high = phi((b - mean) / std);
    return tensor
      .uniform_(2 * low - 1, 2 * high - 1)
      .erfinv_()
      .mul_(std * Math.SQRT2)
      .add_(mean)
      .clamp_({ min: a, max: b });
  });
}

/** Fills with a value. */
export function constant_(tensor: Tensor, val: number | { val: number }): Tensor {
  return noGrad(() => tensor.fill_(typeof val === 'number' ? val : val.val));
}

/** Fills with 1. */
export function ones_(tensor: Tensor): Tensor {
  return constant_(tensor, 1);
}

/** Fills with 0. */
export function zeros_(tensor: Tensor): Tensor {
  return constant_(tensor, 0);
}

/** Fills a matrix with the identity. */
export function eye_(tensor: Tensor): Tensor {
  if (tensor.sizes.length !== 2) throw new ValueError('Only tensors with 2 dimensions are supported');
  return noGrad(() => tensor.copy_(eye(tensor.sizes[0], tensor.sizes[1])));
}

/** Fills a convolution's weight so that as many inputs as possible pass unchanged. */
export function dirac_(tensor: Tensor, groups: number | { groups?: number } = 1): Tensor {
  const count = typeof groups === 'number' ? groups : (groups.groups ?? 1);
  const rank = tensor.sizes.length;
  if (rank < 3 || rank > 5) throw new ValueError('Only tensors with 3, 4, or 5 dimensions are supported');
  if (tensor.sizes[0] % count !== 0) throw new ValueError('dim 0 must be divisible by groups');
  const perGroup = tensor.sizes[0] / count;
  const centre = tensor.sizes.slice(2).map((s) => Math.floor(s / 2));
  return noGrad(() => {
    tensor.zero_();
    for (let g = 0; g < count; g++) {
      for (let d = 0; d < Math.min(perGroup, tensor.sizes[1]); d++) {
        tensor.indexPut_([g * perGroup + d, d, ...centre], 1);
      }
    }
    return tensor;
  });
}

interface Gain {
  gain?: number;
}

/** U(−a, a) with a = gain·√(6/(fanIn + fanOut)). Glorot and Bengio 2010. */
export function xavierUniform_(tensor: Tensor, ...args: [gain?: number | Gain]): Tensor {
  const { gain = 1 } = options<Gain>(['gain'], args);
  const [i, o] = fans(tensor);
  const std = gain * Math.sqrt(2 / (i + o));
  const a = Math.sqrt(3) * std;
  return noGrad(() => tensor.uniform_(-a, a));
}

/** N(0, std²) with std = gain·√(2/(fanIn + fanOut)). Glorot and Bengio 2010. */
export function xavierNormal_(tensor: Tensor, ...args: [gain?: number | Gain]): Tensor {
  const { gain = 1 } = options<Gain>(['gain'], args);
  const [i, o] = fans(tensor);
  return noGrad(() => tensor.normal_(0, gain * Math.sqrt(2 / (i + o))));
}

interface Kaiming {
  a?: number;
  mode?: 'fan_in' | 'fan_out';
  nonlinearity?: Nonlinearity;
}

function kaimingStd(
  tensor: Tensor,
  { a = 0, mode = 'fan_in', nonlinearity = 'leaky_relu' }: Kaiming,
): number {
  if (mode !== 'fan_in' && mode !== 'fan_out') {
    throw new ValueError(`Mode ${String(mode)} not supported, please use one of ['fan_in', 'fan_out']`);
  }
  const [i, o] = fans(tensor);
  return calculateGain(nonlinearity, a) / Math.sqrt(mode === 'fan_in' ? i : o);
}

/** U(−√3·std, √3·std) with std = gain/√fan. He et al. 2015. */
export function kaimingUniform_(
  tensor: Tensor,
  ...args: [a?: number | Kaiming, mode?: 'fan_in' | 'fan_out' | Kaiming, nonlinearity?: Nonlinearity]
): Tensor {
  const given = options<Kaiming>(['a', 'mode', 'nonlinearity'], args);
  if (tensor.sizes.includes(0)) return tensor;
  const bound = Math.sqrt(3) * kaimingStd(tensor, given);
  return noGrad(() => tensor.uniform_(-bound, bound));
}

/** N(0, std²) with std = gain/√fan. He et al. 2015. */
export function kaimingNormal_(
  tensor: Tensor,
  ...args: [a?: number | Kaiming, mode?: 'fan_in' | 'fan_out' | Kaiming, nonlinearity?: Nonlinearity]
): Tensor {
  const given = options<Kaiming>(['a', 'mode', 'nonlinearity'], args);
  if (tensor.sizes.includes(0)) return tensor;
  const std = kaimingStd(tensor, given);
  return noGrad(() => tensor.normal_(0, std));
}

/** A (semi-)orthogonal matrix: Q of a Gaussian matrix, signs fixed by R. Saxe et al. 2013. */
export function orthogonal_(tensor: Tensor, ...args: [gain?: number | Gain]): Tensor {
  const { gain = 1 } = options<Gain>(['gain'], args);
  if (tensor.sizes.length < 2) throw new ValueError('Only tensors with 2 or more dimensions are supported');
  if (tensor.numel() === 0) return tensor;
  return noGrad(() => {
    const rows = tensor.sizes[0];
    const columns = tensor.numel() / rows;
    const flat = tensor.newEmpty([rows, columns]).normal_(0, 1);
    const [q, r] = linalg.qr(rows < columns ? flat.t() : flat);
    const signed = q.mul(r.diagonal().sign());
    return tensor.copy_((rows < columns ? signed.t() : signed).reshape(tensor.sizes)).mul_(gain);
  });
}

interface Sparse {
  sparsity?: number;
  std?: number;
}

/** N(0, std²) with a fraction of every column set to zero. Martens 2010. */
export function sparse_(tensor: Tensor, ...args: [sparsity: number | Sparse, std?: number]): Tensor {
  const { sparsity = 0, std = 0.01 } = options<Sparse>(['sparsity', 'std'], args);
  if (tensor.sizes.length !== 2) throw new ValueError('Only tensors with 2 dimensions are supported');
  const [rows, columns] = tensor.sizes;
  const zeros = Math.ceil(sparsity * rows);
  return noGrad(() => {
    tensor.normal_(0, std);
    for (let c = 0; c < columns; c++) {
      const order = randperm(rows);
      tensor.indexPut_([order.narrow(0, 0, zeros), c], 0);
    }
    return tensor;
  });
}
