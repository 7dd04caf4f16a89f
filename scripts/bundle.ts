/**
 * Joins the modules of `dist/` for Node, which loads one large file in a third of the time that hundreds of small ones take.
 *
 * `dist/bundle/index.js` holds everything, with a map to the modules that it was made of; every other entry point takes its exports from
 * there, so that all share one instance. Comments, spaces and arrow functions, on which V8 would spend time at every start, are left out; names
 * stay. Bundlers of pages get the modules, of which they can leave out what is not used.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { build, type Plugin } from 'esbuild';

type Namespace = Readonly<Record<string, unknown>>;

/** Entry points below the main one, as the path of the namespace that they are: `typetorch/nn/init` is `torch.nn.init`. */
function subpaths(): string[] {
  const manifest = new URL('../package.json', import.meta.url);
  const { exports } = JSON.parse(readFileSync(manifest, 'utf8')) as {
    exports: Readonly<Record<string, unknown>>;
  };
  return Object.keys(exports).flatMap((path) =>
    path === '.' || path.endsWith('.json') ? [] : [path.slice(2)],
  );
}

/**
 * `import * as ns` and `export * as ns` as plain objects. Of itself the joiner makes an object of getters for each: a thousand functions, which V8
 * reads at every start, and compiles one by one where something goes through all exports.
 */
const plainNamespaces: Plugin = {
  name: 'plain namespaces',
  setup({ onLoad, onResolve }) {
    onResolve({ filter: /^namespace:/ }, ({ path, resolveDir }) => ({
      namespace: 'plain',
      path: join(resolveDir, path.slice('namespace:'.length)),
    }));
    onLoad({ filter: /\.js$/, namespace: 'file' }, ({ path }) => ({
      contents: readFileSync(path, 'utf8').replace(
        /^(import|export) \* as (\w+) from '(.*)';$/gm,
        (statement, kind: string, name: string, from: string, _at: number, text: string) => {
          // Where only members are named, none is made.
          const asValue = new RegExp(`(?<!\\* as )\\b${name}\\b(?!\\.)`).test(text);
          if (kind === 'import' && !asValue) return statement;
          return `${kind} { namespace as ${name} } from 'namespace:${from}';`;
        },
      ),
    }));
    onLoad({ filter: /./, namespace: 'plain' }, async ({ path }) => {
      const names = Object.keys((await import(pathToFileURL(path).href)) as Namespace);
      const list = (member: (name: string) => string): string => names.map(member).join(', ');
      return {
        resolveDir: dirname(path),
        contents:
          `import { ${list((name) => `${name} as $${name}`)} } from ${JSON.stringify(path)};\n` +
          `export const namespace = Object.freeze({ ${list((name) => `${name}: $${name}`)} });\n`,
      };
    });
  },
};

/** Writes `dist/bundle/`. */
export async function bundle(dist: string): Promise<void> {
  const folder = join(dist, 'bundle');
  const main = join(folder, 'index.js');
  await build({
    entryPoints: [join(dist, 'index.js')],
    outfile: main,
    bundle: true,
    format: 'esm',
    platform: 'neutral',
    target: 'es2022',
    minifyWhitespace: true,
    legalComments: 'none',
    // V8 reads past a function that is not called yet, but takes every arrow function in.
    supported: { arrow: false },
    plugins: [plainNamespaces],
    // Node shows the line of an error that nobody catches.
    lineLimit: 120,
    sourcemap: true,
    sourcesContent: false,
    logLevel: 'warning',
  });
  const text = readFileSync(main, 'utf8');
  // In place of an arrow function's `this` the joiner puts a variable, in constructors too early.
  const early = /\{\s*var _this\d*=\s*this;(?:(?!\bconstructor\()[\s\S])*?\bsuper\(/.exec(text);
  if (early !== null) {
    throw new Error(`an arrow function uses this in a constructor with super(): ${early[0]}`);
  }
  writeFileSync(main, restoreNames(text));
  const torch = (await import(pathToFileURL(main).href)) as Namespace;
  for (const path of subpaths()) {
    const [first, ...rest] = path.split('/');
    const namespace = rest.reduce((within, name) => within[name] as Namespace, torch[first] as Namespace);
    const up = rest.length === 0 ? './' : '../'.repeat(rest.length);
    const file = join(folder, `${path}.js`);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(
      file,
      `import { ${first} } from '${up}index.js';\n\n` +
        `export const {\n  ${Object.keys(namespace).join(',\n  ')},\n} = ${path.replaceAll('/', '.')};\n`,
    );
  }
}

/**
 * Names of functions and classes are part of what users see (in messages, printed modules and pickles). Joining changes them in two ways: in
 * an expression that mentions itself it is `_X` or `X2`, and where several modules have an `X`, all but one are called `X2`.
 */
function restoreNames(text: string): string {
  const expressions = text.matchAll(
    /(?<=^|[;}])var (?<name>\w+)=\s*(?:class|function) (?<inner>_\k<name>|\k<name>\d+)\b/gm,
  );
  for (const { groups } of expressions) {
    text = text.replace(new RegExp(`(?<![.\\w$'"])${groups?.inner}\\b`, 'g'), groups?.name ?? '');
  }
  const namespaces = [...text.matchAll(/(?<=\bnamespace\d*=\s*Object\.freeze\()\{[^}]*\}/g)].join('');
  const exported = [
    ...text.matchAll(/(?<=^|[{,])(?<inner>(?<name>\w+?)\d+) as \k<name>(?=[,}])/gm),
    ...namespaces.matchAll(/(?<=[{,]\s*)(?<name>\w+):\s*(?<inner>\k<name>\d+)(?=[,}])/g),
  ];
  const names = new Map(exported.map(({ groups }) => [groups?.inner, groups?.name]));
  const declared = [
    ...text.matchAll(/(?<=^|[;}])(?:(?:async )?function\*?|var(?= \w+=\s*class\b)) (\w+)\b/gm),
  ];
  const statements = declared.flatMap(([, inner]) => {
    const name = names.get(inner);
    return name === undefined ? [] : [`Object.defineProperty(${inner},'name',{value:'${name}'});\n`];
  });
  // After the code, so that the map of the source stays right.
  const end = text.lastIndexOf('export{');
  return text.slice(0, end) + statements.join('') + text.slice(end);
}
