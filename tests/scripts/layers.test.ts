/** The sources keep to their layers; and the check would notice if they did not. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { checkLayers, readSources, runtimeImports } from '../../scripts/layers.ts';

const check = (modules: Readonly<Record<string, string>>): string[] =>
  checkLayers(new Map(Object.entries(modules)));

describe('layers', () => {
  test('of the sources', () => {
    const sources = readSources(fileURLToPath(new URL('../../src/', import.meta.url)));
    const imports = [...sources.values()].reduce((n, text) => n + runtimeImports(text).length, 0);
    assert.ok(sources.size > 100 && imports > sources.size, 'the sources are there and were read');
    assert.deepEqual(checkLayers(sources), []);
  });

  test('what a module loads', () => {
    const text = [
      "import './a.ts';",
      "import { b } from './b.ts';",
      "import type { C } from './erased.ts';",
      "export type { D } from './erased.ts';",
      "import { type E } from './e.ts';",
      "import {\n  f,\n  type G,\n} from './f.ts';",
      "export * from './g.ts';",
      "export * as h from './h.ts';",
      "import type, { i } from './i.ts';",
      "import type from './j.ts';",
      "export const x = '1';",
      "const late = await import('./k.ts');",
      "type T = import('./erased.ts').Name;",
      " * import { x } from './comment.ts';",
      "// import('./comment.ts')",
    ].join('\n');
    const loaded = runtimeImports(text).map((s) => s.replace(/^\.\/|\.ts$/g, ''));
    assert.deepEqual(loaded, ['a', 'b', 'e', 'f', 'g', 'h', 'i', 'j', 'k']);
  });

  test('a later layer', () => {
    assert.deepEqual(
      check({
        'ops/a.ts': "import '../tensor/b.ts';",
        'tensor/b.ts': "import '../ops/c.ts';",
        'ops/c.ts': '',
      }),
      ['ops/a.ts imports tensor/b.ts: tensor comes after ops'],
    );
    assert.deepEqual(
      check({ 'ops/a.ts': "import type { B } from '../tensor/b.ts';", 'tensor/b.ts': '' }),
      [],
    );
  });

  test('the insides of nn, optim, data and io', () => {
    const files = { 'nn/index.ts': '', 'nn/module.ts': '', 'tensor/t.ts': '' };
    assert.deepEqual(
      check({ ...files, 'io/a.ts': "import '../nn/index.ts';\nimport '../tensor/t.ts';" }),
      [],
    );
    assert.deepEqual(check({ ...files, 'io/a.ts': "import '../nn/module.ts';" }), [
      'io/a.ts imports nn/module.ts: of nn, io sees index.ts only',
    ]);
  });

  test('one device in another', () => {
    const files = { 'device/device.ts': '', 'device/wasm/w.ts': '' };
    assert.deepEqual(check({ ...files, 'device/reference/r.ts': "import '../device.ts';" }), []);
    assert.deepEqual(check({ ...files, 'device/reference/r.ts': "import '../wasm/w.ts';" }), [
      'device/reference/r.ts imports device/wasm/w.ts: devices do not know each other',
    ]);
  });

  test('entry points, unknown folders, missing files', () => {
    assert.deepEqual(check({ 'index.ts': "import './nn/a.ts';", 'nn/a.ts': "import '../index.ts';" }), [
      'nn/a.ts imports the entry point index.ts',
      'a cycle: index.ts, nn/a.ts',
    ]);
    assert.deepEqual(check({ 'misc/a.ts': '' }), ['misc/a.ts: misc is not in the list of layers']);
    assert.deepEqual(check({ 'base/a.ts': "import './b.ts';" }), [
      'base/a.ts imports base/b.ts, which does not exist',
    ]);
  });

  test('cycles', () => {
    const files = {
      'base/a.ts': "import './b.ts';",
      'base/b.ts': "import './c.ts';",
      'base/c.ts': "import './b.ts';",
      'base/d.ts': "import './d.ts';",
    };
    assert.deepEqual(check(files), ['a cycle: base/b.ts, base/c.ts', 'a cycle: base/d.ts']);
  });
});
