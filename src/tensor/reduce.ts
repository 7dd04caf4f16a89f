/** Runs reductions: the program for a pair of dtypes, the reduced shape, the gradient. */
import type { ComputeType, DType } from '../base/dtype.ts';
import { reducedSizes } from '../base/shape.ts';
import * as E from '../expr/expr.ts';
import { type Combine, ReduceProgram } from '../kernel/program.ts';
import type { View } from '../kernel/view.ts';
import type { ReductionOp } from '../ops/reduction/family.ts';
import { empty } from './allocate.ts';
import { needsGrad, record } from './record.ts';
import type { Tensor } from './tensor.ts';

/** The type in which a reduction of `input` to `output` accumulates. */
function accumulateType(combine: Combine, input: DType, output: DType): ComputeType {
  switch (combine) {
    case 'and':
    case 'or':
      return 'bool';
    case 'max':
    case 'min':
    case 'argmax':
    case 'argmin':
      return input.compute === 'bool' ? 'i32' : input.compute;
    case 'sum':
    case 'prod':
      return output.compute === 'bool' ? 'i32' : output.compute;
    default:
      return combine satisfies never;
  }
}

function programFor(op: ReductionOp, input: DType, output: DType, attributeCount: number): ReduceProgram {
  const key = input.code * 16 + output.code;
  let program = op.instances.get(key) as ReduceProgram | undefined;
  if (program === undefined) {
    const { combine, map, finish } = op.spec;
    const type = accumulateType(combine, input, output);
    const attributes = Array.from({ length: attributeCount }, (_, i) => E.param(i, type));
    const loaded = E.input(0, type);
    const mapped = map === undefined ? loaded : map(loaded, attributes);
    const total = finish === undefined ? null : finish(E.input(0, mapped.type), attributes);
    program = new ReduceProgram(combine, mapped, [input], output, total);
    op.instances.set(key, program);
  }
  return program;
}

/** The result with reduced dimensions of size 1, seen without them. */
function dropReduced(out: Tensor, mask: readonly boolean[], sizes: readonly number[]): Tensor {
  out.rebind(
    out.storage,
    sizes,
    out.strides.filter((_, i) => !mask[i]),
    out.offset,
  );
  return out;
}

/** Reduces the dimensions where `mask` is true. */
export function reduce(
  op: ReductionOp,
  input: Tensor,
  mask: readonly boolean[],
  keepdim: boolean,
  dtype: DType,
  attributes: readonly number[] = [],
  name: string = op.spec.gradName,
): Tensor {
  const full = reducedSizes(input.sizes, mask, true);
  const out = empty(full, dtype, input.storage.device);
  if (out.numel() > 0) {
    const program = programFor(op, input.dtype, dtype, attributes.length);
    const view: View = out;
    input.storage.device.reduce(program, view, [input], mask, attributes);
  }
  const result = keepdim ? out : dropReduced(out, mask, reducedSizes(input.sizes, mask, false));
  const { backward, saves = [] } = op.spec;
  if (backward === undefined || !dtype.isFloatingPoint || !needsGrad([input])) return result;
  const { sizes, dtype: inputDtype } = input;
  const saved: Tensor[] = [];
  const inputAt = saves.includes('input') ? saved.push(input) - 1 : -1;
  const outputAt = saves.includes('output') ? saved.push(result) - 1 : -1;
  return record(result, {
    name,
    inputs: [input],
    saved,
    backward: (grads, tensors) => {
      const grad = grads[0];
      if (grad === null || grad === undefined) return [null];
      const g = keepdim ? grad : grad.reshape(full);
      const o = outputAt < 0 ? null : tensors[outputAt];
      const context = {
        sizes,
        mask,
        input: tensors[inputAt] as Tensor,
        output: (o === null || keepdim ? o : o.reshape(full)) as Tensor,
        attributes,
        inputDtype,
      };
      const result = backward(g, context);
      return [result.dtype === inputDtype ? result : result.to(inputDtype)];
    },
  });
}
