/** Random tensors. */
import type { Tensor } from './tensor.ts';
const missing = (..._: unknown[]): Tensor => { throw new Error('random is being written'); };
export class Generator {}
export const defaultGenerator: Generator = new Generator();
export const bernoulli = missing, getRngState = missing, initialSeed = missing, manualSeed = missing, multinomial = missing, normal = missing, rand = missing, randint = missing, randintLike = missing, randLike = missing, randn = missing, randnLike = missing, randperm = missing, seed = missing, setRngState = missing;
