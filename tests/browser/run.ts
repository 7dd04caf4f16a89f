/**
 * `npm run test:browser [-- --required]`: the built package in a page of Chromium, as ES modules over HTTP, without a bundler.
 *
 * The page trains a small network; its losses must fall and be those of Node. Once with cross-origin isolation (shared memory,
 * threads) and once without, where the library has to say so, once, naming the headers. Without a Chromium the test is skipped, or with
 * `--required` failed.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { delimiter, extname, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Browser, chromium } from 'playwright-core';

const root = fileURLToPath(new URL('../../', import.meta.url));

const FLAGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

/** What program.mjs returns. */
interface Result {
  readonly losses: readonly number[];
  readonly total: number;
  readonly wave: number;
  readonly savedAndLoaded: boolean;
  readonly printed: string;
  readonly threads: number;
  readonly config: string;
}

interface Page {
  readonly isolated: boolean;
  readonly result: Result;
  readonly warnings: readonly string[];
}

/** `CHROMIUM_PATH`, or a Chromium or Chrome where systems have it. */
function findChromium(): string | null {
  const given = process.env.CHROMIUM_PATH;
  if (given !== undefined) return given;
  const folders = (process.env.PATH ?? '').split(delimiter);
  const names = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'];
  const candidates = names.flatMap((name) => folders.map((folder) => join(folder, name)));
  candidates.push('/Applications/Google Chrome.app/Contents/MacOS/Google Chrome');
  return candidates.find((path) => existsSync(path)) ?? null;
}

const HTML = `<!doctype html>
<meta charset="utf-8">
<link rel="icon" href="data:,">
<script type="importmap">{ "imports": { "typetorch": "/dist/index.js" } }</script>
<script type="module">
  import * as torch from 'typetorch';
  import { program } from '/tests/browser/program.mjs';
  try {
    program(torch);
    // Workers start once there has been enough work for them: the second round can use them.
    const large = torch.ones(1024, 1024);
    for (let i = 0; i < 4; i++) large.mm(large);
    await new Promise((resolve) => setTimeout(resolve, 500));
    globalThis.outcome = { isolated: crossOriginIsolated, result: program(torch) };
  } catch (error) {
    globalThis.outcome = { error: String(error?.stack ?? error) };
  }
</script>
`;

const TYPES: Readonly<Record<string, string>> = { '.js': 'text/javascript', '.mjs': 'text/javascript' };

/** Serves the page, `dist` and the test's own program; `isolated` adds the headers that allow shared memory. */
function serve(isolated: boolean): Promise<Server> {
  const server = createServer((request, response) => {
    if (isolated) {
      response.setHeader('Cross-Origin-Opener-Policy', 'same-origin');
      response.setHeader('Cross-Origin-Embedder-Policy', 'require-corp');
    }
    const { pathname } = new URL(request.url ?? '/', 'http://localhost');
    if (pathname === '/') {
      response.setHeader('Content-Type', 'text/html');
      response.end(HTML);
      return;
    }
    const path = join(root, normalize(pathname));
    const type = TYPES[extname(path)];
    const allowed = /^\/(dist|tests\/browser)\//.test(normalize(pathname));
    if (!allowed || type === undefined || !existsSync(path) || !statSync(path).isFile()) {
      response.statusCode = 404;
      response.end();
      return;
    }
    response.setHeader('Content-Type', type);
    response.end(readFileSync(path));
  });
  return new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(server)));
}

