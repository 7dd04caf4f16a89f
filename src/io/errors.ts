/** Errors of files. */
import { TorchError } from '../base/errors.ts';

/** A file that cannot be opened, read or written: Python's `OSError`. */
export class OSError extends TorchError {
  override readonly name: string = 'OSError';
  /** The system's name of the error, such as `ENOENT`. */
  readonly code: string;

  constructor(message: string, code: string, cause?: unknown) {
    super(message, { cause });
    this.code = code;
  }
}
