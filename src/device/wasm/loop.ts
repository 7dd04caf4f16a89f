/** Loop kernels: compiles a loop program for the ways its operands move along the innermost dimension. */
import { type Expr, postorder } from '../../expr/expr.ts';
import type { LoopProgram } from '../../kernel/program.ts';
import { type FunctionBuilder, type LaneMemoryOp, type Local, ModuleBuilder } from './assembler.ts';
import type { ConstantPool } from './constants.ts';
import { emitOdometer, planDescriptor } from './descriptor.ts';
import { emitExpressions, KernelModule, mayTrap } from './emit.ts';
import { type Access, LANES, type Lanes, type Vec } from './lanes.ts';

/** What the memory of all modules is. */
export interface MemoryShape {
  readonly maximum: number | null;
  readonly shared: boolean;
}

/** Loads the kernel's scalars into registers. */
export function loadParams(
  f: FunctionBuilder,
  lanes: Lanes,
  roots: readonly Expr[],
  descriptor: Local,
): Map<Expr, Vec> {
  const params = new Map<Expr, Vec>();
  for (const e of postorder(roots)) {
    if (e.op !== 'param') continue;
    const value = lanes.splat('f64', () => f.get(descriptor).memory('f64.load', Number(e.value) * 8));
    params.set(e, lanes.convert(value, 'f64', e.type));
  }
  return params;
}

/**
 * The kernel `run(descriptor)` for a program whose operands (outputs, then inputs) have these accesses. `scalars` is how many
 * scalars its descriptors hold.
 */
