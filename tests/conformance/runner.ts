/** Runs single cases and turns what happens into a status. */
import { type Case, type Group, usesComplex } from './cases.ts';
import { isUnsupported } from './compare.ts';
import { Inexpressible, type Library, Mismatch } from './library.ts';
import { runAutograd } from './suites/autograd.ts';
import { runModule } from './suites/modules.ts';
import { runCall } from './suites/ops.ts';
import { runOptim } from './suites/optim.ts';
import { runPrinting } from './suites/printing.ts';
import { runPromotion } from './suites/promotion.ts';
import { runRandom } from './suites/random.ts';
import { runSerialization } from './suites/serialization.ts';
import { runTraining } from './suites/training.ts';

export type Status = 'passed' | 'failed' | 'unsupported';

export interface Result {
  suite: string;
  /** The Python name of what is tested: the op, or the group. */
  op: string;
  tier: number | null;
  dtype: string | null;
  id: string;
  status: Status;
  /**
   * Why it failed or what is missing. Not counted are `complex` (complex arithmetic) and `inexpressible: …` (no such call in TypeScript).
   * Empty when passed.
   */
  message: string;
}

const runners: Readonly<Record<string, (library: Library, testCase: Case, folder: string) => void>> = {
  ops: runCall,
  indexing: runCall,
  modules: runModule,
  optim: runOptim,
  random: runRandom,
  autograd: runAutograd,
  promotion: runPromotion,
  printing: runPrinting,
  serialization: runSerialization,
  training: runTraining,
};

/** The line of the library in which an error arose, for errors that say too little. */
function origin(error: Error): string {
  const line = (error.stack ?? '').split('\n').find((l) => /\/src\/.*\.ts/.test(l));
  const match = line?.match(/src\/[^)]*/);
  return match === null || match === undefined ? '' : ` (${match[0]})`;
}

function explain(error: unknown): string {
  if (error instanceof Mismatch) return error.message;
  if (!(error instanceof Error)) return `threw ${String(error)}`;
  return `${error.name}: ${error.message}${origin(error)}`;
}

/** Cases that say nothing about the library: they are listed and not counted. */
export function isSetApart(result: Result): boolean {
  if (result.status !== 'unsupported') return false;
  return result.message === 'complex' || result.message.startsWith('inexpressible');
}

/** Runs a case: passed when nothing is thrown. */
export function runCase(
  library: Library,
  suite: string,
  testCase: Case,
  folder: string,
): { status: Status; message: string } {
  const runner = runners[suite];
  if (runner === undefined) return { status: 'failed', message: `unknown suite ${suite}` };
  if (usesComplex(testCase)) return { status: 'unsupported', message: 'complex' };
  try {
    runner(library, testCase, folder);
    return { status: 'passed', message: '' };
  } catch (error) {
    if (error instanceof Inexpressible)
      return { status: 'unsupported', message: `inexpressible: ${error.message}` };
    if (isUnsupported(error)) return { status: 'unsupported', message: (error as Error).message };
    return { status: 'failed', message: explain(error) };
  }
}

export function resultOf(group: Group, testCase: Case, status: Status, message: string): Result {
  return {
    suite: group.suite,
    op: group.op ?? group.name,
    tier: group.tier ?? null,
    dtype: (testCase.dtype as string | undefined) ?? null,
    id: testCase.id,
    status,
    message,
  };
}
