/**
 * The typed errors of TypeTorch. Each carries the name of the Python exception that PyTorch raises in the same
 * situation, and (where there is one) PyTorch's wording. Style: what was wrong, what was given, what to do.
 */

/** Base class of everything TypeTorch throws on purpose. */
export class TorchError extends Error {
  override readonly name: string = 'TorchError';
}

/** Wrong shapes, states or devices: PyTorch's `RuntimeError`. */
export class RuntimeError extends TorchError {
  override readonly name: string = 'RuntimeError';
}

/** A dimension or an index out of range: PyTorch's `IndexError`. */
export class IndexError extends TorchError {
  override readonly name: string = 'IndexError';
}

/** An argument of the right type with a value that cannot be used: PyTorch's `ValueError`. */
export class ValueError extends TorchError {
  override readonly name: string = 'ValueError';
}

/** An argument of the wrong type, an unknown or a missing argument: PyTorch's `TypeError`. */
export class ArgumentTypeError extends TypeError {
  override readonly name: string = 'TypeError';
}

/** A key that does not exist: PyTorch's `KeyError`. */
export class KeyError extends TorchError {
  override readonly name: string = 'KeyError';
}

/** An attribute that does not exist: PyTorch's `AttributeError`. */
export class AttributeError extends TorchError {
  override readonly name: string = 'AttributeError';
}

/** Something PyTorch has and TypeTorch does not (yet): listed as missing in the docs. */
export class NotImplementedError extends RuntimeError {
  override readonly name: string = 'NotImplementedError';
}

/** Linear algebra on a matrix that does not allow it (singular, not positive definite). */
export class LinAlgError extends RuntimeError {
  override readonly name: string = 'LinAlgError';
}

/** A checkpoint that is broken, truncated, hostile, or asks for something that is not on the allow-list. */
export class UnpicklingError extends TorchError {
  override readonly name: string = 'UnpicklingError';
}

/** The heap cannot grow any further. */
export class OutOfMemoryError extends RuntimeError {
  override readonly name: string = 'OutOfMemoryError';
}

/** A gradient that disagrees with finite differences. */
export class GradcheckError extends RuntimeError {
  override readonly name: string = 'GradcheckError';
}

/** Values that a check says are wrong: Python's `AssertionError`. */
export class AssertionError extends TorchError {
  override readonly name: string = 'AssertionError';
}
