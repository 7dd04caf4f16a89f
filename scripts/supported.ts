/** The page of what is supported, from the op table, the samples of its tests, and the names of PyTorch. */
import { readFileSync } from 'node:fs';
import * as torch from 'typetorch';
import type { Definition } from '../src/ops/define.ts';
import { Alias, DTYPE, type OpCase, operandsOf, type Sample, type Table } from '../tests/ops/cases.ts';
import { definitions } from '../tests/ops/definitions.ts';
import { argumentsFor, dtypes, methodOf, outcome, resolve, tensorsIn } from '../tests/ops/harness.ts';
import { tables } from '../tests/ops/samples/index.ts';

const samples: Table = Object.assign({}, ...tables);

interface Names {
  readonly functions: Readonly<Record<string, readonly string[]>>;
  readonly modules: readonly string[];
  readonly optim: readonly string[];
}

const names = JSON.parse(readFileSync(new URL('./pytorch-names.json', import.meta.url), 'utf8')) as Names;

/** `foo_bar_` is `fooBar_`. */
function camelCase(name: string): string {
  return name.replace(/(?<=[A-Za-z0-9])_([A-Za-z0-9])/g, (_, next: string) => next.toUpperCase());
}

/** The samples of an op, by whichever of its names has them. */
function caseOf(path: string): OpCase | null {
  const entry = samples[path] ?? samples[`Tensor.${path}`] ?? samples[path.replace('Tensor.', '')];
  if (entry instanceof Alias) return caseOf(entry.of);
  return entry ?? null;
}

/** Does the dtype that a check runs in reach the call? */
function isOpen(sample: Sample): boolean {
  const open = operandsOf(sample).some((operand) => operand.dtype === null);
  return open || Object.values(sample.options ?? {}).includes(DTYPE);
}

interface Found {
  readonly dtypes: ReadonlySet<torch.DType>;
  readonly differentiable: boolean;
}

/** Calls the samples in all dtypes. */
function probe(path: string, spec: OpCase): Found {
  const fn = resolve(path);
  const taken = new Set<torch.DType>();
  let differentiable = false;
  for (const sample of spec.samples.filter(isOpen)) {
    for (const dtype of dtypes) {
      if (taken.has(dtype) && (differentiable || !dtype.isFloatingPoint)) continue;
      const requiresGrad = dtype.isFloatingPoint && spec.facts.gradient && !spec.facts.underivable;
      const setting = { dtype, device: 'reference', layout: 'contiguous', requiresGrad } as const;
      const result = outcome(spec.facts, () => fn(...argumentsFor(sample, setting)));
      if ('error' in result) continue;
      taken.add(dtype);
      differentiable ||= requiresGrad && tensorsIn(result.value).some((t) => t.requiresGrad);
    }
  }
  return { dtypes: taken, differentiable };
}

/** Groups of dtypes that are named as one when all of them are there. */
const groups: readonly (readonly [name: string, is: (dtype: torch.DType) => boolean])[] = [
  ['float', (dtype) => dtype.isFloatingPoint],
  ['int', (dtype) => !dtype.isFloatingPoint && dtype !== torch.bool],
  ['bool', (dtype) => dtype === torch.bool],
];

function showDtypes(taken: ReadonlySet<torch.DType>): string {
  return groups
    .flatMap(([name, is]) => {
      const members = dtypes.filter(is);
      const there = members.filter((dtype) => taken.has(dtype));
      return there.length === members.length ? [name] : there.map((dtype) => dtype.name);
    })
    .join(', ');
}

const namespaceOf = (path: string): string =>
  path.startsWith('Tensor.') ? '' : path.split('.').slice(0, -1).join('.');

function row(path: string, definition: Definition): string {
  const name = path.split('.').at(-1) as string;
  const top = namespaceOf(path) === '';
  const isFunction = !definition.traits.methodOnly;
  const isMethod = top && !definition.traits.functionOnly && methodOf(name) !== undefined;
  const inplace = top && !name.endsWith('_') && methodOf(`${name}_`) !== undefined;
  const spec = caseOf(path);
  const found = spec === null || spec.facts.missing ? null : probe(path, spec);
  const mark = (yes: boolean): string => (yes ? '•' : '');
  const cells = [
    `\`${name}\``,
    ...(top ? [mark(isFunction), mark(isMethod), inplace ? `\`${name}_\`` : ''] : []),
    mark(found?.differentiable ?? false),
    spec?.facts.missing ? 'not implemented' : found === null ? '' : showDtypes(found.dtypes),
  ];
  return `| ${cells.join(' | ')} |`;
}

