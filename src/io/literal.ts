/**
 * Python literals as they occur in the headers of npy files: dicts, tuples, lists, strings without escapes, ints, True, False, None.
 */

/** Tuples and lists are arrays. */
export type Literal = null | boolean | number | string | Literal[] | Map<string, Literal>;

/** Text that is no such literal. */
export class LiteralError extends Error {
  override readonly name: string = 'LiteralError';
}

const TOKEN = /\s*(?:('[^'\\]*'|"[^"\\]*")|(-?\d+)L?|(True|False|None)|([{}()[\],:]))/y;
const MAX_DEPTH = 16;

function tokenize(text: string): string[] {
  const tokens: string[] = [];
  const end = text.trimEnd().length;
  TOKEN.lastIndex = 0;
  while (TOKEN.lastIndex < end) {
    const from = TOKEN.lastIndex;
    const found = TOKEN.exec(text);
    if (found === null) throw new LiteralError(`unexpected text at position ${from}`);
    tokens.push(found[1] ?? found[2] ?? found[3] ?? found[4]);
  }
  return tokens;
}

class Parser {
  private readonly tokens: readonly string[];
  private at = 0;

  constructor(tokens: readonly string[]) {
    this.tokens = tokens;
  }

  document(): Literal {
    const value = this.value(0);
    if (this.at !== this.tokens.length) throw new LiteralError('text after the end');
    return value;
  }

  private next(): string {
    const token = this.tokens[this.at++];
    if (token === undefined) throw new LiteralError('unexpected end');
    return token;
  }

  private value(depth: number): Literal {
    if (depth > MAX_DEPTH) throw new LiteralError('too deeply nested');
    const token = this.next();
    switch (token) {
      case '{':
        return this.dict(depth);
      case '(':
        return this.sequence(')', depth);
      case '[':
        return this.sequence(']', depth);
      case 'True':
        return true;
      case 'False':
        return false;
      case 'None':
        return null;
      default:
        break;
    }
    if (token[0] === "'" || token[0] === '"') return token.slice(1, -1);
    const number = Number(token);
    if (!Number.isSafeInteger(number)) throw new LiteralError(`unexpected ${token}`);
    return number;
  }

  private sequence(close: string, depth: number): Literal[] {
    const items: Literal[] = [];
    while (this.tokens[this.at] !== close) {
      items.push(this.value(depth + 1));
      if (this.tokens[this.at] === ',') this.at++;
      else if (this.tokens[this.at] !== close) throw new LiteralError(`expected , or ${close}`);
    }
    this.at++;
    return items;
  }

  private dict(depth: number): Map<string, Literal> {
    const members = new Map<string, Literal>();
    while (this.tokens[this.at] !== '}') {
      const key = this.value(depth + 1);
      if (typeof key !== 'string' || members.has(key))
        throw new LiteralError('a key is no string, or occurs twice');
      if (this.next() !== ':') throw new LiteralError('expected :');
      members.set(key, this.value(depth + 1));
      if (this.tokens[this.at] === ',') this.at++;
      else if (this.tokens[this.at] !== '}') throw new LiteralError('expected , or }');
    }
    this.at++;
    return members;
  }
}

/** Parses a literal. Throws a LiteralError for anything else; nothing is evaluated. */
export function parseLiteral(text: string): Literal {
  return new Parser(tokenize(text)).document();
}
