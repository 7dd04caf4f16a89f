/** Clipping of gradients. https://pytorch.org/docs/stable/generated/torch.nn.utils.clip_grad_norm_.html */
import { noGrad } from '../../autograd/mode.ts';
import { bind, parseSignature } from '../../base/arguments.ts';
import { RuntimeError } from '../../base/errors.ts';
import { showFloat } from '../../base/numbers.ts';
import { stack } from '../../ops/index.ts';
import { zeros } from '../../tensor/create.ts';
import { tidy } from '../../tensor/scopes.ts';
import { Tensor } from '../../tensor/tensor.ts';

type Parameters = Tensor | Iterable<Tensor>;

function gradients(parameters: Parameters): Tensor[] {
  const list = parameters instanceof Tensor ? [parameters] : [...parameters];
  return list.flatMap((p) => (p.grad === null ? [] : [p.grad.detach()]));
}

/** Options of `clipGradNorm_`. */
export interface ClipGradNormOptions {
  maxNorm?: number;
  normType?: number;
  /** Throw a RuntimeError where the norm is not finite. */
  errorIfNonfinite?: boolean;
}

const normSignature = parseSignature(
  'clip_grad_norm_(parameters, maxNorm, normType=2, errorIfNonfinite=False)',
);

/**
 * Scales the gradients of all parameters together, in place, so that their norm is at most `maxNorm`. Returns the norm before, a tensor without
 * dimensions. `normType` may be Infinity.
 *
 * @example
 * ```ts
 * const w = torch.ones(4, { requiresGrad: true });
 * w.mul(3).sum().backward();
 * console.log(torch.nn.utils.clipGradNorm_([w], 1).item(), w.grad); // => 6 tensor([0.5000, 0.5000, 0.5000, 0.5000])
 * ```
 */
export function clipGradNorm_(
  parameters: Parameters,
  ...rest: [
    maxNorm: number | ClipGradNormOptions,
    normType?: number | ClipGradNormOptions,
    errorIfNonfinite?: boolean | ClipGradNormOptions,
  ]
): Tensor {
  const [, maxNorm, normType = 2, errorIfNonfinite = false] = bind(normSignature, [parameters, ...rest]) as [
    unknown,
    number,
    number?,
    boolean?,
  ];
  const grads = gradients(parameters);
  if (grads.length === 0) return zeros([]);
  return noGrad(() =>
    tidy(() => {
      const total =
        normType === Number.POSITIVE_INFINITY
          ? stack(grads.map((g) => g.abs().max())).max()
          : stack(grads.map((g) => g.norm(normType))).norm(normType);
      const norm = total.item();
      if (errorIfNonfinite && !Number.isFinite(norm)) {
        throw new RuntimeError(
          `The total norm of order ${showFloat(normType)} for gradients from \`parameters\` is non-finite, so it cannot be clipped. To disable this error and scale the gradients by the non-finite norm anyway, set \`error_if_nonfinite=False\``,
        );
      }
      // As a tensor, so that the factor is rounded as PyTorch's is.
      const factor = total.add(1e-6).reciprocal().mul(maxNorm).clamp({ max: 1 });
      for (const g of grads) g.mul_(factor);
      return total;
    }),
  );
}

const valueSignature = parseSignature('clip_grad_value_(parameters, clipValue)');

/** Clamps every element of the gradients, in place, to [−clipValue, clipValue]. https://pytorch.org/docs/stable/generated/torch.nn.utils.clip_grad_value_.html */
export function clipGradValue_(parameters: Parameters, clipValue: number | { clipValue: number }): void {
  const [, limit] = bind(valueSignature, [parameters, clipValue]) as [unknown, number];
  noGrad(() => {
    for (const g of gradients(parameters)) g.clamp_({ min: -limit, max: limit });
  });
}
