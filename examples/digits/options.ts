/** The command line. */
import { parseArgs } from 'node:util';

export interface Options {
  readonly epochs: number;
  readonly batchSize: number;
  readonly lr: number;
  readonly seed: number;
  readonly out: string;
}

export const defaults: Options = { epochs: 15, batchSize: 16, lr: 0.02, seed: 0, out: 'runs' };

export const help: string = `Trains LeNet to read handwritten digits.

Usage: npm start -- [options]

  --epochs N       passes over the training digits (${defaults.epochs})
  --batch-size N   digits per step (${defaults.batchSize})
  --lr X           learning rate at the start; it falls to 0 along a cosine (${defaults.lr})
  --seed N         of the random numbers: the same seed gives the same run (${defaults.seed})
  --out DIR        folder for the checkpoint and the report (${defaults.out})
  --help           this text

Ctrl-C ends the training after the batch at hand and saves what was learned so far.`;

/** Something about the command line that cannot be; the message is one line. */
export class UsageError extends Error {}

function whole(name: string, text: string, least: number, most: number): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || value < least || value > most) {
    throw new UsageError(`--${name} takes a whole number from ${least} to ${most}, not '${text}'`);
  }
  return value;
}

function positive(name: string, text: string): number {
  const value = Number(text);
  if (text.trim() === '' || !Number.isFinite(value) || value <= 0) {
    throw new UsageError(`--${name} takes a number above 0, not '${text}'`);
  }
  return value;
}

const flags = {
  epochs: { type: 'string' },
  'batch-size': { type: 'string' },
  lr: { type: 'string' },
  seed: { type: 'string' },
  out: { type: 'string' },
  help: { type: 'boolean', short: 'h' },
} as const;

/** The options that `args` ask for, or null where they ask for help. Throws a UsageError. */
export function parseOptions(args: readonly string[]): Options | null {
  let values: { [K in keyof typeof flags]?: string | boolean };
  try {
    ({ values } = parseArgs({ args: [...args], options: flags, allowPositionals: false }));
  } catch (error) {
    throw new UsageError((error as Error).message.split(/\n|\. /)[0]);
  }
  if (values.help === true) return null;
  const text = (name: keyof typeof flags, byDefault: number | string) => String(values[name] ?? byDefault);
  const out = text('out', defaults.out);
  if (out === '') throw new UsageError('--out takes the name of a folder');
  return {
    epochs: whole('epochs', text('epochs', defaults.epochs), 1, 10_000),
    batchSize: whole('batch-size', text('batch-size', defaults.batchSize), 1, 100_000),
    lr: positive('lr', text('lr', defaults.lr)),
    seed: whole('seed', text('seed', defaults.seed), 0, Number.MAX_SAFE_INTEGER),
    out,
  };
}
