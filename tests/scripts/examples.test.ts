/** How examples in the documentation are found and what they promise. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  type Example,
  examplesOfModule,
  examplesOfPage,
  moduleOf,
  oneLine,
  promises,
} from '../../scripts/examples.ts';

const example = (code: string): Example => ({ file: 'page.md', line: 10, code });

describe('examples of the documentation', () => {
  test('of a page: every ts block, no other', () => {
    const page = [
      '# A',
      '```ts',
      'one();',
      '```',
      '```diff',
      '+two();',
      '```',
      ' ```ts',
      ' three();',
      ' ```',
    ];
    assert.deepEqual(examplesOfPage('a.md', page.join('\n')), [
      { file: 'a.md', line: 3, code: 'one();' },
      { file: 'a.md', line: 9, code: 'three();' },
    ]);
    assert.throws(() => examplesOfPage('a.md', '```ts\nx'), /a\.md:1: the block has no end/);
  });

  test('of a module: what follows @example in docstrings', () => {
    const source = [
      '/**',
      ' * Text.',
      ' *',
      ' * ```ts',
      ' * internal();',
      ' * ```',
      ' * @example',
      ' * ```ts',
      ' * if (a) {',
      ' *   b();',
      ' * }',
      ' * ```',
      ' */',
      'const text = `',
      '@example',
      '```ts',
      'no();',
      '```',
      '`;',
    ];
    assert.deepEqual(examplesOfModule('a.ts', source.join('\n')), [
      { file: 'a.ts', line: 9, code: 'if (a) {\n  b();\n}' },
    ]);
    assert.throws(() => examplesOfModule('a.ts', '/**\n * @example\n * one();\n */'), /no ```ts block/);
  });

  test('promised outputs', () => {
    const code = [
      'console.log(a); // => 1',
      'console.log(b);',
      '// => tensor([[1, 2],',
      '//            [3, 4]])',
      '// a comment',
      'for (const c of d) console.log(c);',
      '// => 5',
      '// => 6',
      'console.log(',
      '  e,',
      '); // => 7',
      'console.log(f);',
    ];
    assert.deepEqual(promises(example(code.join('\n'))), [
      { line: 1, output: '1' },
      { line: 2, output: 'tensor([[1, 2], [3, 4]])' },
      { line: 6, output: '5 6' },
      { line: 9, output: '7' },
    ]);
    assert.throws(() => promises(example('f(); // => 1')), /page\.md:10: no console\.log/);
    assert.equal(oneLine(' a\n   b  c '), 'a b c');
  });

  test('as a module: prints by line, imports what is missing', () => {
    const [head, ...body] = moduleOf(example('const x = torch.nn.relu(1);\nconsole.log(x);')).split('\n');
    assert.match(head, /import \* as torch from 'typetorch';$/);
    assert.doesNotMatch(head, /import \* as nn/);
    assert.deepEqual(body, ['const x = torch.nn.relu(1);', '__printed(2, x);', 'export {};', '']);
    assert.doesNotMatch(moduleOf(example("import { nn } from 'typetorch';\nnn.a();")), /import \* as nn/);
    assert.match(moduleOf(example('class A extends nn.Module {}')), /import \* as nn from 'typetorch\/nn';/);
  });
});
