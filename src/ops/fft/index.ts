/**
 * `torch.fft`: what of it deals with real tensors, the order of spectra and their frequencies. The transforms need complex dtypes, which there are not.
 * https://pytorch.org/docs/stable/fft.html
 */
import { type DType, float64, getDefaultDtype } from '../../base/dtype.ts';
import type { Tensor } from '../../tensor/tensor.ts';
import { type Call, type CreationOptions, define, type Dims, type FreeCall } from '../define.ts';
import { runtime } from '../runtime.ts';

type ShiftCall = Call<[input: Tensor, dim?: Dims], { dim?: Dims }, Tensor> & {
  readonly functionOnly: true;
};

function shifting(name: string, shift: (size: number) => number): ShiftCall {
  return define(
    `fft_${name}(input, dim=None)`,
    (input: Tensor, dim: Dims = null) => {
      const dims = dim === null ? input.sizes.map((_, d) => d) : ([dim].flat() as number[]);
      const by = dims.map((d) => shift(input.sizes.at(d) as number));
      return input.roll(by, dims);
    },
    { functionOnly: true },
  );
}

/** The zero frequency moved to the middle. https://pytorch.org/docs/stable/generated/torch.fft.fftshift.html */
export const fftshift: ShiftCall = shifting('fftshift', (n) => Math.floor(n / 2));
/** The inverse of `fftshift`. https://pytorch.org/docs/stable/generated/torch.fft.ifftshift.html */
export const ifftshift: ShiftCall = shifting('ifftshift', (n) => Math.floor((n + 1) / 2));

type FrequencyCall = FreeCall<
  [n: number, d?: number],
  CreationOptions & { n?: number; d?: number; layout?: unknown },
  Tensor
>;

function frequencies(name: string, of: (n: number) => number[]): FrequencyCall {
  return define(
    `fft_${name}(n, d=1, *, dtype=None, layout=None, device=None, requiresGrad=False)`,
    (
      n: number,
      d = 1,
      dtype: DType | null = null,
      _layout: unknown = null,
      device: unknown = null,
      requiresGrad = false,
    ) => {
      const values = Float64Array.from(of(n), (k) => k / (n * d));
      const made = runtime.fromArray(values, [values.length], float64).to(dtype ?? getDefaultDtype());
      const placed = device === null ? made : runtime.toDevice(made, device);
      return requiresGrad ? placed.requiresGrad_() : placed;
    },
    { functionOnly: true },
  );
}

/** The frequencies of a transform of n samples d apart: 0, 1, …, −2, −1 over n·d. https://pytorch.org/docs/stable/generated/torch.fft.fftfreq.html */
export const fftfreq: FrequencyCall = frequencies('fftfreq', (n) =>
  Array.from({ length: n }, (_, k) => (k < Math.ceil(n / 2) ? k : k - n)),
);
/** The frequencies of a transform of n real samples: 0, 1, …, n/2 over n·d. https://pytorch.org/docs/stable/generated/torch.fft.rfftfreq.html */
export const rfftfreq: FrequencyCall = frequencies('rfftfreq', (n) =>
  Array.from({ length: Math.floor(n / 2) + 1 }, (_, k) => k),
);
