/**
 * A WebAssembly assembler: modules and functions built by method calls, encoded to bytes.
 * Format: https://webassembly.github.io/spec/core/binary/index.html
 */

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

/** Instructions without immediate operands, by their names in the text format. */
const plain = {
  unreachable: 0x00,
  return: 0x0f,
  drop: 0x1a,
  select: 0x1b,
  'i32.eqz': 0x45,
  'i32.eq': 0x46,
  'i32.ne': 0x47,
  'i32.lt_s': 0x48,
  'i32.lt_u': 0x49,
  'i32.gt_s': 0x4a,
  'i32.gt_u': 0x4b,
  'i32.le_s': 0x4c,
  'i32.le_u': 0x4d,
  'i32.ge_s': 0x4e,
  'i32.ge_u': 0x4f,
  'i64.eqz': 0x50,
  'i64.eq': 0x51,
  'i64.ne': 0x52,
  'i64.lt_s': 0x53,
  'i64.lt_u': 0x54,
  'i64.gt_s': 0x55,
  'i64.gt_u': 0x56,
  'i64.le_s': 0x57,
  'i64.le_u': 0x58,
  'i64.ge_s': 0x59,
  'i64.ge_u': 0x5a,
  'f32.eq': 0x5b,
  'f32.ne': 0x5c,
  'f32.lt': 0x5d,
  'f32.gt': 0x5e,
  'f32.le': 0x5f,
  'f32.ge': 0x60,
  'f64.eq': 0x61,
  'f64.ne': 0x62,
  'f64.lt': 0x63,
  'f64.gt': 0x64,
  'f64.le': 0x65,
  'f64.ge': 0x66,
  'i32.clz': 0x67,
  'i32.ctz': 0x68,
  'i32.add': 0x6a,
  'i32.sub': 0x6b,
  'i32.mul': 0x6c,
  'i32.div_s': 0x6d,
  'i32.div_u': 0x6e,
  'i32.rem_s': 0x6f,
  'i32.rem_u': 0x70,
  'i32.and': 0x71,
  'i32.or': 0x72,
  'i32.xor': 0x73,
  'i32.shl': 0x74,
  'i32.shr_s': 0x75,
  'i32.shr_u': 0x76,
  'i64.add': 0x7c,
  'i64.sub': 0x7d,
  'i64.mul': 0x7e,
  'i64.div_s': 0x7f,
  'i64.div_u': 0x80,
  'i64.rem_s': 0x81,
  'i64.rem_u': 0x82,
  'i64.and': 0x83,
  'i64.or': 0x84,
  'i64.xor': 0x85,
  'i64.shl': 0x86,
  'i64.shr_s': 0x87,
  'i64.shr_u': 0x88,
  'f32.abs': 0x8b,
  'f32.neg': 0x8c,
  'f32.ceil': 0x8d,
  'f32.floor': 0x8e,
  'f32.trunc': 0x8f,
  'f32.nearest': 0x90,
  'f32.sqrt': 0x91,
  'f32.add': 0x92,
  'f32.sub': 0x93,
  'f32.mul': 0x94,
  'f32.div': 0x95,
  'f32.min': 0x96,
  'f32.max': 0x97,
  'f32.copysign': 0x98,
  'f64.abs': 0x99,
  'f64.neg': 0x9a,
  'f64.ceil': 0x9b,
  'f64.floor': 0x9c,
  'f64.trunc': 0x9d,
  'f64.nearest': 0x9e,
  'f64.sqrt': 0x9f,
  'f64.add': 0xa0,
  'f64.sub': 0xa1,
  'f64.mul': 0xa2,
  'f64.div': 0xa3,
  'f64.min': 0xa4,
  'f64.max': 0xa5,
  'f64.copysign': 0xa6,
  'i32.wrap_i64': 0xa7,
  'i64.extend_i32_s': 0xac,
  'i64.extend_i32_u': 0xad,
  'f32.convert_i32_s': 0xb2,
  'f32.convert_i32_u': 0xb3,
  'f32.convert_i64_s': 0xb4,
  'f32.demote_f64': 0xb6,
  'f64.convert_i32_s': 0xb7,
  'f64.convert_i32_u': 0xb8,
  'f64.convert_i64_s': 0xb9,
  'f64.promote_f32': 0xbb,
  'i32.reinterpret_f32': 0xbc,
  'i64.reinterpret_f64': 0xbd,
  'f32.reinterpret_i32': 0xbe,
  'f64.reinterpret_i64': 0xbf,
  'i32.extend8_s': 0xc0,
  'i32.extend16_s': 0xc1,
} as const;

