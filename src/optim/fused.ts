/** Updates in one pass: an optimizer's arithmetic on parameter, gradient and state as one kernel, without temporaries. */
import type { DType } from '../base/dtype.ts';
import { sameSizes, showSizes } from '../base/shape.ts';
import { RuntimeError } from '../base/errors.ts';
import * as E from '../expr/expr.ts';
import type { Expr } from '../expr/expr.ts';
import { LoopProgram } from '../kernel/program.ts';
import type { Tensor } from '../tensor/tensor.ts';

/** The new values of the first tensors, from the values of all and from scalars. */
export type Arithmetic = (tensors: readonly Expr[], scalars: readonly Expr[]) => readonly Expr[];

const MAX_SCALARS = 16;

export class FusedUpdate {
  private readonly arithmetic: Arithmetic;
  private readonly programs = new Map<string, LoopProgram>();
  /** The program of the last run: most often that of the next one too. */
  private last: LoopProgram | null = null;

  constructor(arithmetic: Arithmetic) {
    this.arithmetic = arithmetic;
  }

  /** Overwrites the first of `tensors`, as many as the arithmetic has results. All have the same sizes. */
  run(tensors: readonly Tensor[], scalars: readonly number[]): void {
    const [first] = tensors;
    for (let i = 1; i < tensors.length; i++) {
      const t = tensors[i];
      if (!sameSizes(t.sizes, first.sizes)) {
        throw new RuntimeError(
          `The size of a gradient or of optimizer state, ${showSizes(t.sizes)}, differs from that of its parameter, ${showSizes(first.sizes)}`,
        );
      }
    }
    const program = this.programFor(tensors);
    const outs = tensors.slice(0, program.outputs.length);
    if (first.numel() > 0) first.storage.device.loop(program, outs, tensors, scalars);
    for (let i = 0; i < outs.length; i++) outs[i].storage.version++;
  }

  private programFor(tensors: readonly Tensor[]): LoopProgram {
    const { last } = this;
    if (last !== null && takes(last, tensors)) return last;
    const dtypes = tensors.map((t) => t.dtype);
    const key = dtypes.map((d) => d.code).join();
    let program = this.programs.get(key);
    if (program === undefined) {
      program = this.build(dtypes);
      this.programs.set(key, program);
    }
    this.last = program;
    return program;
  }

  private build(dtypes: readonly DType[]): LoopProgram {
    const type = dtypes[0].compute;
    const inputs = dtypes.map((_, i) => E.input(i, type));
    const scalars = Array.from({ length: MAX_SCALARS }, (_, i) => E.param(i, type));
    const results = this.arithmetic(inputs, scalars);
    return new LoopProgram(
      results.map((expr, i) => ({ expr, dtype: dtypes[i] })),
      dtypes,
    );
  }
}

/** Are these of the dtypes of the program's operands? */
function takes({ inputs }: LoopProgram, tensors: readonly Tensor[]): boolean {
  for (let i = 0; i < tensors.length; i++) if (tensors[i].dtype !== inputs[i]) return false;
  return true;
}

/** The update for a combination of flags, made when it is first asked for. */
export function updates(build: (...flags: boolean[]) => Arithmetic): (...flags: boolean[]) => FusedUpdate {
  const made: (FusedUpdate | undefined)[] = [];
  return (...flags) => {
    let key = 0;
    for (let i = 0; i < flags.length; i++) key = key * 2 + Number(flags[i]);
    let update = made[key];
    if (update === undefined) {
      update = new FusedUpdate(build(...flags));
      made[key] = update;
    }
    return update;
  };
}

/** The gradient as an update uses it: its negative when maximizing, plus the decay of the weights. */
export function effective(grad: Expr, param: Expr, decay: Expr | null, maximize: boolean): Expr {
  const g = maximize ? E.neg(grad) : grad;
  return decay === null ? g : E.add(g, E.mul(decay, param));
}
