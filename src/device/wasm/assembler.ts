/**
 * A WebAssembly assembler: modules and functions built by method calls, encoded to bytes.
 * Format: https://webassembly.github.io/spec/core/binary/index.html
 */
import {
  laneMemoryOps,
  type LaneMemoryOp,
  laneOps,
  type LaneOp,
  memoryOps,
  type MemoryOp,
  opcodes,
  type PlainOp,
} from './opcodes.ts';

export type { LaneMemoryOp, LaneOp, MemoryOp, PlainOp } from './opcodes.ts';

export type WasmType = 'i32' | 'i64' | 'f32' | 'f64' | 'v128';

const typeCodes: Readonly<Record<WasmType, number>> = {
  i32: 0x7f,
  i64: 0x7e,
  f32: 0x7d,
  f64: 0x7c,
  v128: 0x7b,
};

function unsignedLeb(value: number, out: number[]): void {
  if (value < 128) {
    out.push(value);
    return;
  }
  let rest = value;
  do {
    const low = rest % 128;
    rest = Math.floor(rest / 128);
    out.push(rest > 0 ? low | 0x80 : low);
  } while (rest > 0);
}

/** Of a 32-bit integer. */
function signedLeb32(value: number, out: number[]): void {
  let rest = value;
  for (; rest < -64 || rest > 63; rest >>= 7) out.push((rest & 0x7f) | 0x80);
  out.push(rest & 0x7f);
}

function signedLeb(value: bigint, out: number[]): void {
  let rest = value;
  for (;;) {
    const low = Number(rest & 0x7fn);
    rest >>= 7n;
    if ((rest === 0n && (low & 0x40) === 0) || (rest === -1n && (low & 0x40) !== 0)) {
      out.push(low);
      return;
    }
    out.push(low | 0x80);
  }
}

const doubles = new Float64Array(1);
const floats = new Float32Array(doubles.buffer);
const floatBytes = new Uint8Array(doubles.buffer);

/** A local variable of a function under construction. */
export type Local = number;

/** Builds one function. Methods emit instructions in order and return the builder. */
export class FunctionBuilder {
  private readonly code: number[] = [];
  private readonly locals: WasmType[] = [];
  readonly params: readonly WasmType[];
  readonly results: readonly WasmType[];

  constructor(params: readonly WasmType[], results: readonly WasmType[]) {
    this.params = params;
    this.results = results;
  }

  /** The place that has been reached, for `insertAt`. */
  get position(): number {
    return this.code.length;
  }

  /** Emits what `emit` emits at an earlier place, which must not lie within another block of this place's own. */
  insertAt(position: number, emit: () => void): void {
    const end = this.code.length;
    emit();
    const added = this.code.splice(end);
    this.code.splice(position, 0, ...added);
  }

  /** A new local variable, zero at first. */
  local(type: WasmType): Local {
    return this.params.length + this.locals.push(type) - 1;
  }

  /** An instruction without immediates. */
  op(name: PlainOp): this {
    const code = opcodes[name];
    if (code < 256) this.code.push(code);
    else {
      this.code.push(code >>> 16);
      unsignedLeb(code & 0xffff, this.code);
    }
    return this;
  }

  get(local: Local): this {
    this.code.push(0x20);
    unsignedLeb(local, this.code);
    return this;
  }

  set(local: Local): this {
    this.code.push(0x21);
    unsignedLeb(local, this.code);
    return this;
  }

  /** Sets and keeps the value on the stack. */
  tee(local: Local): this {
    this.code.push(0x22);
    unsignedLeb(local, this.code);
    return this;
  }

  i32(value: number): this {
    this.code.push(0x41);
    signedLeb32(value | 0, this.code);
    return this;
  }

  i64(value: bigint): this {
    this.code.push(0x42);
    signedLeb(BigInt.asIntN(64, value), this.code);
    return this;
  }

  f32(value: number): this {
    floats[0] = value;
    this.code.push(0x43);
    for (let i = 0; i < 4; i++) this.code.push(floatBytes[i]);
    return this;
  }

