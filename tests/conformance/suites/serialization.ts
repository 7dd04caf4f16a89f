/** Suite `serialization`: files written by torch.save, and files that a reader must refuse. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Case, isObject, type Json, type JsonObject, type TensorSpec, tagsOf } from '../cases.ts';
import { exact, expectEqual, expectTensor, expectValue, isNativeError } from '../compare.ts';
import { describe, type Library, Mismatch, type TensorLike } from '../library.ts';

/** Neither outcome of a hostile file may take long. */
const promptly = 5000;

interface SavedTensor extends TensorSpec {
  storage: number;
  storage_size: number;
}

/** Compares what was read with the file's content; remembers which storages the tensors share. */
class ContentChecker {
  private readonly library: Library;
  private readonly storages: { number: number; tensor: TensorLike }[] = [];

  constructor(library: Library) {
    this.library = library;
  }

  check(got: unknown, expected: Json, where: string): void {
    if (Array.isArray(expected)) this.list(got, expected, where);
    else if (isObject(expected)) this.tagged(got, expected, where);
    else expectValue(this.library, got, expected, exact, where);
  }

  private tagged(got: unknown, expected: JsonObject, where: string): void {
    const [tag] = Object.keys(expected);
    const content = expected[tag];
    const checks: Readonly<Record<string, () => void>> = {
      $tensor: () => this.tensor(got, content as unknown as SavedTensor, where),
      $tuple: () => this.list(got, content as Json[], where),
      $size: () => this.list(got, content as Json[], where),
      $set: () => this.list(got instanceof Set ? [...got] : got, content as Json[], where),
      $dict: () => this.dict(got, content as [Json, Json][], where),
      $ordered_dict: () => this.dict(got, content as [Json, Json][], where),
      $bytes: () => this.bytes(got, content as number[], where),
      // A reader may load a pickled module in any form.
      $saved_module: () => undefined,
    };
    const check = checks[tag] ?? (() => expectValue(this.library, got, expected, exact, where));
    check();
  }

  private list(got: unknown, expected: readonly Json[], where: string): void {
    if (!Array.isArray(got) || got.length !== expected.length) {
      throw new Mismatch(`${where}: expected ${expected.length} items, got ${describe(got)}`);
    }
    expected.forEach((e, i) => {
      this.check(got[i], e, `${where}[${i}]`);
    });
  }

  private dict(got: unknown, expected: readonly [Json, Json][], where: string): void {
    const entries = this.entries(got, where);
    if (entries.length !== expected.length) {
      throw new Mismatch(`${where}: expected ${expected.length} keys, got ${entries.length}`);
    }
    expected.forEach(([key, value], i) => {
      this.check(entries[i][0], key, `key ${i} of ${where}`);
      this.check(entries[i][1], value, `${where}.${String(entries[i][0])}`);
    });
  }

  private entries(got: unknown, where: string): [unknown, unknown][] {
    if (got instanceof Map) return [...got];
    const isPlain =
      got !== null && typeof got === 'object' && Object.getPrototypeOf(got) === Object.prototype;
    if (!isPlain) throw new Mismatch(`${where}: expected a dict, got ${describe(got)}`);
    return Object.entries(got as object);
  }

  private bytes(got: unknown, expected: readonly number[], where: string): void {
    if (!(got instanceof Uint8Array)) throw new Mismatch(`${where}: expected bytes, got ${describe(got)}`);
    expectEqual([...got].join(), expected.join(), where);
  }

  private tensor(got: unknown, expected: SavedTensor, where: string): void {
    expectTensor(this.library, got, expected, exact, where);
    const tensor = got as TensorLike;
    const strides = this.library.send(tensor, 'stride') as number[];
    expectEqual(strides.join(), (expected.strides ?? []).join(), `strides of ${where}`);
    expectEqual(this.library.send(tensor, 'storage_offset'), expected.offset ?? 0, `offset of ${where}`);
    expectEqual(tensor.requiresGrad, expected.requires_grad === true, `requiresGrad of ${where}`);
    const parameterClass = this.library.get('torch.nn.Parameter') as new () => object;
    expectEqual(tensor instanceof parameterClass, expected.parameter === true, `${where} is a Parameter`);
    for (const other of this.storages) {
      const shared = this.library.sharesStorage(tensor, other.tensor);
      expectEqual(shared, other.number === expected.storage, `${where} shares storage ${other.number}`);
    }
    this.storages.push({ number: expected.storage, tensor });
  }
}

/** A refusal is a typed error, not a crash somewhere inside. */
function expectRefusal(error: unknown): void {
  if (isNativeError(error)) {
    const { name, message } = error as Error;
    throw new Mismatch(`a native ${name} instead of a refusal: ${message}`);
  }
}

export function runSerialization(library: Library, testCase: Case, folder: string): void {
  library.get('torch.load');
  const path = join(folder, 'serialization', testCase.file as string);
  const bytes = new Uint8Array(readFileSync(path));
  const tags = tagsOf(testCase);
  const start = performance.now();
  let content: unknown;
  try {
    content = library.call('torch.load', bytes);
  } catch (error) {
    const free =
      tags.includes('must_reject') || tags.includes('must_not_crash') || tags.includes('whole_module');
    if (!free) throw error;
    expectRefusal(error);
    expectPrompt(start);
    return;
  }
  expectPrompt(start);
  if (tags.includes('must_reject')) {
    throw new Mismatch(`must be refused (${testCase.why}), but gave ${describe(content)}`);
  }
  if (testCase.content !== undefined) new ContentChecker(library).check(content, testCase.content, 'content');
}

function expectPrompt(start: number): void {
  const milliseconds = performance.now() - start;
  if (milliseconds > promptly) throw new Mismatch(`took ${Math.round(milliseconds)} ms`);
}
