/** Generators of random numbers: PyTorch's CPU stream. https://pytorch.org/docs/stable/generated/torch.Generator.html */
import { uint8 } from '../../base/dtype.ts';
import { ArgumentTypeError, RuntimeError } from '../../base/errors.ts';
import { Mt19937 } from '../../base/mt19937.ts';
import { empty } from '../allocate.ts';
import { type TorchDevice, torchDevice } from '../devices.ts';
import { memory, toArray } from '../memory.ts';
import { Tensor } from '../tensor.ts';

/** The seed of a generator that nobody seeded. */
const DEFAULT_SEED = 67280421310721n;

/** The layout of a saved state: byte offsets, as in PyTorch's CPUGeneratorImplState. */
const layout = {
  seed: 0,
  left: 8,
  seeded: 12,
  next: 16,
  words: 24,
  normalX: 5016,
  normal: 5024,
  normalIsValid: 5040,
  floatNormal: 5048,
  floatNormalIsValid: 5052,
  bytes: 5056,
} as const;

/** A seed as 64 bits. Throws for what is not a whole number, or does not fit. */
function seedBits(seed: number | bigint): bigint {
  if (typeof seed === 'number' && !Number.isInteger(seed)) {
    throw new ArgumentTypeError(`manual_seed(): the seed must be a whole number, not ${String(seed)}`);
  }
  if (typeof seed !== 'number' && typeof seed !== 'bigint') {
    throw new ArgumentTypeError(`manual_seed(): the seed must be a number or a bigint, not ${typeof seed}`);
  }
  const value = BigInt(seed);
  if (value >= 2n ** 64n || value < -(2n ** 63n)) throw new RuntimeError('Overflow when unpacking long');
  return BigInt.asUintN(64, value);
}

/** A seed as a number where it is one exactly. */
function plainSeed(seed: bigint): number | bigint {
  return seed <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(seed) : seed;
}

/**
 * A source of random numbers with a state of its own.
 *
 * @example
 * ```ts
 * const generator = new torch.Generator().manualSeed(0);
 * console.log(torch.randperm(4, { generator })); // => tensor([0, 1, 3, 2])
 * ```
 */
export class Generator {
  /** @internal */
  readonly engine: Mt19937 = new Mt19937();
  /** @internal The second value of the pair that normal numbers come in, when it was not used yet. */
  spareNormal: number | null = null;
  private seededWith: bigint = DEFAULT_SEED;

  /** Random numbers are drawn on the CPU: `device` may be 'cpu' only. Throws a RuntimeError for another. */
  constructor(device: string | TorchDevice | { device?: string | TorchDevice } = 'cpu') {
    const given = typeof device === 'object' && 'device' in device ? device.device : device;
    const name = String(given ?? 'cpu').replace(/:0$/, '');
    if (name !== 'cpu')
      throw new RuntimeError(`Device type ${name} is not supported for torch.Generator() api.`);
    this.engine.seed(Number(BigInt.asUintN(32, DEFAULT_SEED)));
  }

  /** Where the stream is made: the CPU. */
  get device(): TorchDevice {
    return torchDevice('cpu');
  }

  /** Starts the stream of `seed`, of which negative values count from 2⁶⁴. Returns the generator. */
  manualSeed(seed: number | bigint): this {
    this.seededWith = seedBits(seed);
    this.engine.seed(Number(BigInt.asUintN(32, this.seededWith)));
    this.spareNormal = null;
    return this;
  }

  /** The seed the stream started from. */
  initialSeed(): number | bigint {
    return plainSeed(this.seededWith);
  }

  /** Starts the stream of an unpredictable seed, and returns it. */
  seed(): number | bigint {
    const [high, low] = crypto.getRandomValues(new Uint32Array(2));
    // 53 bits, so that the seed is an exact number.
    const seed = (high & 0x1fffff) * 2 ** 32 + low;
    this.manualSeed(seed);
    return seed;
  }

