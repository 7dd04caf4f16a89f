/** `torch.profiler`: where the time and the memory go. https://pytorch.org/docs/stable/profiler.html */
import { NotImplementedError } from '../base/errors.ts';
import { observe, observer } from '../base/observer.ts';
import { builtin } from '../device/host.ts';
import { watchDevices } from './devices.ts';
import { type ProfilerEvent, Recorder } from './events.ts';
import { averages, type EventAverage, formatTable, type SortKey } from './table.ts';

export type { ProfilerEvent } from './events.ts';
export type { EventAverage, SortKey } from './table.ts';

/** Options of `profile`. */
export interface ProfileOptions {
  /** Record the sizes of the tensors of every event. */
  recordShapes?: boolean;
}

/** Averages that print as a table. */
export class EventList extends Array<EventAverage> {
  /** The averages as text: most expensive first by `sortBy`, at most `rowLimit` rows (−1: all). */
  table({ sortBy = 'cpu_time_total', rowLimit = 100 }: { sortBy?: SortKey; rowLimit?: number } = {}): string {
    return formatTable([...this], sortBy, rowLimit);
  }
}

/**
 * Records tensor functions, their backward, kernels, sizes, times and new memory, from its making (or `start`) until `stop` or disposal.
 *
 * @example
 * ```ts
 * const prof = torch.profiler.profile(() => torch.ones(100, 100).mm(torch.ones(100, 100)));
 * console.log(prof.keyAverages().some((e) => e.key === 'mm')); // => true
 * ```
 */
export class Profile {
  private readonly recorder: Recorder;
  private before: typeof observer = null;
  private unwatch: () => void = () => {};
  private running = false;

  constructor({ recordShapes = false }: ProfileOptions = {}) {
    this.recorder = new Recorder(recordShapes);
  }

  start(): this {
    if (!this.running) {
      this.before = observe(this.recorder);
      this.unwatch = watchDevices(this.recorder);
      this.running = true;
    }
    return this;
  }

  stop(): this {
    if (this.running) {
      this.unwatch();
      observe(this.before);
      this.running = false;
    }
    return this;
  }

  [Symbol.dispose](): void {
    this.stop();
  }

  /** Everything recorded, in the order in which it began. */
  events(): readonly ProfilerEvent[] {
    return this.recorder.events;
  }

  /** Events of the same name together; with `groupByInputShape`, of the same sizes. */
  keyAverages({ groupByInputShape = false }: { groupByInputShape?: boolean } = {}): EventList {
    const list = new EventList();
    list.push(...averages(this.finished(), groupByInputShape));
    return list;
  }

  /** The events as a trace for chrome://tracing or Perfetto: the text of a JSON file. */
  chromeTrace(): string {
    const events = this.finished().map((e) => ({
      name: e.name,
      cat: e.kind,
      ph: 'X',
      ts: e.start * 1000,
      dur: (e.end - e.start) * 1000,
      pid: 1,
      tid: 1,
      args: { ...(e.sizes === null ? {} : { sizes: e.sizes }), bytes: e.bytes },
    }));
    return JSON.stringify({ traceEvents: events, displayTimeUnit: 'ms' });
  }

  /**
   * Writes the trace to a file. Throws a NotImplementedError where there are no files (in a page): `chromeTrace` gives the text there.
   * https://pytorch.org/docs/stable/profiler.html#torch.profiler._KinetoProfile.export_chrome_trace
   */
  exportChromeTrace(path: string): void {
    const fs = builtin<{ writeFileSync(path: string, text: string): void }>('node:fs');
    if (fs === null)
      throw new NotImplementedError('exportChromeTrace needs a file system; use chromeTrace() here');
    fs.writeFileSync(path, this.chromeTrace());
  }

  private finished(): ProfilerEvent[] {
    return this.recorder.events.filter((e) => e.end > 0);
  }
}

/** Profiles `fn` and returns the profile; without a function, starts a profile that ends with `stop()` or its `using` block. */
export function profile(options?: ProfileOptions): Profile;
export function profile(fn: () => unknown, options?: ProfileOptions): Profile;
export function profile(fn?: (() => unknown) | ProfileOptions, options: ProfileOptions = {}): Profile {
  const run = typeof fn === 'function' ? fn : null;
  const made = new Profile(typeof fn === 'function' ? options : fn).start();
  if (run === null) return made;
  try {
    run();
  } finally {
    made.stop();
  }
  return made;
}

/** Runs `fn` as an event of the given name. https://pytorch.org/docs/stable/generated/torch.autograd.profiler.record_function.html */
export function recordFunction<R>(name: string, fn: () => R): R {
  const watching = observer;
  if (watching === null) return fn();
  watching.begin('user', name, () => []);
  try {
    return fn();
  } finally {
    watching.end();
  }
}
