/** Which elements are among others, and which are not zero. */
import { bool, float32, promoteTypes } from '../../base/dtype.ts';
import { ArgumentTypeError, RuntimeError } from '../../base/errors.ts';
import type { Tensor } from '../../tensor/tensor.ts';
import { type Call, define, type FreeCall, type Scalar } from '../define.ts';
import { nonzeroPositions } from '../indexing/advanced.ts';
import { runtime } from '../runtime.ts';

/** Elements as host values that a Set compares as `==` does; NaN, which equals nothing, is left out. */
function distinct(t: Tensor): Set<number | bigint> {
  const values = new Set<number | bigint>();
  for (const v of runtime.toArray(t)) if (!Number.isNaN(v)) values.add(v);
  return values;
}

/** True where an element of `elements` is among `testElements`. https://pytorch.org/docs/stable/generated/torch.isin.html */
export const isin: FreeCall<
  [elements: Tensor | Scalar, testElements: Tensor | Scalar],
  { assumeUnique?: boolean; invert?: boolean; out?: Tensor },
  Tensor
> = define(
  'isin(elements, testElements, *, assumeUnique=False, invert=False, out=None)',
  (elements: Tensor | Scalar, testElements: Tensor | Scalar, _assumeUnique = false, invert = false) => {
    const model = runtime.isTensor(elements) ? elements : testElements;
    if (!runtime.isTensor(model)) {
      throw new ArgumentTypeError(
        'isin() received an invalid combination of arguments: one must be a Tensor',
      );
    }
    const tensor = (x: Tensor | Scalar): Tensor =>
      runtime.isTensor(x) ? x : runtime.full([], x, model.dtype, model);
    const [all, tests] = [tensor(elements), tensor(testElements)];
    const dtype = promoteTypes(all.dtype, tests.dtype);
    if (dtype === bool) throw new RuntimeError('Unsupported input type encountered for isin(): Bool');
    // 16-bit floats are compared as float32: their bits tell -0 from 0.
    const wide = dtype.isFloatingPoint && dtype.itemSize === 2 ? float32 : dtype;
    const known = distinct(tests.to(wide));
    const values = runtime.toArray(all.to(wide));
    const out = new Uint8Array(values.length);
    for (let i = 0; i < values.length; i++) out[i] = known.has(values[i]) !== invert ? 1 : 0;
    return runtime.fromArray(out, all.sizes, bool, all);
  },
  { functionOnly: true },
);

/** The positions of elements that are not zero, one in each row. https://pytorch.org/docs/stable/generated/torch.argwhere.html */
export const argwhere: Call<[input: Tensor], object, Tensor> = define('argwhere(input)', (input: Tensor) =>
  nonzeroPositions(input),
);