  /** The state as a uint8 tensor of 5,056 bytes, in PyTorch's layout. */
  getState(): Tensor {
    const out = empty([layout.bytes], uint8);
    const bytes = memory(out);
    bytes.fill(0 as never);
    const view = new DataView(bytes.buffer, bytes.byteOffset, layout.bytes);
    const { words, next } = this.engine;
    const started = this.engine.rounds > 0;
    view.setBigUint64(layout.seed, this.seededWith, true);
    view.setInt32(layout.left, started ? words.length - next + 1 : 1, true);
    view.setInt32(layout.seeded, 1, true);
    view.setBigUint64(layout.next, BigInt(started ? next : 0), true);
    words.forEach((word, i) => {
      view.setBigUint64(layout.words + 8 * i, BigInt(word >>> 0), true);
    });
    if (this.spareNormal !== null) {
      view.setFloat64(layout.normal, this.spareNormal, true);
      view.setInt32(layout.normalIsValid, 1, true);
    }
    return out;
  }

  /** Goes on from a state that `getState` gave. Returns the generator. */
  setState(state: Tensor | { newState: Tensor }): this {
    const given = state instanceof Tensor ? state : (state as { newState?: unknown } | null)?.newState;
    if (!(given instanceof Tensor) || given.dtype !== uint8) {
      throw new ArgumentTypeError('RNG state must be a torch.ByteTensor');
    }
    if (given.numel() !== layout.bytes) {
      throw new RuntimeError(
        `Expected a CPUGeneratorImplState of size ${layout.bytes} but found the input RNG state size to be ${given.numel()}`,
      );
    }
    const bytes = Uint8Array.from(toArray(given) as Uint8Array);
    const view = new DataView(bytes.buffer);
    const { words } = this.engine;
    const left = view.getInt32(layout.left, true);
    const next = Number(view.getBigUint64(layout.next, true));
    if (view.getInt32(layout.seeded, true) !== 1 || left < 1 || left > words.length || next > words.length) {
      throw new RuntimeError('Invalid mt19937 state');
    }
    this.seededWith = view.getBigUint64(layout.seed, true);
    for (let i = 0; i < words.length; i++)
      words[i] = Number(view.getBigUint64(layout.words + 8 * i, true) & 0xffffffffn);
    // One left: a new round is due at the next draw.
    this.engine.next = left === 1 ? words.length : next;
    this.engine.rounds = next === 0 && left === 1 ? 0 : 1;
    this.spareNormal =
      view.getInt32(layout.normalIsValid, true) === 0 ? null : view.getFloat64(layout.normal, true);
    return this;
  }
}

/** The generator of everything that is given no other. */
export const defaultGenerator: Generator = new Generator();

/**
 * Starts the global stream of a seed; returns the global generator. https://pytorch.org/docs/stable/generated/torch.manual_seed.html
 *
 * @example
 * ```ts
 * torch.manualSeed(0);
 * console.log(torch.rand(3)); // => tensor([0.4963, 0.7682, 0.0885])
 * ```
 */
export function manualSeed(seed: number | bigint): Generator {
  return defaultGenerator.manualSeed(seed);
}

/** Starts the global stream of an unpredictable seed, and returns it. */
export function seed(): number | bigint {
  return defaultGenerator.seed();
}

/** The seed the global stream started from. */
export function initialSeed(): number | bigint {
  return defaultGenerator.initialSeed();
}

/** The state of the global stream as a uint8 tensor. https://pytorch.org/docs/stable/generated/torch.get_rng_state.html */
export function getRngState(): Tensor {
  return defaultGenerator.getState();
}

/** Puts the global stream where it was when `state` was taken. https://pytorch.org/docs/stable/generated/torch.set_rng_state.html */
export function setRngState(state: Tensor | { newState: Tensor }): void {
  defaultGenerator.setState(state);
}
