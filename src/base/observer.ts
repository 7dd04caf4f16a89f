/** Who watches what is computed: the profiler, while it runs. The layers report to it what they begin and end. */

/** What an event is: a tensor function, the backward of one, a kernel on the device, or a part that the user named. */
export type EventKind = 'op' | 'backward' | 'kernel' | 'user';

export interface Observer {
  /** Something begins, within what has begun and not ended. `sizes` are those of its tensors, asked for only when wanted. */
  begin(kind: EventKind, name: string, sizes: () => readonly (readonly number[])[]): void;
  end(): void;
  /** A block of this many bytes was handed out. */
  allocated(nbytes: number): void;
}

/** The observer, or null: read on the hot path. */
export let observer: Observer | null = null;

/** Sets the observer; returns the one before. */
export function observe(next: Observer | null): Observer | null {
  const before = observer;
  observer = next;
  return before;
}
