/**
 * Tells whether threads of this process take cores from each other.
 *
 * Where another process keeps a core busy, the operating system lets a worker and the calling thread take turns on one core; a shared job then takes
 * longer than the calling thread alone. The system counts how often it took the core from a thread that wanted to go on: at most 0.3 times in
 * a millisecond where threads have a core each, 2 to 12 times where they have not.
 */

/** Interruptions are counted over this long, in milliseconds. */
const WINDOW = 5;
/** A count over much longer tells little of the present. */
const LONGEST_WINDOW = 3 * WINDOW;
/** More interruptions a millisecond than this make a window crowded. */
const LIMIT = 1.5;
/** So many crowded windows in a row count: a garbage collection, with threads of its own, crowds one. */
const CROWDED_WINDOWS = 2;
/** For so long threads stay apart then, in milliseconds; twice as long each time that the next try ends the same way. */
const SHORTEST_PAUSE = 20;
const LONGEST_PAUSE = 320;

interface Process {
  resourceUsage?(): { readonly involuntaryContextSwitches: number };
}

export class Crowding {
  private readonly interruptions: (() => number) | null;
  private count = 0;
  private since = 0;
  private crowdedWindows = 0;
  private pause = SHORTEST_PAUSE;
  private pausedUntil = 0;

  /** Takes a function that counts interruptions; it is the system's in Node, and there is none elsewhere. */
  constructor(interruptions: (() => number) | null = systemCount()) {
    this.interruptions = interruptions;
  }

  /** Should threads not share work at `now`, in milliseconds? Meant to be asked before every job that they would share. */
  crowded(now: number): boolean {
    if (this.interruptions === null) return false;
    if (now < this.pausedUntil) return true;
    const elapsed = now - this.since;
    if (elapsed < WINDOW) return false;
    const count = this.interruptions();
    const tooMany = elapsed <= LONGEST_WINDOW && count - this.count > LIMIT * elapsed;
    this.count = count;
    this.since = now;
    if (!tooMany) {
      // Of a window that is too long nothing is known.
      if (elapsed <= LONGEST_WINDOW) {
        this.crowdedWindows = 0;
        this.pause = SHORTEST_PAUSE;
      }
      return false;
    }
    this.crowdedWindows++;
    if (this.crowdedWindows < CROWDED_WINDOWS) return false;
    this.crowdedWindows = 0;
    this.pausedUntil = now + this.pause;
    this.pause = Math.min(this.pause * 2, LONGEST_PAUSE);
    // The pause itself says nothing about threads.
    this.since = Number.NEGATIVE_INFINITY;
    return true;
  }
}

function systemCount(): (() => number) | null {
  const { process } = globalThis as { process?: Process };
  if (process?.resourceUsage === undefined) return null;
  const usage = process.resourceUsage.bind(process);
  return () => usage().involuntaryContextSwitches;
}