/** Opens the page and waits for its outcome. */
async function visit(browser: Browser, isolated: boolean): Promise<Page> {
  const server = await serve(isolated);
  try {
    const page = await browser.newPage();
    const warnings: string[] = [];
    const errors: string[] = [];
    page.on('console', (message) => {
      if (message.type() === 'warning') warnings.push(message.text());
      if (message.type() === 'error') errors.push(message.text());
    });
    page.on('pageerror', (error) => errors.push(String(error)));
    const { port } = server.address() as AddressInfo;
    await page.goto(`http://127.0.0.1:${port}/`);
    const outcome = (await page
      .waitForFunction('globalThis.outcome', undefined, { timeout: 60_000 })
      .then((handle) => handle.jsonValue())) as { error?: string } & Page;
    await page.close();
    assert.equal(outcome.error, undefined);
    assert.deepEqual(errors, [], 'errors on the console of the page');
    return { isolated: outcome.isolated, result: outcome.result, warnings };
  } finally {
    server.close();
    server.closeAllConnections();
  }
}

/** The same program in Node, on the same build. Matrix products by the same kernels. */
async function inNode(): Promise<Result> {
  process.env.TYPETORCH_BLAS = 'off';
  const entry = new URL('../../dist/index.js', import.meta.url).href;
  const torch = (await import(entry)) as object;
  const { program } = (await import(new URL('./program.mjs', import.meta.url).href)) as {
    program: (torch: object) => Result;
  };
  return program(torch);
}

/** Equal but for the order of float32 sums: threads add other parts first. */
function expectClose(got: number, expected: number, what: string): void {
  const difference = Math.abs(got - expected);
  assert.ok(
    difference <= 1e-6 * Math.max(1, Math.abs(expected)),
    `${what}: ${got} in the page, ${expected} in Node`,
  );
}

function compare({ result }: Page, node: Result): void {
  const { losses } = result;
  assert.ok(losses[losses.length - 1] < 0.6 * losses[0], `the loss falls: ${losses.join(', ')}`);
  assert.equal(losses.length, node.losses.length);
  losses.forEach((loss, i) => {
    expectClose(loss, node.losses[i], `loss ${i}`);
  });
  expectClose(result.total, node.total, 'the sum of a matrix product');
  expectClose(result.wave, node.wave, 'the sum of sines');
  assert.ok(result.savedAndLoaded, 'torch.save and torch.load through bytes');
  assert.equal(result.printed, node.printed);
}

const shown = ({ result }: Page): string =>
  `loss ${result.losses[0].toFixed(4)} → ${result.losses[result.losses.length - 1].toFixed(4)}, threads: ${result.threads}`;

async function main(executablePath: string): Promise<void> {
  const build = spawnSync('npm', ['run', 'build'], { cwd: root, stdio: ['ignore', 'ignore', 'inherit'] });
  assert.equal(build.status, 0, 'npm run build');
  const node = await inNode();
  const browser = await chromium.launch({ executablePath, headless: true, args: FLAGS });
  try {
    console.log(`Chromium ${browser.version()}`);
    const isolated = await visit(browser, true);
    assert.equal(isolated.isolated, true);
    compare(isolated, node);
    assert.deepEqual(isolated.warnings, []);
    console.log(`with COOP and COEP:    ${shown(isolated)}`);

    const alone = await visit(browser, false);
    assert.equal(alone.isolated, false);
    compare(alone, node);
    assert.equal(alone.result.threads, 1);
    const naming = alone.warnings.filter((text) =>
      /Cross-Origin-Opener-Policy.*Cross-Origin-Embedder-Policy/s.test(text),
    );
    assert.equal(
      naming.length,
      1,
      `one warning that names the headers, got ${JSON.stringify(alone.warnings)}`,
    );
    console.log(`without these headers: ${shown(alone)}`);
    console.log('browser test passed: the losses in the page fall and are those of Node');
  } finally {
    await browser.close();
  }
}

const executable = findChromium();
if (executable === null) {
  const required = process.argv.includes('--required');
  console.log(
    `browser test ${required ? 'failed' : 'skipped'}: no Chromium found (set CHROMIUM_PATH, or install one)`,
  );
  process.exitCode = required ? 1 : 0;
} else {
  try {
    await main(executable);
    process.exit(0);
  } catch (error) {
    console.error(error);
    process.exit(1);
  }
}