function table(namespace: string, found: ReadonlyMap<string, Definition>): string {
  const top = namespace === '';
  const header = ['name', ...(top ? ['function', 'method', 'in place'] : []), 'differentiable', 'dtypes'];
  const plain = (path: string): string => path.split('.').at(-1) as string;
  // `fill_` has a row of its own only where there is no `fill`.
  const rows = [...found]
    .filter(([path]) => namespaceOf(path) === namespace)
    .filter(([path]) => !path.endsWith('_') || !found.has(plain(path).slice(0, -1)))
    .sort(([a], [b]) => (plain(a) < plain(b) ? -1 : 1))
    .map(([path, definition]) => row(path, definition));
  return [`| ${header.join(' | ')} |`, `|${' --- |'.repeat(header.length)}`, ...rows].join('\n');
}

/** What a path of PyTorch names here, or undefined. */
function counterpart(path: string): unknown {
  const [root, ...rest] = path.split('.').map(camelCase);
  const holder: unknown = root === 'Tensor' ? torch.Tensor.prototype : torch;
  const found = rest.reduce<unknown>((at, name) => {
    if (at === null || (typeof at !== 'object' && typeof at !== 'function')) return undefined;
    return name in at ? ((Object.getOwnPropertyDescriptor(at, name)?.value ?? true) as unknown) : undefined;
  }, holder);
  // What is only a method in TypeScript is there all the same.
  return found ?? (rest.length === 1 && rest[0] in torch.Tensor.prototype ? true : undefined);
}

/** Layers that are a shell around a function. */
const shells: Readonly<Record<string, string>> = {
  CTCLoss: 'nn.functional.ctcLoss',
  Upsample: 'nn.functional.interpolate',
  UpsamplingBilinear2d: 'nn.functional.interpolate',
  UpsamplingNearest2d: 'nn.functional.interpolate',
};

function isMissing(path: string): boolean {
  const name = camelCase(path).replace(/^torch\./, '');
  const behind = shells[name.replace('nn.', '')] ?? name;
  return counterpart(path) === undefined || caseOf(behind)?.facts.missing === true;
}

function missing(paths: readonly string[]): string {
  const gone = paths.filter(isMissing);
  const there = `${paths.length - gone.length} of ${paths.length}`;
  return gone.length === 0
    ? `${there}.`
    : `${there}; not yet: ${list(gone.map((p) => p.replace(/^torch\./, '')))}.`;
}

/** The classes at a path that derive from `base`, without those that are there to be derived from only. */
function classes(path: string, base: abstract new (...args: never[]) => object): string {
  const found = Object.entries(counterpart(path) as object).filter(
    ([name, value]) =>
      typeof value === 'function' && value.prototype instanceof base && !isMissing(`${path}.${name}`),
  );
  const isBase = ([name, value]: readonly [string, unknown]): boolean =>
    !names.modules.includes(`${path}.${name}`) &&
    found.some(([, other]) => other.prototype instanceof (value as typeof base));
  return list(found.filter((entry) => !isBase(entry)).map(([name]) => name));
}

const list = (items: readonly string[]): string =>
  [...items]
    .sort()
    .map((name) => `\`${name}\``)
    .join(', ');

/** The whole page. */
export function supported(): string {
  const found = definitions();
  const spaces = [...new Set([...found.keys()].map(namespaceOf))].filter((n) => n !== '').sort();
  const tiers = ['what every program uses', 'what many programs use', 'rare'];
  const schedulers = torch.optim.lrScheduler;
  return `${[
    '# What is supported',
    'Generated by `npm run generate`; a test fails when it is out of date.',
    'A dot in _function_ means `torch.name(x)`, in _method_ `x.name()`; _in place_ is the method that writes into `x`; _differentiable_ ops have ' +
      'gradients of every order, made of differentiable ops. _dtypes_ are those in which the samples of the tests run: `float` stands for ' +
      '`float16`, `bfloat16`, `float32` and `float64`, `int` for `uint8`, `int8`, `int16`, `int32` and `int64`.',
    '## `torch` and `torch.Tensor`',
    table('', found),
    ...spaces.flatMap((space) => [`## \`torch.${space}\``, table(space, found)]),
    '## Layers and losses',
    `\`torch.nn\`: ${classes('torch.nn', torch.nn.Module)}.`,
    '## Optimizers and schedulers',
    `\`torch.optim\`: ${classes('torch.optim', torch.optim.Optimizer)}.`,
    `\`torch.optim.lrScheduler\`: ${list(Object.keys(schedulers).filter((name) => /^[A-Z]/.test(name)))}.`,
    '## What PyTorch has besides',
    'Of the names of PyTorch 1.13 that the conformance data covers, by their PyTorch names:',
    Object.entries(names.functions)
      .map(([tier, paths]) => `- Functions of tier ${tier} (${tiers[Number(tier) - 1]}): ${missing(paths)}`)
      .concat(
        `- Layers and losses: ${missing(names.modules)}`,
        `- Optimizers and schedulers: ${missing(names.optim)}`,
      )
      .join('\n'),
    'Not there at all: complex numbers, sparse and quantised tensors, named dimensions.',
  ].join('\n\n')}\n`;
}
