/**
 * The 32-bit Mersenne Twister. Matsumoto and Nishimura 1998, "Mersenne Twister: a 623-dimensionally equidistributed uniform pseudo-random
 * number generator".
 */

const SIZE = 624;
const MIDDLE = 397;
const MATRIX = 0x9908b0df;
/** Knuth's multiplier for seeding. */
const MULTIPLIER = 1812433253;

export class Mt19937 {
  /** The state words of the current round, as 32 bits. */
  readonly words: Int32Array = new Int32Array(SIZE);
  /** Which of them is drawn next; `SIZE` when a new round is due. */
  next: number = SIZE;
  /** How many rounds were begun since the seed. */
  rounds = 0;

  constructor(seed = 5489) {
    this.seed(seed);
  }

  /** Starts from the low 32 bits of `seed`. */
  seed(seed: number): void {
    const { words } = this;
    words[0] = seed;
    for (let i = 1; i < SIZE; i++) {
      const previous = words[i - 1] ^ (words[i - 1] >>> 30);
      words[i] = Math.imul(MULTIPLIER, previous) + i;
    }
    this.next = SIZE;
    this.rounds = 0;
  }

  /** A whole number below 2³². */
  draw(): number {
    if (this.next >= SIZE) this.twist();
    return temper(this.words[this.next++]) >>> 0;
  }

  /** The next draws, one per element of `out`. */
  fill(out: Uint32Array): void {
    const { words } = this;
    let done = 0;
    while (done < out.length) {
      if (this.next >= SIZE) this.twist();
      const shift = this.next - done;
      const end = Math.min(out.length, SIZE - shift);
      for (let i = done; i < end; i++) out[i] = temper(words[i + shift]);
      this.next = end + shift;
      done = end;
    }
  }

  private twist(): void {
    const { words } = this;
    // The word that is replaced was read as the next one of the word before.
    let word = words[0];
    for (let i = 0; i < SIZE - MIDDLE; i++) {
      const next = words[i + 1];
      words[i] = words[i + MIDDLE] ^ mix(word, next);
      word = next;
    }
    for (let i = SIZE - MIDDLE; i < SIZE - 1; i++) {
      const next = words[i + 1];
      words[i] = words[i + MIDDLE - SIZE] ^ mix(word, next);
      word = next;
    }
    words[SIZE - 1] = words[MIDDLE - 1] ^ mix(word, words[0]);
    this.next = 0;
    this.rounds++;
  }
}

/** The recurrence's product of a matrix with the top bit of one word and the rest of the next. */
function mix(word: number, next: number): number {
  const y = (word & 0x80000000) | (next & 0x7fffffff);
  return (y >>> 1) ^ (-(y & 1) & MATRIX);
}

/** The output function, as 32 bits. */
function temper(word: number): number {
  let y = word ^ (word >>> 11);
  y ^= (y << 7) & 0x9d2c5680;
  y ^= (y << 15) & 0xefc60000;
  return y ^ (y >>> 18);
}
