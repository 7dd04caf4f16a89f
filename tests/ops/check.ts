/** Registers the checks of a sample table as tests. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { checkDevices, checkEdges } from './agreement.ts';
import { Alias, OpCase, type Table } from './cases.ts';
import { checkForms } from './forms.ts';
import { checkGradients, checkInplaceGradients } from './gradients.ts';
import { argumentsFor, expectSameOutcome, type Fn, type Outcome, outcome, resolve } from './harness.ts';
import * as torch from 'typetorch';

/** Tests of every op of a table; with `edges` also at the edges of the dtypes (elementwise ops). */
export function checkTable(table: Table, edges = false): void {
  for (const [path, entry] of Object.entries(table)) {
    if (entry instanceof OpCase) checkOp(path, entry, edges);
    else if (entry instanceof Alias) checkAlias(path, entry.of, table);
  }
}

function checkOp(path: string, spec: OpCase, edges: boolean): void {
  describe(path, () => {
    const fn = resolve(path);
    if (spec.facts.missing) {
      test('is not implemented', () => checkMissing(path, fn, spec));
      return;
    }
    test('devices agree', () => checkDevices(path, fn, spec));
    if (edges) test('devices agree at the edges of dtypes', () => checkEdges(path, fn, spec));
    test('derivatives', () => {
      checkGradients(path, fn, spec);
      checkInplaceGradients(path, spec);
    });
    test('in place, out=, method', () => checkForms(path, fn, spec));
  });
}

/** Fails once the op works, so that its samples are used from then on. */
function checkMissing(path: string, fn: Fn, spec: OpCase): void {
  for (const sample of spec.samples) {
    const args = argumentsFor(sample, { dtype: torch.float32, device: 'cpu', layout: 'contiguous' });
    assert.throws(() => fn(...args), torch.NotImplementedError, `${path} works: take missing() away`);
  }
}

function checkAlias(path: string, of: string, table: Table): void {
  test(`${path} is ${of}`, () => {
    const spec = table[of];
    if (!(spec instanceof OpCase)) throw new Error(`${of} has no samples in this table`);
    for (const sample of spec.samples) {
      for (const dtype of [torch.float32, torch.int64]) {
        const args = (): unknown[] => argumentsFor(sample, { dtype, device: 'cpu', layout: 'contiguous' });
        const call = (name: string): Outcome => outcome(spec.facts, () => resolve(name)(...args()));
        expectSameOutcome(renamed(call(path), path, of), call(of), path);
      }
    }
  });
}

/** Error messages name the function. */
function renamed(result: Outcome, from: string, to: string): Outcome {
  if (!('error' in result)) return result;
  result.error.message = result.error.message.replaceAll(from, to);
  return result;
}