/** Instructions of the 0xfc page without immediates. */
const saturating = {
  'i32.trunc_sat_f32_s': 0,
  'i32.trunc_sat_f64_s': 2,
  'i64.trunc_sat_f32_s': 4,
  'i64.trunc_sat_f64_s': 6,
} as const;

/** SIMD instructions (0xfd page) without immediates. */
const simd = {
  'i8x16.swizzle': 14,
  'i8x16.splat': 15,
  'i16x8.splat': 16,
  'i32x4.splat': 17,
  'i64x2.splat': 18,
  'f32x4.splat': 19,
  'f64x2.splat': 20,
  'i8x16.eq': 35,
  'i8x16.ne': 36,
  'i32x4.eq': 55,
  'i32x4.ne': 56,
  'i32x4.lt_s': 57,
  'i32x4.lt_u': 58,
  'i32x4.gt_s': 59,
  'i32x4.le_s': 61,
  'i32x4.ge_s': 63,
  'f32x4.eq': 65,
  'f32x4.ne': 66,
  'f32x4.lt': 67,
  'f32x4.gt': 68,
  'f32x4.le': 69,
  'f32x4.ge': 70,
  'f64x2.eq': 71,
  'f64x2.ne': 72,
  'f64x2.lt': 73,
  'f64x2.gt': 74,
  'f64x2.le': 75,
  'f64x2.ge': 76,
  'v128.not': 77,
  'v128.and': 78,
  'v128.andnot': 79,
  'v128.or': 80,
  'v128.xor': 81,
  'v128.bitselect': 82,
  'v128.any_true': 83,
  'f32x4.demote_f64x2_zero': 94,
  'f64x2.promote_low_f32x4': 95,
  'i8x16.bitmask': 100,
  'i8x16.narrow_i16x8_s': 101,
  'i8x16.narrow_i16x8_u': 102,
  'f32x4.ceil': 103,
  'f32x4.floor': 104,
  'f32x4.trunc': 105,
  'f32x4.nearest': 106,
  'f64x2.ceil': 116,
  'f64x2.floor': 117,
  'f64x2.trunc': 122,
  'f64x2.nearest': 148,
  'i16x8.narrow_i32x4_s': 133,
  'i16x8.narrow_i32x4_u': 134,
  'i32x4.abs': 160,
  'i32x4.neg': 161,
  'i32x4.all_true': 163,
  'i32x4.bitmask': 164,
  'i32x4.shl': 171,
  'i32x4.shr_s': 172,
  'i32x4.shr_u': 173,
  'i32x4.add': 174,
  'i32x4.sub': 177,
  'i32x4.mul': 181,
  'i32x4.min_s': 182,
  'i32x4.max_s': 184,
  'i64x2.shl': 203,
  'i64x2.shr_s': 204,
  'i64x2.shr_u': 205,
  'i64x2.add': 206,
  'i64x2.sub': 209,
  'i64x2.mul': 213,
  'f32x4.abs': 224,
  'f32x4.neg': 225,
  'f32x4.sqrt': 227,
  'f32x4.add': 228,
  'f32x4.sub': 229,
  'f32x4.mul': 230,
  'f32x4.div': 231,
  'f32x4.min': 232,
  'f32x4.max': 233,
  'f32x4.pmin': 234,
  'f32x4.pmax': 235,
  'f64x2.abs': 236,
  'f64x2.neg': 237,
  'f64x2.sqrt': 239,
  'f64x2.add': 240,
  'f64x2.sub': 241,
  'f64x2.mul': 242,
  'f64x2.div': 243,
  'f64x2.min': 244,
  'f64x2.max': 245,
  'f64x2.pmin': 246,
  'f64x2.pmax': 247,
  'i32x4.trunc_sat_f32x4_s': 248,
  'f32x4.convert_i32x4_s': 250,
  'f32x4.convert_i32x4_u': 251,
  'i32x4.trunc_sat_f64x2_s_zero': 252,
  'f64x2.convert_low_i32x4_s': 254,
  'i16x8.extend_low_i8x16_s': 135,
  'i16x8.extend_low_i8x16_u': 137,
  'i32x4.extend_low_i16x8_s': 167,
  'i32x4.extend_low_i16x8_u': 169,
  'i64x2.abs': 192,
  'i64x2.neg': 193,
  'i64x2.extend_low_i32x4_s': 199,
  'i64x2.extend_high_i32x4_s': 200,
  'i64x2.extend_low_i32x4_u': 201,
  'i64x2.extend_high_i32x4_u': 202,
  'i64x2.eq': 214,
  'i64x2.ne': 215,
  'i64x2.lt_s': 216,
  'i64x2.gt_s': 217,
  'i64x2.le_s': 218,
  'i64x2.ge_s': 219,
  // relaxed SIMD: a·b + c with one rounding or two, as the machine likes
  'f32x4.relaxed_madd': 0x105,
  'f32x4.relaxed_nmadd': 0x106,
  'f64x2.relaxed_madd': 0x107,
  'f64x2.relaxed_nmadd': 0x108,
  // relaxed SIMD: bitselect, for masks that are all ones or all zeros in each lane
  'i32x4.relaxed_laneselect': 0x10b,
} as const;

