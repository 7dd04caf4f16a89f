/** Samples of images read at given or random places, runs of elements, spectra. */
import { each, op, s, type Table } from '../cases.ts';
import { exactly, integers, x } from '../operands.ts';

/** Points inside and outside of the image, none on a pixel. */
const grid = (sizes: readonly number[]) => x(sizes, { low: -1.37, high: 1.41 });
const levels = (count: number, sizes: readonly number[]) =>
  exactly(
    Array.from({ length: count }, (_, i) => (0.31 + i * 0.382) % 1),
    sizes,
  ).constant();

export const table: Table = {
  'nn.functional.affineGrid': op(
    s(x([2, 2, 3]), [2, 1, 3, 2]),
    s(x([1, 3, 4]), [1, 1, 2, 3, 2], { alignCorners: true }),
  ),
  'nn.functional.gridSample': op(
    s(x([1, 2, 3, 4]), grid([1, 2, 3, 2])),
    s(x([1, 1, 3, 4]), grid([1, 2, 3, 2]), 'bilinear', 'reflection', true),
    s(x([1, 1, 4, 4]), grid([1, 2, 2, 2]), 'bicubic', 'border'),
    s(x([1, 1, 4, 4]), grid([1, 2, 2, 2]).level(), 'nearest'),
    s(x([1, 1, 2, 3, 3]), grid([1, 1, 2, 2, 3])),
  ).looser(8, 'a product of three or four factors, and cubic weights of large terms'),
  'nn.functional.fractionalMaxPool2d': op(
    s(x([1, 2, 5, 6]), 2, 3, { _randomSamples: levels(4, [1, 2, 2]) }),
    s(x([2, 6, 6]), [2, 3], null, 0.5, true, { _randomSamples: levels(4, [1, 2, 2]) }),
  ),
  'nn.functional.fractionalMaxPool3d': op(
    s(x([1, 1, 4, 5, 4]), 2, 2, { _randomSamples: levels(3, [1, 1, 3]) }),
  ),
  'nn.functional.gumbelSoftmax': op(s(x([2, 3])), s(x([2, 3]), 0.5, false, { dim: 0 })).random(),

  segmentReduce: op(
    ...(['sum', 'mean', 'max', 'min', 'prod'] as const).flatMap((how) => [
      s(x([6]), how, { lengths: integers([2, 1, 3]) }),
      s(x([2, 4, 2]), how, { axis: 1, initial: 1.5, offsets: integers([0, 1, 4, 0, 3, 4], [2, 3]) }),
    ]),
  ),
  ...each(['fft.fftshift', 'fft.ifftshift'], () => op(s(x([5])), s(x([3, 4])), s(x([3, 4]), 1))),
  'fft.fftfreq': op(s(5), s(4, 0.5)).discrete(),
  'fft.rfftfreq': op(s(5), s(4, 0.5)).discrete(),
};
