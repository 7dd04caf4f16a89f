/** Python's str as pickles store it: UTF-8 in which lone surrogates are allowed ("surrogatepass"). */
import { UnpicklingError } from '../../base/errors.ts';

const decoder: TextDecoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
const encoder: TextEncoder = new TextEncoder();

/** Short ASCII strings, the bulk of a pickle, need no decoder. */
const SHORT = 32;

function shortAscii(bytes: Uint8Array): string | null {
  let text = '';
  for (let i = 0; i < bytes.length; i++) {
    if (bytes[i] >= 0x80) return null;
    text += String.fromCharCode(bytes[i]);
  }
  return text;
}

/** Throws an UnpicklingError for bytes that are not UTF-8. */
export function decodeText(bytes: Uint8Array): string {
  if (bytes.length <= SHORT) {
    const text = shortAscii(bytes);
    if (text !== null) return text;
  }
  try {
    return decoder.decode(bytes);
  } catch {
    return decodeSurrogates(bytes);
  }
}

/** Decodes with surrogates as three-byte sequences (ED A0..BF 80..BF); everything between them is ordinary UTF-8. */
function decodeSurrogates(bytes: Uint8Array): string {
  const parts: string[] = [];
  let from = 0;
  const flush = (to: number) => {
    try {
      parts.push(decoder.decode(bytes.subarray(from, to)));
    } catch {
      throw new UnpicklingError('a string in the pickle is not UTF-8');
    }
  };
  for (let i = 0; i + 2 < bytes.length; i++) {
    if (bytes[i] !== 0xed || bytes[i + 1] < 0xa0 || bytes[i + 1] > 0xbf || (bytes[i + 2] & 0xc0) !== 0x80)
      continue;
    flush(i);
    parts.push(String.fromCharCode(0xd000 | ((bytes[i + 1] & 0x3f) << 6) | (bytes[i + 2] & 0x3f)));
    i += 2;
    from = i + 1;
  }
  flush(bytes.length);
  return parts.join('');
}

const LONE_SURROGATE = /[\uD800-\uDBFF](?![\uDC00-\uDFFF])|(?<![\uD800-\uDBFF])[\uDC00-\uDFFF]/;

/** The inverse of `decodeText`. */
export function encodeText(text: string): Uint8Array {
  if (!LONE_SURROGATE.test(text)) return encoder.encode(text);
  const bytes: number[] = [];
  // Iterating a string gives code points; lone surrogates come out as themselves.
  for (const point of text) {
    const code = point.codePointAt(0) as number;
    if (code >= 0xd800 && code <= 0xdfff) bytes.push(0xed, 0x80 | ((code >> 6) & 0x3f), 0x80 | (code & 0x3f));
    else bytes.push(...encoder.encode(point));
  }
  return Uint8Array.from(bytes);
}