export function buildLoop(
  program: LoopProgram,
  accesses: readonly Access[],
  scalars: number,
  memory: MemoryShape,
  pool: ConstantPool,
): ModuleBuilder {
  const roots = program.outputs.map((o) => o.expr);
  const kernel = new KernelModule(new ModuleBuilder(memory), pool, roots);
  const f = kernel.module.function('run', ['i32']);
  const lanes = kernel.lanes(f);
  const outs = program.outputs.length;
  const operands = outs + program.inputs.length;
  const dtypes = [...program.outputs.map((o) => o.dtype), ...program.inputs];
  const plan = planDescriptor(scalars, operands);
  const descriptor = 0;

  const int = (offset: number): Local => {
    const local = f.local('i32');
    f.get(descriptor).memory('i32.load', offset).set(local);
    return local;
  };
  const inner = int(plan.inner);
  const outerRank = int(plan.outerRank);
  const starts = dtypes.map((_, k) => int(plan.pointer(k)));
  const strides = dtypes.map((_, k) => (accesses[k] === 'strided' ? int(plan.stride(k)) : null));
  const rows = f.local('i32');
  f.get(descriptor).i32(plan.rows).op('i32.add').set(rows);
  const params = loadParams(f, lanes, roots, descriptor);
  const pointers = dtypes.map(() => f.local('i32'));
  const left = f.local('i32');
  const unsafe = mayTrap(roots);
  kernel.module.mayTrap = unsafe;

  /** The values of the inputs that do not move along the inner dimension: loaded once per row. */
  let fixed = new Map<number, Vec>();

  const body = (tail: boolean): void => {
    const loaded = new Map<Expr, Vec>();
    const leaf = (e: Expr): Vec => {
      if (e.op === 'param') return params.get(e) as Vec;
      const known = loaded.get(e);
      if (known !== undefined) return known;
      const k = outs + Number(e.value);
      const own = dtypes[k].compute;
      // Past the end of the data there may be zeros, by which integers cannot be divided.
      const access = tail && unsafe ? 'scalar' : accesses[k];
      const raw = fixed.get(k) ?? lanes.load(dtypes[k], access, pointers[k], strides[k]);
      const value = lanes.convert(raw, own, e.type);
      loaded.set(e, value);
      return value;
    };
    const results = emitExpressions(kernel, lanes, roots, leaf);
    results.forEach((value, k) => {
      const { dtype } = program.outputs[k];
      const own = lanes.convert(value, roots[k].type, dtype.compute);
      if (program.accumulate) accumulate(k, own, tail);
      else if (!tail) lanes.store(own, dtype, accesses[k], pointers[k], strides[k]);
      else {
        const raw = lanes.toStorage(own, dtype);
        eachLeft((lane) => lanes.storeLane(raw, dtype, lane, pointers[k], strides[k]));
      }
    });
  };

  /** Runs `emit` for the lanes that exist in the last group of a row. */
  const eachLeft = (emit: (lane: number) => void): void => {
    emit(0);
    if (unsafe) return;
    for (let lane = 1; lane < LANES - 1; lane++) {
      f.get(left).i32(lane).op('i32.gt_s');
      f.if(() => emit(lane));
    }
  };

  /** Adds to what is there. Elements of an output may lie on each other, so each is finished before the next one. */
  const accumulate = (k: number, value: Vec, tail: boolean): void => {
    const { dtype } = program.outputs[k];
    const add = (lane: number): void => {
      const at = f.local('i32');
      f.get(pointers[k]);
      if (strides[k] !== null) lanes.pushStrideTimes(strides[k] as Local, lane);
      else if (accesses[k] === 'contiguous') f.i32(lane * dtype.itemSize).op('i32.add');
      f.set(at);
      const old = lanes.load(dtype, 'scalar', at, null);
      // The lane in question decides; the others are computed and dropped.
      const sum = lanes.apply(dtype.compute, addOps[dtype.compute], old, value);
      const raw = lanes.toStorage(sum, dtype);
      const wide = dtype.itemSize === 8;
      f.get(at).get(raw[wide ? lane >> 1 : 0]);
      f.laneMemory(storeOps[dtype.itemSize], wide ? lane & 1 : lane);
    };
    if (accesses[k] === 'contiguous' && !tail) {
      const old = lanes.load(dtype, 'contiguous', pointers[k], null);
      lanes.store(
        lanes.apply(dtype.compute, addOps[dtype.compute], old, value),
        dtype,
        'contiguous',
        pointers[k],
        null,
      );
    } else if (tail) eachLeft(add);
    else for (let lane = 0; lane < LANES; lane++) add(lane);
  };

  const advance = (k: number, lanesCount: number): void => {
    if (accesses[k] === 'scalar') return;
    f.get(pointers[k]);
    if (accesses[k] === 'contiguous') f.i32(dtypes[k].itemSize * lanesCount);
    else if (accesses[k] === 'reversed') f.i32(-dtypes[k].itemSize * lanesCount);
    else {
      f.get(strides[k] as Local);
      if (lanesCount !== 1) f.i32(lanesCount).op('i32.mul');
    }
    f.op('i32.add').set(pointers[k]);
  };

  lanes.holdConstants(() => {
    f.loop(() => {
      starts.forEach((start, k) => {
        f.get(start).set(pointers[k]);
      });
      fixed = new Map();
      for (let k = outs; k < operands; k++) {
        if (accesses[k] === 'scalar') fixed.set(k, lanes.load(dtypes[k], 'scalar', pointers[k], null));
      }
      f.get(inner).set(left);
      f.block(() => {
        f.loop(() => {
          f.get(left).i32(LANES).op('i32.lt_s').brIf(1);
          body(false);
          for (let k = 0; k < operands; k++) advance(k, LANES);
          f.get(left).i32(LANES).op('i32.sub').set(left).br(0);
        });
      });
      f.block(() => {
        f.loop(() => {
          f.get(left).i32(0).op('i32.le_s').brIf(1);
          body(true);
          if (!unsafe) f.br(1);
          else {
            for (let k = 0; k < operands; k++) advance(k, 1);
            f.get(left).i32(1).op('i32.sub').set(left).br(0);
          }
        });
      });
      emitOdometer(
        f,
        rows,
        outerRank,
        plan.rowSize,
        starts.map((local, operand) => ({ local, operand })),
        0,
      );
    });
  });
  return kernel.module;
}

const addOps = {
  f32: 'f32x4.add',
  f64: 'f64x2.add',
  i32: 'i32x4.add',
  i64: 'i64x2.add',
  bool: 'v128.or',
} as const;

const storeOps: Readonly<Record<number, LaneMemoryOp>> = {
  1: 'v128.store8_lane',
  2: 'v128.store16_lane',
  4: 'v128.store32_lane',
  8: 'v128.store64_lane',
};
