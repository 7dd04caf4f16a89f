/**
 * The layers of the sources, and what they may import at run time: only earlier layers, no cycles.
 *
 * Type imports (`import type`) are erased and free. An import whose names are all marked `type` is not erased and counts.
 */
import { readFileSync, readdirSync } from 'node:fs';
import { join, posix, relative, sep } from 'node:path';

/** Folders of `src`, each importing only from those before it. */
export const LAYERS: readonly string[] = [
  'base',
  'expr',
  'kernel',
  'ops',
  'device',
  'autograd',
  'tensor',
  'profiler',
  'nn',
  'optim',
  'data',
  'io',
  'vision',
  'testing',
];

/** Layers that see of each other only `index.ts`. */
const APART: readonly string[] = ['nn', 'optim', 'data', 'io'];

/** Folders inside a layer that must not know each other: devices. */
const SIBLINGS = 'device';

/** Texts of modules by path from `src`, with `/`. */
export type Sources = ReadonlyMap<string, string>;

/** The specifiers that a module loads when it runs: static imports and exports, side effects, `import('…')`. */
export function runtimeImports(source: string): string[] {
  // Biome puts statements of the module at the start of a line, where comments have a ' *'.
  const found: string[] = [];
  const statement = /^(import|export)\s+(?:(type)\s+(?!from\b))?(?:[^'"=();]*?\sfrom\s+)?'([^']+)';/gm;
  for (const [, , erased, specifier] of source.matchAll(statement)) {
    if (erased === undefined) found.push(specifier);
  }
  for (const line of source.split('\n')) {
    if (/^\s*(\/\/|\/?\*)/.test(line)) continue;
    for (const [, specifier] of line.matchAll(/(?<![\w.])import\('([^']+)'\)(?!\.\w+[^(\w])/g))
      found.push(specifier);
  }
  return found;
}

/** The modules of `sources` that each of them loads. */
function graphOf(sources: Sources): Map<string, string[]> {
  const graph = new Map<string, string[]>();
  for (const [path, text] of sources) {
    const targets = runtimeImports(text)
      .filter((s) => s.startsWith('.'))
      .map((s) => posix.normalize(posix.join(posix.dirname(path), s)));
    graph.set(path, targets);
  }
  return graph;
}

const layerOf = (path: string): string | null => (path.includes('/') ? path.split('/')[0] : null);

/** Why `from` must not load `to`, or null where it may. */
function objection(from: string, to: string): string | null {
  const [source, target] = [layerOf(from), layerOf(to)];
  // The modules at the top are entry points: they gather what users see.
  if (source === null) return null;
  if (target === null) return `${from} imports the entry point ${to}`;
  if (source === target) {
    const [, mine, deeper] = from.split('/');
    const [, theirs, further] = to.split('/');
    const foreign = source === SIBLINGS && deeper !== undefined && further !== undefined && mine !== theirs;
    return foreign ? `${from} imports ${to}: devices do not know each other` : null;
  }
  if (LAYERS.indexOf(target) > LAYERS.indexOf(source)) {
    return `${from} imports ${to}: ${target} comes after ${source}`;
  }
  if (APART.includes(source) && APART.includes(target) && to !== `${target}/index.ts`) {
    return `${from} imports ${to}: of ${target}, ${source} sees index.ts only`;
  }
  return null;
}

/** Groups of modules that load each other (Tarjan's strongly connected components with more than one member). */
function cycles(graph: ReadonlyMap<string, readonly string[]>): string[][] {
  const index = new Map<string, number>();
  const low = new Map<string, number>();
  const stack: string[] = [];
  const found: string[][] = [];
  const visit = (v: string): void => {
    index.set(v, index.size);
    low.set(v, index.get(v) as number);
    stack.push(v);
    for (const w of graph.get(v) ?? []) {
      if (!graph.has(w)) continue;
      if (!index.has(w)) {
        visit(w);
        low.set(v, Math.min(low.get(v) as number, low.get(w) as number));
      } else if (stack.includes(w)) low.set(v, Math.min(low.get(v) as number, index.get(w) as number));
    }
    if (low.get(v) !== index.get(v)) return;
    const group = stack.splice(stack.indexOf(v));
    if (group.length > 1 || graph.get(v)?.includes(v)) found.push(group.sort());
  };
  for (const v of graph.keys()) if (!index.has(v)) visit(v);
  return found;
}

/** What is wrong with the imports of `sources`, one line each. */
export function checkLayers(sources: Sources): string[] {
  const problems: string[] = [];
  const graph = graphOf(sources);
  for (const [path, targets] of graph) {
    const layer = layerOf(path);
    if (layer !== null && !LAYERS.includes(layer)) {
      problems.push(`${path}: ${layer} is not in the list of layers`);
      continue;
    }
    for (const target of targets) {
      const problem = graph.has(target)
        ? objection(path, target)
        : `${path} imports ${target}, which does not exist`;
      if (problem !== null) problems.push(problem);
    }
  }
  for (const group of cycles(graph)) problems.push(`a cycle: ${group.join(', ')}`);
  return problems;
}

/** The modules below a folder. */
export function readSources(folder: string): Map<string, string> {
  const sources = new Map<string, string>();
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile() || !entry.name.endsWith('.ts')) continue;
    const path = join(entry.parentPath, entry.name);
    sources.set(relative(folder, path).split(sep).join('/'), readFileSync(path, 'utf8'));
  }
  return sources;
}
