/** A progress bar on one line of the terminal; nothing at all where the output is not a terminal. */
import type { WriteStream } from 'node:tty';

const WIDTH = 28;
/** Milliseconds between two drawings. */
const INTERVAL = 60;
const CLEAR_LINE = '\r\u001b[2K';

export class ProgressBar {
  private readonly stream: WriteStream;
  private drawn = 0;
  private visible = false;

  constructor(stream: WriteStream) {
    this.stream = stream;
  }

  /** Shows that `done` of `total` are done. */
  update(label: string, done: number, total: number, note: string): void {
    if (this.stream.isTTY !== true) return;
    const now = performance.now();
    if (now - this.drawn < INTERVAL && done < total) return;
    this.drawn = now;
    this.visible = true;
    const filled = Math.round((done / total) * WIDTH);
    const bar = '█'.repeat(filled) + '░'.repeat(WIDTH - filled);
    const line = `${label} ${bar} ${String(done).padStart(String(total).length)}/${total}  ${note}`;
    // Some terminals say that they have no columns.
    const width = this.stream.columns || 80;
    this.stream.write(CLEAR_LINE + line.slice(0, width - 1));
  }

  /** Takes the bar away, for a line of text in its place. */
  clear(): void {
    if (!this.visible) return;
    this.visible = false;
    this.stream.write(CLEAR_LINE);
  }
}