  f64(value: number): this {
    doubles[0] = value;
    this.code.push(0x44);
    for (let i = 0; i < 8; i++) this.code.push(floatBytes[i]);
    return this;
  }

  /** A vector constant of 16 bytes. Rebuilt by the engine at every use: prefer a load in loops. */
  v128(bytes: ArrayLike<number>): this {
    this.code.push(0xfd, 12, ...Array.from(bytes));
    return this;
  }

  /** A shuffle of the 32 bytes of two vectors. */
  shuffle(lanes: ArrayLike<number>): this {
    this.code.push(0xfd, 13, ...Array.from(lanes));
    return this;
  }

  /** A load or store; the address is on the stack, `offset` is added to it. */
  memory(name: MemoryOp, offset = 0): this {
    const op = memoryOps[name];
    if (op[1] === 0) this.code.push(op[0]);
    else {
      this.code.push(op[1]);
      unsignedLeb(op[0], this.code);
    }
    // Atomics need their natural alignment; for the others it is a hint.
    unsignedLeb(op[2], this.code);
    unsignedLeb(offset, this.code);
    return this;
  }

  /** A load into, or a store from, one lane of a vector. */
  laneMemory(name: LaneMemoryOp, lane: number, offset = 0): this {
    const [opcode, align] = laneMemoryOps[name];
    this.code.push(0xfd);
    unsignedLeb(opcode, this.code);
    unsignedLeb(align, this.code);
    unsignedLeb(offset, this.code);
    this.code.push(lane);
    return this;
  }

  lane(name: LaneOp, lane: number): this {
    this.code.push(0xfd);
    unsignedLeb(laneOps[name], this.code);
    this.code.push(lane);
    return this;
  }

  call(index: number): this {
    this.code.push(0x10);
    unsignedLeb(index, this.code);
    return this;
  }

  memoryFill(): this {
    this.code.push(0xfc, 11, 0);
    return this;
  }

  memoryCopy(): this {
    this.code.push(0xfc, 10, 0, 0);
    return this;
  }

  /** `block … end`: a branch to it goes to its end. */
  block(body: () => void): this {
    this.code.push(0x02, 0x40);
    body();
    this.code.push(0x0b);
    return this;
  }

  /** `loop … end`: a branch to it goes to its start. */
  loop(body: () => void): this {
    this.code.push(0x03, 0x40);
    body();
    this.code.push(0x0b);
    return this;
  }

  /** Pops the condition. With `result` both branches leave a value of that type. */
  if(then: () => void, otherwise: (() => void) | null = null, result: WasmType | null = null): this {
    this.code.push(0x04, result === null ? 0x40 : typeCodes[result]);
    then();
    if (otherwise !== null) {
      this.code.push(0x05);
      otherwise();
    }
    this.code.push(0x0b);
    return this;
  }

  br(depth: number): this {
    this.code.push(0x0c);
    unsignedLeb(depth, this.code);
    return this;
  }

  /** Branches when the popped i32 is not 0. */
  brIf(depth: number): this {
    this.code.push(0x0d);
    unsignedLeb(depth, this.code);
    return this;
  }

  /** The body as the code section wants it: what comes before its instructions, and these. */
  encode(): [head: number[], code: Uint8Array] {
    const locals: number[] = [];
    unsignedLeb(this.locals.length, locals);
    for (const type of this.locals) locals.push(1, typeCodes[type]);
    const code = new Uint8Array(this.code.length + 1);
    code.set(this.code);
    code[this.code.length] = 0x0b;
    const head: number[] = [];
    unsignedLeb(locals.length + code.length, head);
    return [head.concat(locals), code];
  }
}

interface Signature {
  readonly params: readonly WasmType[];
  readonly results: readonly WasmType[];
}

/** Builds one module over an imported memory `env.memory`. */
export class ModuleBuilder {
  private readonly types: string[] = [];
  private readonly imports: { readonly name: string; readonly type: number }[] = [];
  private readonly functions: { readonly builder: FunctionBuilder; readonly name: string | null }[] = [];
  /** Can running it end in a trap that the caller must see? */
  mayTrap = false;
  private readonly memoryPages: { readonly maximum: number | null; readonly shared: boolean };

