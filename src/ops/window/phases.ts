/** Which places of a kernel reach which positions of the input: how the input gradient of a convolution falls into plain convolutions. */

/** One number per spatial dimension, but for groups. */
export interface Geometry {
  readonly stride: readonly number[];
  readonly padding: readonly number[];
  readonly dilation: readonly number[];
  readonly groups: number;
}

/** Positions of the input, `stride` apart along one dimension, that the same places of the kernel reach. */
interface Phase {
  /** The first position, and how many there are. */
  readonly first: number;
  readonly count: number;
  /** The places of the kernel: the first, how many, and their distance. */
  readonly tap: number;
  readonly taps: number;
  readonly tapStep: number;
  /** The output position that reaches the first position by the first tap; the next tap reaches it from `shift` places before. */
  readonly from: number;
  readonly shift: number;
}

/**
 * Along one dimension. Output o reaches position i by tap k where i + padding = o·stride + k·dilation; so of the taps only those count for i
 * for which the difference is a multiple of the stride.
 */
function phasesOf(
  size: number,
  kernel: number,
  stride: number,
  padding: number,
  dilation: number,
): readonly Phase[] {
  let shared = Math.max(stride, dilation);
  for (let rest = Math.min(stride, dilation); rest > 0; ) [shared, rest] = [rest, shared % rest];
  const tapStep = stride / shared;
  const phases: Phase[] = [];
  for (let first = 0; first < Math.min(stride, size); first++) {
    const place = first + padding;
    let tap = 0;
    while (tap < tapStep && (place - tap * dilation) % stride !== 0) tap++;
    phases.push({
      first,
      count: Math.ceil((size - first) / stride),
      tap,
      taps: tap === tapStep ? 0 : Math.max(0, Math.ceil((kernel - tap) / tapStep)),
      tapStep,
      from: (place - tap * dilation) / stride,
      shift: dilation / shared,
    });
  }
  return phases;
}

/** A contraction of its own is worth it where it saves so many operations. */
const WORTH_OPERATIONS = 1 << 19;

/** The phase in parts whose positions the same taps reach from inside the output: near the ends these are fewer. */
function trimmedPhases(phase: Phase, stride: number, outputs: number): readonly Phase[] {
  const { first, count, tap, taps, tapStep, from, shift } = phase;
  const parts: Phase[] = [];
  for (let i = 0; i < count; i++) {
    const start = Math.max(0, Math.ceil((from + i - outputs + 1) / shift));
    const end = Math.min(taps, Math.floor((from + i) / shift) + 1);
    const last = parts[parts.length - 1];
    const [next, many] = [tap + start * tapStep, Math.max(0, end - start)];
    if (last !== undefined && last.tap === next && last.taps === many) {
      parts[parts.length - 1] = { ...last, count: last.count + 1 };
    } else {
      const part = { first: first + i * stride, count: 1, tap: next, taps: many, tapStep, shift };
      parts.push({ ...part, from: from + i - start * shift });
    }
  }
  return parts;
}

/** The phases of the first dimension, in parts that leave out products with zeros where these are many. */
function withoutZeros(
  [phases, ...others]: readonly (readonly Phase[])[],
  outputs: number,
  stride: number,
  operations: number,
): readonly Phase[] {
  const pairs = (ps: readonly Phase[]): number => ps.reduce((n, p) => n + p.count * p.taps, 0);
  const each = others.reduce((n, ps) => n * pairs(ps), operations);
  if (pairs(phases) * each < 8 * WORTH_OPERATIONS) return phases;
  const parts = phases.flatMap((p) => trimmedPhases(p, stride, outputs));
  const saved = (pairs(phases) - pairs(parts)) * each;
  return saved > WORTH_OPERATIONS * (parts.length - phases.length) ? parts : phases;
}

/** All choices of one element per list. */
function combinations<T>(lists: readonly (readonly T[])[]): T[][] {
  return lists.reduce<T[][]>((all, list) => all.flatMap((one) => list.map((x) => [...one, x])), [[]]);
}

/** Positions that the same places of the kernel reach, in every dimension. */
interface Part {
  readonly phases: readonly Phase[];
  readonly taps: readonly number[];
  readonly counts: readonly number[];
}

interface Parts {
  readonly parts: readonly Part[];
  /** Do they cover the input? */
  readonly complete: boolean;
  /** How many zeros they need around the output's gradient. */
  readonly before: readonly number[];
  readonly after: readonly number[];
}

const known = new Map<string, Parts>();
const MOST_KNOWN = 512;

/** The parts of an input of spatial sizes `space`. `operations`: how many a position and a tap are. */
export function inputParts(
  space: readonly number[],
  out: readonly number[],
  kernel: readonly number[],
  g: Geometry,
  operations: number,
): Parts {
  const key = `${space};${out};${kernel};${g.stride};${g.padding};${g.dilation};${operations}`;
  let parts = known.get(key);
  if (parts === undefined) {
    if (known.size >= MOST_KNOWN) known.clear();
    parts = findParts(space, out, kernel, g, operations);
    known.set(key, parts);
  }
  return parts;
}

function findParts(
  space: readonly number[],
  out: readonly number[],
  kernel: readonly number[],
  g: Geometry,
  operations: number,
): Parts {
  const all = space.map((s, d) => phasesOf(s, kernel[d], g.stride[d], g.padding[d], g.dilation[d]));
  all[0] = withoutZeros(all, out[0], g.stride[0], operations);
  const reached = all.map((phases) => phases.filter((p) => p.taps > 0));
  return {
    parts: combinations(reached).map((phases) => ({
      phases,
      taps: phases.map((p) => p.taps),
      counts: phases.map((p) => p.count),
    })),
    complete: all.every((phases) => phases.every((p) => p.taps > 0)),
    before: reached.map((ps) => Math.max(0, ...ps.map((p) => (p.taps - 1) * p.shift - p.from))),
    after: reached.map((ps, d) => Math.max(0, ...ps.map((p) => p.from + p.count - out[d]))),
  };
}
