/**
 * JavaScript has one number type, so `2` as an operand counts as Python's int. `pyFloat(2)` is Python's `2.0`: it makes an integer tensor's
 * result floating-point, as PyTorch would.
 */
export class PyFloat {
  readonly value: number;
  constructor(value: number) {
    this.value = value;
  }

  /** Wherever a number is expected it is one. */
  valueOf(): number {
    return this.value;
  }

  toString(): string {
    return Number.isInteger(this.value) ? `${this.value}.0` : String(this.value);
  }
}

/**
 * A number that counts as a Python float in type promotion even when it is whole.
 *
 * @example
 * ```ts
 * const x = torch.arange(3);
 * console.log(x.mul(2).dtype, x.mul(torch.pyFloat(2)).dtype); // => torch.int64 torch.float32
 * ```
 */
export function pyFloat(value: number): PyFloat {
  return new PyFloat(value);
}