  /** `maximum` pages of a shared memory must be what the memory was made with; null for an unshared one. */
  constructor(memory: { readonly maximum: number | null; readonly shared: boolean }) {
    this.memoryPages = memory;
  }

  private typeIndex({ params, results }: Signature): number {
    const key = `${params.join(',')}>${results.join(',')}`;
    const found = this.types.indexOf(key);
    return found >= 0 ? found : this.types.push(key) - 1;
  }

  /** An imported function `env.name`. All imports come before all functions. */
  import(name: string, params: readonly WasmType[], results: readonly WasmType[]): number {
    if (this.functions.length > 0) throw new Error('imports must be declared before functions');
    const known = this.imports.findIndex((i) => i.name === name);
    if (known >= 0) return known;
    return this.imports.push({ name, type: this.typeIndex({ params, results }) }) - 1;
  }

  /** Does it need nothing but the memory? */
  get isSelfContained(): boolean {
    return this.imports.length === 0;
  }

  /** A new function, exported under `name` (null: not exported). Returns its builder and index. */
  function(
    name: string | null,
    params: readonly WasmType[],
    results: readonly WasmType[] = [],
  ): FunctionBuilder {
    const builder = new FunctionBuilder(params, results);
    this.functions.push({ builder, name });
    return builder;
  }

  /** The index by which the function is called. */
  indexOf(builder: FunctionBuilder): number {
    return this.imports.length + this.functions.findIndex((f) => f.builder === builder);
  }

  /** The module. Most of it is code, which is copied in one go: this runs before anything is optimised. */
  encode(): Uint8Array<ArrayBuffer> {
    for (const { builder } of this.functions) this.typeIndex(builder);
    const out: number[] = [0, 0x61, 0x73, 0x6d, 1, 0, 0, 0];
    const section = (id: number, items: readonly number[][]): void => {
      const content: number[] = [];
      unsignedLeb(items.length, content);
      for (const item of items) content.push(...item);
      out.push(id);
      unsignedLeb(content.length, out);
      out.push(...content);
    };
    const name = (text: string): number[] => {
      const item: number[] = [];
      unsignedLeb(text.length, item);
      // Names are ASCII.
      for (let i = 0; i < text.length; i++) item.push(text.charCodeAt(i));
      return item;
    };
    const list = (text: string): number[] => {
      const types = text === '' ? [] : (text.split(',') as WasmType[]);
      const bytes: number[] = [];
      unsignedLeb(types.length, bytes);
      for (const type of types) bytes.push(typeCodes[type]);
      return bytes;
    };
    section(
      1,
      this.types.map((key) => {
        const [params, results] = key.split('>');
        return [0x60, ...list(params), ...list(results)];
      }),
    );
    const { maximum, shared } = this.memoryPages;
    const limits: number[] = [shared ? 3 : maximum === null ? 0 : 1, 1];
    if (maximum !== null) unsignedLeb(maximum, limits);
    const imports = this.imports.map((i) => {
      const item = [...name('env'), ...name(i.name), 0];
      unsignedLeb(i.type, item);
      return item;
    });
    section(2, [[...name('env'), ...name('memory'), 2, ...limits], ...imports]);
    section(
      3,
      this.functions.map(({ builder }) => {
        const item: number[] = [];
        unsignedLeb(this.typeIndex(builder), item);
        return item;
      }),
    );
    const exports = this.functions.flatMap(({ builder, name: text }) => {
      if (text === null) return [];
      const item = [...name(text), 0];
      unsignedLeb(this.indexOf(builder), item);
      return [item];
    });
    section(7, exports);
    const bodies = this.functions.map(({ builder }) => builder.encode());
    const count: number[] = [];
    unsignedLeb(bodies.length, count);
    out.push(10);
    unsignedLeb(
      bodies.reduce((sum, [head, code]) => sum + head.length + code.length, count.length),
      out,
    );
    const pieces = [out, count, ...bodies.flat()];
    const module = new Uint8Array(pieces.reduce((sum, { length }) => sum + length, 0));
    let at = 0;
    for (const piece of pieces) {
      module.set(piece, at);
      at += piece.length;
    }
    return module;
  }
}
