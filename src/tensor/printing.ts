/**
 * The text of a tensor, character for character as `str(tensor)` gives it in PyTorch, and `torch.set_printoptions`.
 * Definition: https://pytorch.org/docs/stable/generated/torch.set_printoptions.html
 */
import { bind, parseSignature } from '../base/arguments.ts';
import { bool, type DType, getDefaultDtype, int64 } from '../base/dtype.ts';
import { formatExponential, formatFixed } from './decimal.ts';

export type PrintableElement = number | bigint | boolean;

/** What printing needs to know of a tensor. */
export interface Printable {
  readonly sizes: readonly number[];
  readonly dtype: DType;
  readonly requiresGrad: boolean;
  /** The class name of `gradFn` (`'AddBackward0'`), null for a tensor without history. */
  readonly gradFnName: string | null;
  /** True for an `nn.Parameter`, which announces itself in a line of its own. */
  readonly isParameter?: boolean;
  /** The device, shown only when it is not the CPU: `'webgpu:0'`. */
  readonly device?: string;
  /** The element at one index per dimension. Large tensors are read by this alone, at their edges. */
  at(indices: readonly number[]): PrintableElement;
  /** Every element in C order: quicker than `at`, where the tensor can offer it; used for tensors printed in full. */
  values?(): ArrayLike<PrintableElement>;
}

export interface PrintOptions {
  /** Digits after the decimal point (default 4). */
  precision: number;
  /** Tensors with more elements than this are summarised (default 1000). */
  threshold: number;
  /** How many items a summary shows at the start and at the end of each dimension (default 3; with 0 it is `[...]`). */
  edgeitems: number;
  /** Where lines break (default 80 characters). */
  linewidth: number;
  /** Scientific notation: always, never, or (null) where the values ask for it. */
  sciMode: boolean | null;
}

export type PrintProfile = 'default' | 'short' | 'full';

/** What {@link setPrintoptions} takes: PyTorch's arguments by name. Those left out keep their value. */
export type PrintOptionsUpdate = { [K in keyof PrintOptions]?: PrintOptions[K] | null | undefined } & {
  profile?: PrintProfile | null | undefined;
};

const profiles: Readonly<Record<PrintProfile, Omit<PrintOptions, 'sciMode'>>> = {
  default: { precision: 4, threshold: 1000, edgeitems: 3, linewidth: 80 },
  short: { precision: 2, threshold: 1000, edgeitems: 2, linewidth: 80 },
  full: { precision: 4, threshold: Number.POSITIVE_INFINITY, edgeitems: 3, linewidth: 80 },
};

const current: PrintOptions = { ...profiles.default, sciMode: null };

const signature = parseSignature(
  'set_printoptions(precision=None, threshold=None, edgeitems=None, linewidth=None, profile=None, sciMode=None)',
);

/**
 * `torch.set_printoptions`: how tensors are printed from now on, by name or by position (precision, threshold, edgeitems,
 * linewidth, profile, sciMode). A `profile` is applied first and the other options on top of it. `sciMode` goes back to
 * automatic whenever a call leaves it out, as in PyTorch.
 *
 * @example
 * ```ts
 * torch.setPrintoptions({ precision: 2 });
 * console.log(torch.tensor([1.12345])); // => tensor([1.12])
 * torch.setPrintoptions({ profile: 'default' });
 * ```
 */
export function setPrintoptions(options?: PrintOptionsUpdate): void;
export function setPrintoptions(
  precision: number | null,
  threshold?: number | null,
  edgeitems?: number | null,
  linewidth?: number | null,
  profile?: PrintProfile | null,
  sciMode?: boolean | null,
): void;
export function setPrintoptions(...args: unknown[]): void {
  const [precision, threshold, edgeitems, linewidth, profile, sciMode] = bind(signature, args);
  if (typeof profile === 'string' && Object.hasOwn(profiles, profile)) {
    Object.assign(current, profiles[profile as PrintProfile]);
  }
  if (precision != null) current.precision = precision as number;
  if (threshold != null) current.threshold = threshold as number;
  if (edgeitems != null) current.edgeitems = edgeitems as number;
  if (linewidth != null) current.linewidth = linewidth as number;
  current.sciMode = (sciMode as boolean | null | undefined) ?? null;
}

