/**
 * `npm run check:package`: builds and packs the package as it would be published, lints it (publint, Are the Types Wrong), then installs it
 * in an empty project, where a plain Node program imports every entry point and trains, and a TypeScript program compiles against it.
 */
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { publint } from 'publint';
import { formatMessage } from 'publint/utils';

const root = fileURLToPath(new URL('../', import.meta.url));
const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
  name: string;
  exports: Readonly<Record<string, string | { readonly node: string; readonly default: string }>>;
};

/** Runs a program and returns what it printed; throws with its output where it fails. */
function run(command: string, args: readonly string[], cwd = root): string {
  const { status, stdout, stderr, error } = spawnSync(command, args, { cwd, encoding: 'utf8' });
  if (error !== undefined) throw error;
  if (status !== 0) throw new Error(`${command} ${args.join(' ')} ended with ${status}\n${stdout}${stderr}`);
  return stdout;
}

/** A program of the project's own dependencies. */
const tool = (...path: readonly string[]): string => join(root, 'node_modules', ...path);

interface Packed {
  readonly filename: string;
  readonly size: number;
  readonly unpackedSize: number;
  readonly files: readonly { readonly path: string }[];
}

function pack(folder: string): string {
  const args = ['pack', '--json', '--ignore-scripts', '--pack-destination', folder];
  const [packed] = JSON.parse(run('npm', args)) as Packed[];
  const stray = packed.files.find(
    ({ path }) => !/^(dist\/|package\.json$|README\.md$|LICENSE$|CHANGELOG\.md$)/.test(path),
  );
  if (stray !== undefined) throw new Error(`${stray.path} does not belong into the package`);
  for (const needed of ['README.md', 'LICENSE', 'CHANGELOG.md', 'dist/index.js', 'dist/index.d.ts']) {
    if (!packed.files.some(({ path }) => path === needed)) throw new Error(`the package lacks ${needed}`);
  }
  const kilobytes = (n: number): string => `${Math.round(n / 1024)} kB`;
  console.log(
    `packed: ${packed.files.length} files, ${kilobytes(packed.size)}, unpacked ${kilobytes(packed.unpackedSize)}`,
  );
  return join(folder, packed.filename);
}

async function lint(tarball: string): Promise<void> {
  const { buffer } = new Uint8Array(readFileSync(tarball));
  const { messages, pkg } = await publint({ pack: { tarball: buffer }, strict: true });
  if (messages.length > 0) {
    throw new Error(`publint:\n${messages.map((m) => formatMessage(m, pkg)).join('\n')}`);
  }
  console.log('publint: nothing to say');
  const attw = tool('@arethetypeswrong', 'cli', 'dist', 'index.js');
  run(process.execPath, [
    attw,
    tarball,
    '--profile',
    'esm-only',
    '--format',
    'ascii',
    '--no-definitely-typed',
    '--no-emoji',
  ]);
  console.log('attw: no problems found');
}

type Namespace = Readonly<Record<string, unknown>>;

const load = async (file: string): Promise<Namespace> =>
  (await import(pathToFileURL(join(root, file)).href)) as Namespace;

/** What a namespace, and those in it, exports: by path, the names that functions and classes give themselves. */
function exportsOf(
  namespace: Namespace,
  path: string,
  into: Map<string, string> = new Map(),
): Map<string, string> {
  for (const [key, value] of Object.entries(namespace)) {
    const at = `${path}.${key}`;
    into.set(at, typeof value === 'function' ? value.name : typeof value);
    const isNamespace =
      Object.prototype.toString.call(value) === '[object Module]' || isJoinedNamespace(value);
    if (isNamespace) exportsOf(value as Namespace, at, into);
  }
  return into;
}

/** A namespace in joined code is a frozen object. */
function isJoinedNamespace(value: unknown): boolean {
  return typeof value === 'object' && value !== null && Object.isFrozen(value);
}

/** What Node loads is the same as what pages load: under each entry point the same exports, which call themselves the same. */
async function compareBuilds(): Promise<void> {
  let count = 0;
  for (const [entry, files] of Object.entries(manifest.exports)) {
    if (typeof files === 'string') continue;
    const modules = exportsOf(await load(files.default), entry);
    const joined = exportsOf(await load(files.node), entry);
    count += modules.size;
    const differing = [...new Set([...modules.keys(), ...joined.keys()])].filter(
      (at) => modules.get(at) !== joined.get(at),
    );
    if (differing.length > 0) {
      const [at] = differing;
      throw new Error(
        `${differing.length} exports differ between ${files.default} and ${files.node}; ${at}: ${modules.get(at)} and ${joined.get(at)}`,
      );
    }
  }
  console.log(`modules and bundle agree on ${count} exports`);
}

/** An empty project with the package in it. */
function install(tarball: string, folder: string): void {
  writeFileSync(join(folder, 'package.json'), '{ "name": "consumer", "private": true, "type": "module" }\n');
  run('npm', ['install', '--no-audit', '--no-fund', '--offline', tarball], folder);
}

function useFromNode(folder: string): void {
  const entries = Object.keys(manifest.exports).filter((e) => !e.endsWith('.json'));
  const specifiers = entries.map((entry) => manifest.name + entry.slice(1));
  cpSync(join(root, 'tests', 'package', 'consumer.mjs'), join(folder, 'consumer.mjs'));
  process.stdout.write(run(process.execPath, ['consumer.mjs', ...specifiers], folder));
}

/** With the strictest checks, declarations of the package included, under both kinds of module resolution. */
function useFromTypeScript(folder: string): void {
  cpSync(join(root, 'tests', 'package', 'consumer.ts'), join(folder, 'consumer.ts'));
  for (const [module, moduleResolution] of [
    ['nodenext', 'nodenext'],
    ['esnext', 'bundler'],
  ]) {
    const compilerOptions = {
      target: 'es2022',
      lib: ['es2022', 'dom'],
      types: [],
      module,
      moduleResolution,
      strict: true,
      skipLibCheck: false,
      noEmit: true,
    };
    writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions, files: ['consumer.ts'] }));
    run(process.execPath, [tool('typescript', 'bin', 'tsc'), '-p', folder], folder);
  }
  console.log('a TypeScript program compiles against the declarations');
}

const folder = mkdtempSync(join(tmpdir(), 'typetorch-package-'));
try {
  run('npm', ['run', 'build']);
  await compareBuilds();
  const tarball = pack(folder);
  await lint(tarball);
  const consumer = join(folder, 'consumer');
  mkdirSync(consumer);
  install(tarball, consumer);
  useFromNode(consumer);
  useFromTypeScript(consumer);
} catch (error) {
  console.error((error as Error).message);
  process.exitCode = 1;
} finally {
  rmSync(folder, { recursive: true, force: true });
}
