/**
 * A strict JSON reader. `JSON.parse` keeps the last of several equal keys and rounds large integers; both would let two readers see
 * different things in one file, so here they are errors. Objects become Maps.
 */

export type Json = null | boolean | number | string | Json[] | Map<string, Json>;

/** Text that is no JSON, or no JSON that everybody reads alike. */
export class JsonError extends Error {
  override readonly name: string = 'JsonError';
}

const NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
const SPACE = /[ \t\n\r]*/y;

class Parser {
  private readonly text: string;
  private readonly maxDepth: number;
  private at = 0;

  constructor(text: string, maxDepth: number) {
    this.text = text;
    this.maxDepth = maxDepth;
  }

  document(): Json {
    this.space();
    const value = this.value(0);
    this.space();
    if (this.at !== this.text.length) throw this.error('text after the end');
    return value;
  }

  private error(what: string): JsonError {
    return new JsonError(`${what} at position ${this.at}`);
  }

  private match(pattern: RegExp): string | null {
    pattern.lastIndex = this.at;
    const found = pattern.exec(this.text);
    if (found === null) return null;
    this.at = pattern.lastIndex;
    return found[0];
  }

  private space(): void {
    this.match(SPACE);
  }

  private take(token: string): boolean {
    if (!this.text.startsWith(token, this.at)) return false;
    this.at += token.length;
    return true;
  }

  private value(depth: number): Json {
    if (depth > this.maxDepth) throw this.error('too deeply nested');
    switch (this.text[this.at]) {
      case '{':
        return this.object(depth);
      case '[':
        return this.array(depth);
      case '"':
        return this.string();
      default:
        break;
    }
    if (this.take('null')) return null;
    if (this.take('true')) return true;
    if (this.take('false')) return false;
    return this.number();
  }

  private string(): string {
    if (this.text[this.at] !== '"') throw this.error('expected a string');
    const end = this.closingQuote();
    const literal = this.text.slice(this.at, end + 1);
    try {
      const value = JSON.parse(literal) as string;
      this.at = end + 1;
      return value;
    } catch {
      throw this.error('invalid string');
    }
  }

  /** Where the string that begins here ends: at the next quote with an even number of backslashes before it. */
  private closingQuote(): number {
    let end = this.at;
    for (;;) {
      end = this.text.indexOf('"', end + 1);
      if (end < 0) throw this.error('a string without an end');
      let backslashes = 0;
      while (this.text[end - 1 - backslashes] === '\\') backslashes++;
      if (backslashes % 2 === 0) return end;
    }
  }

  private number(): number {
    const found = this.match(NUMBER);
    if (found === null) throw this.error('unexpected character');
    const value = Number(found);
    if (/^-?\d+$/.test(found) ? !Number.isSafeInteger(value) : !Number.isFinite(value)) {
      throw this.error(`the number ${found.slice(0, 40)} is out of range`);
    }
    return value;
  }

  private array(depth: number): Json[] {
    const items: Json[] = [];
    this.at++;
    this.space();
    if (this.take(']')) return items;
    for (;;) {
      this.space();
      items.push(this.value(depth + 1));
      this.space();
      if (this.take(']')) return items;
      if (!this.take(',')) throw this.error('expected , or ]');
    }
  }

  private object(depth: number): Map<string, Json> {
    const members = new Map<string, Json>();
    this.at++;
    this.space();
    if (this.take('}')) return members;
    for (;;) {
      this.space();
      const key = this.string();
      if (members.has(key)) throw this.error(`the key ${JSON.stringify(key)} occurs twice`);
      this.space();
      if (!this.take(':')) throw this.error('expected :');
      this.space();
      members.set(key, this.value(depth + 1));
      this.space();
      if (this.take('}')) return members;
      if (!this.take(',')) throw this.error('expected , or }');
    }
  }
}

/** Parses JSON. Throws a JsonError for duplicate keys, integers beyond 2^53 and nesting deeper than `maxDepth`, besides broken text. */
export function parseStrictJson(text: string, maxDepth = 64): Json {
  return new Parser(text, maxDepth).document();
}