/** The print options in force, as a copy; `setPrintoptions(getPrintoptions())` changes nothing. */
export function getPrintoptions(): PrintOptions {
  return { ...current };
}

/** One tensor's common number format: PyTorch decides notation and width from all elements that are shown. */
interface NumberFormat {
  readonly width: number;
  format(value: PrintableElement): string;
}

const maxLength = (texts: readonly string[]): number => texts.reduce((w, s) => Math.max(w, s.length), 1);

const pythonText = (value: PrintableElement): string =>
  typeof value === 'boolean' ? (value ? 'True' : 'False') : value.toString();

function integerFormat(shown: readonly PrintableElement[]): NumberFormat {
  const width = maxLength(shown.map(pythonText));
  return { width, format: (value) => pythonText(value).padStart(width) };
}

/**
 * Floats are written as `1.` when all of them are whole, in scientific notation when they span more than three decades
 * or leave [1e-4, 1e8], and with `precision` digits otherwise. Zeros, infinities and nan have no say in it, and no part in
 * the width either.
 */
function floatFormat(shown: readonly number[]): NumberFormat {
  const { precision } = current;
  const deciding = shown.filter((v) => Number.isFinite(v) && v !== 0);
  const whole = deciding.every((v) => Number.isInteger(v));
  const scientific = (v: number): string => formatExponential(v, precision);
  const plain = (v: number): string => {
    if (!whole) return formatFixed(v, precision);
    return Number.isFinite(v) ? `${formatFixed(v, 0)}.` : formatFixed(v, 0);
  };
  const magnitudes = deciding.map(Math.abs);
  const smallest = magnitudes.reduce((a, b) => Math.min(a, b), Number.POSITIVE_INFINITY);
  const largest = magnitudes.reduce((a, b) => Math.max(a, b), 0);
  const automatic = largest / smallest > 1000 || largest > 1e8 || (!whole && smallest < 1e-4);
  // The width is that of the automatic choice even where `sciMode` overrules it. Without deciding elements nothing does.
  const width = maxLength(deciding.map(automatic ? scientific : plain));
  const write = deciding.length > 0 && (current.sciMode ?? automatic) ? scientific : plain;
  return { width, format: (value) => write(value as number).padStart(width) };
}

/** The positions of a dimension that a summary shows, or all of them; `cut` says that something was left out. */
function shownPositions(size: number, summarise: boolean): { positions: readonly number[]; cut: boolean } {
  const { edgeitems } = current;
  if (!summarise || size <= 2 * edgeitems) {
    return { positions: Array.from({ length: size }, (_, i) => i), cut: false };
  }
  const head = Array.from({ length: edgeitems }, (_, i) => i);
  return { positions: [...head, ...head.map((i) => size - edgeitems + i)], cut: true };
}

/** The elements that are shown, nested as they are printed. */
type Shown = PrintableElement | { readonly items: readonly Shown[]; readonly cut: boolean };

function collect(tensor: Printable, summarise: boolean): { root: Shown; flat: readonly PrintableElement[] } {
  const all = summarise ? undefined : tensor.values?.();
  const flat: PrintableElement[] = [];
  const index: number[] = [];
  const visit = (dim: number, offset: number): Shown => {
    if (dim === tensor.sizes.length) {
      const value = all === undefined ? tensor.at(index) : all[offset];
      flat.push(value);
      return value;
    }
    const { positions, cut } = shownPositions(tensor.sizes[dim], summarise);
    const items = positions.map((i) => {
      index[dim] = i;
      return visit(dim + 1, offset * tensor.sizes[dim] + i);
    });
    return { items, cut };
  };
  return { root: visit(0, 0), flat };
}

