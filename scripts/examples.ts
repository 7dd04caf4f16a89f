/**
 * Code examples in documentation: found in docstrings and pages, turned into modules that note what they print, and compared with what
 * their comments promise.
 *
 * `console.log(x); // => text` promises an output. Longer ones go on in comment lines below; blanks and line breaks count as one blank, so that
 * a tensor may stand on one line.
 */

/** A piece of code and where it stands. */
export interface Example {
  readonly file: string;
  /** The line of its first line of code, from 1. */
  readonly line: number;
  readonly code: string;
}

/** What is promised of the output of `console.log` on a line of an example (from 1). */
export interface Promised {
  readonly line: number;
  readonly output: string;
}

const OPEN = /^(\s*)```ts\s*$/;
const CLOSE = /^\s*```\s*$/;

/** Every ```` ```ts ```` block of a page. Blocks with another word after the fence (`diff`, `text`) are not run. */
export function examplesOfPage(file: string, text: string): Example[] {
  const found: Example[] = [];
  const lines = text.split('\n');
  for (let i = 0; i < lines.length; i++) {
    const open = OPEN.exec(lines[i]);
    if (open === null) continue;
    const start = i + 1;
    for (i = start; i < lines.length && !CLOSE.test(lines[i]); ) i++;
    if (i === lines.length) throw new Error(`${file}:${start}: the block has no end`);
    const code = lines.slice(start, i).map((l) => l.replace(open[1], ''));
    found.push({ file, line: start + 1, code: code.join('\n') });
  }
  return found;
}

/** The blocks of code that follow an `@example` in the docstrings of a module. */
export function examplesOfModule(file: string, text: string): Example[] {
  let inside = false;
  const comments = text.split('\n').map((line) => {
    if (line.trimStart().startsWith('/**')) inside = true;
    const kept = inside ? line.replace(/^\s*(\/\*\*|\*(?!\/)) ?/, '').replace(/\*\/.*$/, '') : '';
    if (line.includes('*/')) inside = false;
    return kept;
  });
  const marked = comments.flatMap((line, i) => (line.trim() === '@example' ? [i + 1] : []));
  const examples = examplesOfPage(file, comments.join('\n')).filter(({ line }) => marked.includes(line - 2));
  if (marked.length > examples.length) throw new Error(`${file}: an @example has no \`\`\`ts block below it`);
  return examples;
}

/** The promises in an example. A comment belongs to the last `console.log` above it, or on its line. */
export function promises(example: Example): Promised[] {
  const byLine = new Map<number, string[]>();
  let printing: number | null = null;
  let going: string[] | null = null;
  example.code.split('\n').forEach((text, i) => {
    if (text.includes('console.log(')) printing = i + 1;
    const promise = /\/\/ =>(.*)$/.exec(text);
    const more = /^\s*\/\/\s{3,}(\S.*)$/.exec(text);
    if (promise !== null) {
      if (printing === null) {
        throw new Error(`${example.file}:${example.line + i}: no console.log comes before this output`);
      }
      going = byLine.get(printing) ?? [];
      going.push(promise[1]);
      byLine.set(printing, going);
    } else if (more !== null && going !== null) going.push(more[1]);
    else going = null;
  });
  return [...byLine].map(([line, parts]) => ({ line, output: oneLine(parts.join('\n')) }));
}

/** Blanks and line breaks as one blank. */
export function oneLine(text: string): string {
  return text.replace(/\s+/g, ' ').trim();
}

/** What examples may use without importing it. */
const PRELUDE: Readonly<Record<string, string>> = {
  torch: 'typetorch',
  nn: 'typetorch/nn',
  F: 'typetorch/nn/functional',
  optim: 'typetorch/optim',
};

/** The function through which examples print. */
export const PRINT = '__printed';

/**
 * The example as a module: `console.log` tells its line; what comes before the example, missing imports, is one line, so that
 * the code begins on line 2.
 */
export function moduleOf({ code }: Example): string {
  const head = [`declare const ${PRINT}: (line: number, ...values: unknown[]) => void;`];
  for (const [name, specifier] of Object.entries(PRELUDE)) {
    const used = new RegExp(`(?<![\\w.])${name}\\.`).test(code);
    const declared = new RegExp(`\\b(?:import[^;]*|const|let)\\s${name}\\b`).test(code);
    if (used && !declared) head.push(`import * as ${name} from '${specifier}';`);
  }
  const body = code.split('\n').map((text, i) => text.replaceAll('console.log(', `${PRINT}(${i + 1}, `));
  return `${head.join(' ')}\n${body.join('\n')}\nexport {};\n`;
}
