/** Assertions that the tests of tensors, autograd and nn share. */
import assert from 'node:assert/strict';
import type { Tensor } from 'typetorch';

type Nested = number | bigint | boolean | readonly Nested[];

/** The call must throw an error of this name with exactly this message (or one that matches). */
export function raises(call: () => unknown, name: string, message: string | RegExp): void {
  let thrown: unknown;
  try {
    call();
  } catch (error) {
    thrown = error;
  }
  assert.ok(thrown instanceof Error, `nothing was thrown; expected ${name}: ${message}`);
  assert.equal(thrown.name, name, `got ${thrown.name}: ${thrown.message}`);
  if (typeof message === 'string') assert.equal(thrown.message, message);
  else assert.match(thrown.message, message);
}

/** The tensor must have exactly these elements in this shape. */
export function equal(tensor: Tensor | null, expected: Nested): void {
  assert.ok(tensor !== null, 'expected a tensor, got null');
  assert.deepEqual(tensor.tolist(), expected);
}

/** The tensor's elements must be within `tolerance` of these: 1e-5 of the value and 1e-6, as float32 arithmetic allows. */
export function close(tensor: Tensor | null, expected: Nested, tolerance = 1e-5): void {
  assert.ok(tensor !== null, 'expected a tensor, got null');
  const got = flatten(tensor.tolist());
  const wanted = flatten(expected);
  assert.equal(got.length, wanted.length, `expected ${wanted.length} elements, got ${got.length}`);
  got.forEach((x, i) => {
    const by = Math.abs(x - wanted[i]);
    assert.ok(by <= 1e-6 + tolerance * Math.abs(wanted[i]), `element ${i}: expected ${wanted[i]}, got ${x}`);
  });
}

function flatten(x: unknown): number[] {
  return Array.isArray(x) ? x.flatMap(flatten) : [Number(x)];
}