function vectorText(items: readonly Shown[], cut: boolean, indent: number, numbers: NumberFormat): string {
  const perLine = Math.max(1, Math.floor((current.linewidth - indent) / (numbers.width + 2)));
  const texts = items.map((v) => numbers.format(v as PrintableElement));
  if (cut) texts.splice(texts.length / 2, 0, texts.length > 0 ? ' ...' : '...');
  const lines: string[] = [];
  for (let i = 0; i < texts.length; i += perLine) lines.push(texts.slice(i, i + perLine).join(', '));
  return `[${lines.join(`,\n${' '.repeat(indent + 1)}`)}]`;
}

function nestedText(shown: Shown, dims: number, indent: number, numbers: NumberFormat): string {
  if (typeof shown !== 'object') return numbers.format(shown);
  if (dims === 1) return vectorText(shown.items, shown.cut, indent, numbers);
  const parts = shown.items.map((s) => nestedText(s, dims - 1, indent + 1, numbers));
  if (shown.cut) parts.splice(parts.length / 2, 0, '...');
  return `[${parts.join(`,${'\n'.repeat(dims - 1)}${' '.repeat(indent + 1)}`)}]`;
}

function contents(tensor: Printable, numel: number, indent: number): string {
  if (numel === 0) return '[]';
  const summarise = numel > current.threshold;
  const dims = tensor.sizes.length;
  const { root, flat } = collect(tensor, summarise);
  const numbers = tensor.dtype.isFloatingPoint ? floatFormat(flat as readonly number[]) : integerFormat(flat);
  return nestedText(root, dims, indent, numbers);
}

/** Appends `, suffix` to the text, on a new line where the current one would grow past the line width. */
function addSuffixes(text: string, suffixes: readonly string[], indent: number): string {
  let result = text;
  let lineLength = text.length - text.lastIndexOf('\n') + 1;
  for (const suffix of suffixes) {
    if (lineLength + suffix.length + 2 > current.linewidth) {
      result += `,\n${' '.repeat(indent)}${suffix}`;
      lineLength = indent + suffix.length;
    } else {
      result += `, ${suffix}`;
      lineLength += suffix.length + 2;
    }
  }
  return `${result})`;
}

/** A shape as Python writes a tuple: `(2, 3)`, `(2,)`, `()`. */
function tupleText(sizes: readonly number[]): string {
  return sizes.length === 1 ? `(${sizes[0]},)` : `(${sizes.join(', ')})`;
}

/** A shape as PyTorch prints it: `torch.Size([2, 3])`. */
export function formatSize(sizes: readonly number[]): string {
  return `torch.Size([${sizes.join(', ')}])`;
}

/**
 * The text of a tensor, `str(tensor)` in PyTorch.
 *
 * The dtype is named where the elements do not tell it: everything but the default dtype, int64 and bool, and for empty
 * tensors everything but the default dtype. History (`grad_fn=<AddBackward0>`) wins over `requires_grad=True`.
 *
 * ```ts
 * String(torch.tensor([1, 2.5])); // tensor([1.0000, 2.5000])
 * ```
 */
export function formatTensor(tensor: Printable): string {
  const prefix = 'tensor(';
  const indent = prefix.length;
  const { sizes, dtype } = tensor;
  const numel = sizes.reduce((a, b) => a * b, 1);
  const suffixes: string[] = [];
  if (tensor.device !== undefined && tensor.device !== 'cpu') suffixes.push(`device='${tensor.device}'`);
  if (numel === 0 && sizes.length !== 1) suffixes.push(`size=${tupleText(sizes)}`);
  const understood = dtype === getDefaultDtype() || (numel > 0 && (dtype === int64 || dtype === bool));
  if (!understood) suffixes.push(`dtype=${dtype}`);
  if (tensor.gradFnName !== null) suffixes.push(`grad_fn=<${tensor.gradFnName}>`);
  else if (tensor.requiresGrad) suffixes.push('requires_grad=True');
  const text = addSuffixes(prefix + contents(tensor, numel, indent), suffixes, indent);
  return tensor.isParameter === true ? `Parameter containing:\n${text}` : text;
}
