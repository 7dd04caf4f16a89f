/** The page on adding an op: its diff applies to the sources as they are, and the op that comes out does all that the page says. */
import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { after, describe, test } from 'node:test';
import { fileURLToPath, pathToFileURL } from 'node:url';
import * as torch from 'typetorch';
import { installMethods } from '../../src/tensor/install.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));
const page = readFileSync(join(root, 'docs/adding-an-op.md'), 'utf8');
const folder = join(root, '.cache', `adding-${process.pid}`);
after(() => rmSync(folder, { recursive: true, force: true }));

/** Applies a diff of one hunk: what it keeps and takes away must be in the text, once. */
function applied(diff: readonly string[], text: string): string {
  const hunk = diff.slice(diff.findIndex((line) => line.startsWith('@@')) + 1);
  const side = (without: string): string =>
    hunk
      .filter((line) => !line.startsWith(without))
      .map((line) => line.slice(1))
      .join('\n');
  const before = side('+');
  assert.equal(text.split(before).length, 2, 'the lines around the change are those of the file');
  return text.replace(before, () => side('-'));
}

/** The patched module, its imports those of the sources. */
async function patched(): Promise<Readonly<Record<string, unknown>>> {
  const [, block] = /```diff\n(--- a\/.*?)\n```/s.exec(page) ?? [];
  assert.ok(block !== undefined, 'the page has a diff');
  const lines = block.split('\n');
  const path = join(root, lines[1].replace('+++ b/', ''));
  const text = applied(lines, readFileSync(path, 'utf8'));
  const absolute = text.replace(/ from '(\.[^']*)';/g, (_, specifier: string) => {
    return ` from '${pathToFileURL(join(dirname(path), specifier)).href}';`;
  });
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'patched.ts'), absolute);
  return (await import(pathToFileURL(join(folder, 'patched.ts')).href)) as Record<string, unknown>;
}

type Unary = (input: unknown, options?: { out?: torch.Tensor }) => torch.Tensor;
const logCosh = (await patched()).logCosh as Unary;
installMethods({ logCosh });
const call = (x: torch.Tensor, name: string): torch.Tensor =>
  (x as unknown as Readonly<Record<string, () => torch.Tensor>>)[name]();

const points = [-3, -0.5, 0, 0.25, 2];
const logCoshOf = (x: number): number => Math.log(Math.cosh(x));

function assertNear(got: torch.Tensor, expected: readonly number[], dtype: torch.DType): void {
  assert.equal(got.dtype, dtype);
  torch.testing.assertClose(got.to('cpu'), torch.tensor(expected, { dtype }));
}

describe('the op of docs/adding-an-op.md', () => {
  for (const device of ['cpu', 'reference']) {
    test(`function, method, in place, out= on the device '${device}'`, () => {
      const x = torch.tensor(points, { device });
      const expected = points.map(logCoshOf);
      assertNear(logCosh(x), expected, torch.float32);
      assertNear(call(x, 'logCosh'), expected, torch.float32);
      const out = torch.empty(0, { device });
      assert.equal(logCosh(x, { out }), out);
      assertNear(out, expected, torch.float32);
      assert.equal(call(x, 'logCosh_'), x);
      assertNear(x, expected, torch.float32);
    });

    test(`dtypes and layouts on the device '${device}'`, () => {
      const of = (dtype: torch.DType): torch.Tensor => logCosh(torch.tensor([-2, 0, 3], { dtype, device }));
      const expected = [-2, 0, 3].map(logCoshOf);
      assertNear(of(torch.int64), expected, torch.float32);
      assertNear(of(torch.float64), expected, torch.float64);
      assertNear(of(torch.float16), expected, torch.float16);
      const grid = torch.arange(0, 12, { dtype: torch.float32, device }).view(3, 4);
      const turned = grid.t().index('::2');
      assertNear(logCosh(turned).flatten(), [0, 4, 8, 2, 6, 10].map(logCoshOf), torch.float32);
      assertNear(
        logCosh(torch.tensor([100, -1e4], { device })),
        [100 - Math.LN2, 1e4 - Math.LN2],
        torch.float32,
      );
    });

    test(`gradients on the device '${device}'`, () => {
      const x = torch.tensor(points, { dtype: torch.float64, requiresGrad: true, device });
      const y = logCosh(x);
      assert.equal(String(y.gradFn), '<LogCoshBackward0>');
      const [first] = torch.autograd.grad(y.sum(), [x], { createGraph: true });
      assert.ok(first !== null);
      assertNear(first.detach(), points.map(Math.tanh), torch.float64);
      const [second] = torch.autograd.grad(first.sum(), [x]);
      assert.ok(second !== null);
      assertNear(
        second,
        points.map((p) => 1 - Math.tanh(p) ** 2),
        torch.float64,
      );
    });
  }

  test('gradcheck and gradgradcheck', () => {
    const x = torch.tensor([-1.5, -0.25, 0, 0.5, 1], { dtype: torch.float64, requiresGrad: true });
    assert.ok(torch.autograd.gradcheck(logCosh, x));
    assert.ok(torch.autograd.gradgradcheck(logCosh, x));
  });

  test('a wrong argument', () => {
    assert.throws(
      () => logCosh(2),
      /^TypeError: log_cosh\(\): argument 'input' \(position 1\) must be Tensor, not int$/,
    );
  });
});