/** All of them: the opcode, with the page above it. */
const opcodes = { ...plain } as Record<PlainOp, number>;
for (const [page, codes] of [
  [0xfc, saturating],
  [0xfd, simd],
] as const) {
  for (const [name, code] of Object.entries(codes)) opcodes[name as PlainOp] = (page << 16) | code;
}

/** Loads and stores: opcode, page, and the natural alignment (log2 of the bytes). */
const memoryOps = {
  'i32.load': [0x28, 0, 2],
  'i64.load': [0x29, 0, 3],
  'f32.load': [0x2a, 0, 2],
  'f64.load': [0x2b, 0, 3],
  'i32.load8_s': [0x2c, 0, 0],
  'i32.load8_u': [0x2d, 0, 0],
  'i32.load16_s': [0x2e, 0, 1],
  'i32.load16_u': [0x2f, 0, 1],
  'i32.store': [0x36, 0, 2],
  'i64.store': [0x37, 0, 3],
  'f32.store': [0x38, 0, 2],
  'f64.store': [0x39, 0, 3],
  'i32.store8': [0x3a, 0, 0],
  'i32.store16': [0x3b, 0, 1],
  'v128.load': [0, 0xfd, 4],
  'v128.load8x8_u': [2, 0xfd, 3],
  'v128.load16x4_s': [3, 0xfd, 3],
  'v128.load16x4_u': [4, 0xfd, 3],
  'v128.load8_splat': [7, 0xfd, 0],
  'v128.load16_splat': [8, 0xfd, 1],
  'v128.load32_splat': [9, 0xfd, 2],
  'v128.load64_splat': [10, 0xfd, 3],
  'v128.store': [11, 0xfd, 4],
  'v128.load32_zero': [92, 0xfd, 2],
  'v128.load64_zero': [93, 0xfd, 3],
  'memory.atomic.notify': [0x00, 0xfe, 2],
  'memory.atomic.wait32': [0x01, 0xfe, 2],
  'i32.atomic.load': [0x10, 0xfe, 2],
  'i32.atomic.store': [0x17, 0xfe, 2],
  'i32.atomic.rmw.add': [0x1e, 0xfe, 2],
  'i32.atomic.rmw.cmpxchg': [0x48, 0xfe, 2],
} as const;

/** Instructions that take a lane number. */
const laneOps = {
  'i8x16.extract_lane_u': 22,
  'i32x4.extract_lane': 27,
  'i32x4.replace_lane': 28,
  'i64x2.extract_lane': 29,
  'i64x2.replace_lane': 30,
  'f32x4.extract_lane': 31,
  'f32x4.replace_lane': 32,
  'f64x2.extract_lane': 33,
  'f64x2.replace_lane': 34,
} as const;

/** Loads into and stores from one lane: opcode and alignment. The vector is on the stack above the address. */
const laneMemoryOps = {
  'v128.load8_lane': [84, 0],
  'v128.load16_lane': [85, 1],
  'v128.load32_lane': [86, 2],
  'v128.load64_lane': [87, 3],
  'v128.store8_lane': [88, 0],
  'v128.store16_lane': [89, 1],
  'v128.store32_lane': [90, 2],
  'v128.store64_lane': [91, 3],
} as const;

export type LaneMemoryOp = keyof typeof laneMemoryOps;
export type PlainOp = keyof typeof plain | keyof typeof saturating | keyof typeof simd;
export type MemoryOp = keyof typeof memoryOps;
export type LaneOp = keyof typeof laneOps;

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
