/** Runs row ops: the program for the operands' dtypes, and the tensors that it fills. No gradient is recorded. */
import { type DType, float32, float64 } from '../base/dtype.ts';
import { broadcastSizes, broadcastStrides, reducedSizes, sameSizes } from '../base/shape.ts';
import type { RowProgram } from '../kernel/program.ts';
import type { View } from '../kernel/view.ts';
import { type RowOp, Rows, type RowsOut } from '../ops/rows/family.ts';
import { empty } from './allocate.ts';
import { commonDevice, outputLike } from './pointwise.ts';
import type { Tensor } from './tensor.ts';

/** The dtype that rows of `dtype` are computed in: float64 for itself, else float32. */
export function rowDtype(dtype: DType): DType {
  return dtype === float64 ? float64 : float32;
}

function programFor(op: RowOp, inputs: readonly Tensor[], output: DType): RowProgram {
  let key = inputs.length;
  for (const t of inputs) key = key * 16 + t.dtype.code;
  let program = op.instances.get(key);
  if (program === undefined) {
    const rows = new Rows(output.compute);
    op.build(rows);
    program = rows.program(
      inputs.map((t) => t.dtype),
      output,
    );
    op.instances.set(key, program);
  }
  return program;
}

function seenAs(t: Tensor, sizes: readonly number[]): View {
  if (sameSizes(t.sizes, sizes)) return t;
  const { storage, dtype, offset } = t;
  return { storage, dtype, sizes, strides: broadcastStrides(t.sizes, t.strides, sizes), offset };
}

/** Runs a row op on operands that are broadcast to each other, along the dimensions where `mask` is true. */
export function rows(
  op: RowOp,
  inputs: readonly Tensor[],
  mask: readonly boolean[],
  params: readonly number[],
): RowsOut {
  const [first] = inputs;
  const sizes = inputs.some((t) => !sameSizes(t.sizes, first.sizes))
    ? broadcastSizes(inputs.map((t) => t.sizes))
    : first.sizes;
  commonDevice(inputs);
  const { device } = first.storage;
  const dtype = rowDtype(first.dtype);
  const program = programFor(op, inputs, dtype);
  const outputs = program.outputs.map(() => outputLike(first, sizes, dtype));
  const perRow = reducedSizes(sizes, mask, true);
  const results = program.results.map(() => empty(perRow, dtype, device));
  const views = [...outputs, ...results.map((t) => seenAs(t, sizes))];
  device.rows(
    program,
    views,
    inputs.map((t) => seenAs(t, sizes)),
    mask,
    params,
  );
  return { outputs, results };
}
