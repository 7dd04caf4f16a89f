/** No op without samples: everything that the library defines is checked by some table, or exempt for a reason. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import * as torch from 'typetorch';
import * as ops from '../../src/ops/index.ts';
import { type Definition, definitionOf } from '../../src/ops/define.ts';
import * as access from '../../src/tensor/access.ts';
import * as create from '../../src/tensor/create.ts';
import * as graph from '../../src/tensor/graph.ts';
import * as indexing from '../../src/tensor/indexing.ts';
import * as random from '../../src/tensor/random.ts';
import { Alias, type Table } from './cases.ts';
import { methodOf } from './harness.ts';
import { tables } from './samples/index.ts';

/** Definitions that the checks of this folder do not fit. */
const exempt: Readonly<Record<string, string>> = {
  'Tensor.backward': 'the engine: tests/autograd',
  'Tensor.detach_': 'changes the graph, not values: tests/autograd',
};

const samples: Table = Object.assign({}, ...tables);

/** Every definition by its path; functions that a namespace takes over from `torch` (`torch.special.exp2`) under that one. */
function definitions(): Map<string, Definition> {
  const found = new Map<string, Definition>();
  const known = new Set<unknown>(Object.values(torch));
  const collect = (module: object, prefix: string): void => {
    for (const [name, value] of Object.entries(module)) {
      const definition = definitionOf(value);
      if (definition === undefined || (prefix !== '' && known.has(value))) continue;
      const method = prefix === '' && definition.methodOnly === true;
      found.set(`${method ? 'Tensor.' : prefix}${name}`, definition);
    }
  };
  for (const module of [ops, access, create, graph, indexing, random]) collect(module, '');
  collect(torch.nn.functional, 'nn.functional.');
  for (const [name, value] of Object.entries(torch)) {
    const space = value !== null && typeof value === 'object' && name !== 'nn';
    if (space) collect(value, `${name}.`);
  }
  return found;
}

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
