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
  /** The state words of the current round. */
  readonly words: Uint32Array = new Uint32Array(SIZE);
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
    let y = this.words[this.next++];
    y ^= y >>> 11;
    y ^= (y << 7) & 0x9d2c5680;
    y ^= (y << 15) & 0xefc60000;
    return (y ^ (y >>> 18)) >>> 0;
  }

  private twist(): void {
    const { words } = this;
    for (let i = 0; i < SIZE; i++) {
      const y = (words[i] & 0x80000000) | (words[(i + 1) % SIZE] & 0x7fffffff);
      words[i] = words[(i + MIDDLE) % SIZE] ^ (y >>> 1) ^ (y & 1 ? MATRIX : 0);
    }
    this.next = 0;
    this.rounds++;
  }
}
