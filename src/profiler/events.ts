/** Recording of events: what began when, inside what, for how long, with which sizes and how much new memory. */
import type { EventKind, Observer } from '../base/observer.ts';

export interface ProfilerEvent {
  readonly kind: EventKind;
  readonly name: string;
  /** Milliseconds, on the clock of `performance.now()`. */
  readonly start: number;
  end: number;
  /** Time in events inside this one, in milliseconds. */
  inner: number;
  /** Bytes of new blocks, those of inner events included. */
  bytes: number;
  readonly depth: number;
  readonly sizes: readonly (readonly number[])[] | null;
}

export class Recorder implements Observer {
  readonly events: ProfilerEvent[] = [];
  private readonly open: ProfilerEvent[] = [];
  private readonly recordShapes: boolean;

  constructor(recordShapes: boolean) {
    this.recordShapes = recordShapes;
  }

  begin(kind: EventKind, name: string, sizes: () => readonly (readonly number[])[]): void {
    const event: ProfilerEvent = {
      kind,
      name,
      sizes: this.recordShapes ? sizes() : null,
      start: performance.now(),
      end: 0,
      inner: 0,
      bytes: 0,
      depth: this.open.length,
    };
    this.events.push(event);
    this.open.push(event);
  }

  end(): void {
    const event = this.open.pop();
    // An event that began before the profiler did.
    if (event === undefined) return;
    event.end = performance.now();
    const outer = this.open[this.open.length - 1];
    if (outer !== undefined) {
      outer.inner += event.end - event.start;
      outer.bytes += event.bytes;
    }
  }

  allocated(nbytes: number): void {
    const event = this.open[this.open.length - 1];
    if (event !== undefined) event.bytes += nbytes;
  }
}
