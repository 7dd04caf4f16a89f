/** Equations of `einsum`: what they say, and PyTorch's errors for those that make no sense. */
import { RuntimeError } from '../../base/errors.ts';

/** A label is a number from 0: A … Z, then a … z. */
const LETTERS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
export const LABELS: number = LETTERS.length;
/** Stands for the dimensions of an ellipsis. */
export const ELLIPSIS = -1;

export type Subscripts = readonly number[];

export interface Equation {
  /** The labels of each operand. */
  readonly inputs: readonly Subscripts[];
  /** Null: not given. */
  readonly output: Subscripts | null;
}

export function problem(text: string): never {
  throw new RuntimeError(`einsum(): ${text}`);
}

export function letterOf(label: number): string {
  return LETTERS[label];
}

/** Reads "ij,jk->ik". */
export function parseEquation(text: string, operands: number): Equation {
  const arrow = text.indexOf('->');
  const left = arrow < 0 ? text : text.slice(0, arrow);
  const inputs: number[][] = [[]];
  for (let i = 0; i < left.length; i++) {
    const current = inputs[inputs.length - 1];
    const place = inputs.length - 1;
    const letter = left[i];
    if (letter === ' ') continue;
    if (letter === ',') {
      inputs.push([]);
      if (inputs.length > operands) problem('fewer operands were provided than specified in the equation');
    } else if (letter === '.') {
      if (current.includes(ELLIPSIS)) {
        problem(`found '.' for operand ${place} for which an ellipsis was already found`);
      }
      if (left.slice(i, i + 3) !== '...') {
        problem(`found '.' for operand ${place} that is not part of any ellipsis`);
      }
      current.push(ELLIPSIS);
      i += 2;
    } else current.push(labelOf(letter, i));
  }
  if (inputs.length < operands) problem('more operands were provided than specified in the equation');
  return { inputs, output: arrow < 0 ? null : parseOutput(text, arrow + 2) };
}

function parseOutput(text: string, start: number): number[] {
  const output: number[] = [];
  for (let i = start; i < text.length; i++) {
    const letter = text[i];
    if (letter === ' ') continue;
    if (letter === '.') {
      if (output.includes(ELLIPSIS)) {
        problem("found '.' for output but an ellipsis (...) was already found");
      }
      if (text.slice(i, i + 3) !== '...') {
        problem("found '.' for output that is not part of any ellipsis (...)");
      }
      output.push(ELLIPSIS);
      i += 2;
      continue;
    }
    const label = labelOf(letter, i);
    if (output.includes(label)) problem(`output subscript ${letter} appears more than once in the output`);
    output.push(label);
  }
  return output;
}

function labelOf(letter: string, at: number): number {
  const label = LETTERS.indexOf(letter);
  if (label < 0) {
    problem(`invalid subscript given at index ${at} in the equation string, subscripts must be in [a-zA-Z]`);
  }
  return label;
}

/** The output where none is given: an ellipsis, then the labels that occur once, in order. */
export function implicitOutput(inputs: readonly Subscripts[]): Subscripts {
  const all = inputs.flat();
  const once = Array.from({ length: LABELS }, (_, label) => label).filter(
    (label) => all.filter((l) => l === label).length === 1,
  );
  return all.includes(ELLIPSIS) ? [ELLIPSIS, ...once] : once;
}
