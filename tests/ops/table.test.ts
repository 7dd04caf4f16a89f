/** No op without samples: everything that the library defines is checked by some table, or exempt for a reason. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Alias, type Table } from './cases.ts';
import { definitions } from './definitions.ts';
import { methodOf } from './harness.ts';
import { tables } from './samples/index.ts';

/** Definitions that the checks of this folder do not fit. */
const exempt: Readonly<Record<string, string>> = {
  'Tensor.backward': 'the engine: tests/autograd',
  'Tensor.detach_': 'changes the graph, not values: tests/autograd',
};

const samples: Table = Object.assign({}, ...tables);

/** `add_` is checked as the in-place form of `add`. */
function isChecked(path: string): boolean {
  const name = path.replace('Tensor.', '');
  if (path in samples || name in samples || `Tensor.${name}` in samples) return true;
  const plain = name.replace(/_$/, '');
  return name.endsWith('_') && plain in samples && methodOf(name) !== undefined;
}

describe('the op table', () => {
  test('every definition has samples', () => {
    const missing = [...definitions().keys()].filter((path) => !isChecked(path) && !(path in exempt));
    assert.deepEqual(missing, [], 'add samples to tests/ops/samples');
  });

  test('what is exempt exists and has no samples', () => {
    const known = definitions();
    for (const path of Object.keys(exempt)) assert.ok(known.has(path) && !(path in samples), path);
  });

  test('no path has samples twice', () => {
    const seen = new Set<string>();
    for (const path of tables.flatMap((table) => Object.keys(table))) {
      assert.ok(!seen.has(path), path);
      seen.add(path);
    }
  });

  test('aliases name ops of the same table', () => {
    for (const table of tables) {
      for (const [path, entry] of Object.entries(table)) {
        if (entry instanceof Alias) assert.ok(entry.of in table, `${path} of ${entry.of}`);
      }
    }
  });
});
