/** Pickles: values survive, opcodes are those of CPython, and hostile ones end in an UnpicklingError. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { UnpicklingError } from '../../src/base/errors.ts';
import { builtinGlobals } from '../../src/io/pickle/builtins.ts';
import { type PicklerOptions, pickle } from '../../src/io/pickle/pickler.ts';
import { PickleCallable, type PickleLimits, unpickle } from '../../src/io/pickle/unpickler.ts';
import {
  OrderedDict,
  PickleByteArray,
  PickleComplex,
  PickleCounter,
  PickleDefaultDict,
  PickleFrozenSet,
  PickleGlobal,
  PickleObject,
  PickleTuple,
} from '../../src/io/pickle/values.ts';
import { PyFloat } from '../../src/tensor/pyfloat.ts';

const POINT = new PickleGlobal('shapes', 'Point');

function load(bytes: Uint8Array, limits: Partial<PickleLimits> = {}): unknown {
  return unpickle(bytes, {
    limits,
    findGlobal: (module, name) =>
      module === POINT.module && name === POINT.name
        ? new PickleCallable(module, name, (args) => new PickleObject(POINT, new PickleTuple(args)))
        : builtinGlobals.get(`${module}.${name}`),
  });
}

/** Latin-1 text as bytes: pickles as Python prints them. */
const raw = (s: string): Uint8Array => Uint8Array.from(s, (c) => c.charCodeAt(0));

function roundTrip(value: unknown, options?: PicklerOptions): unknown {
  return load(pickle(value, options));
}

function refused(s: string, message: RegExp, limits?: Partial<PickleLimits>): void {
  assert.throws(
    () => load(raw(s), limits),
    (error: unknown) => error instanceof UnpicklingError && message.test(error.message),
    s,
  );
}

describe('what CPython writes', () => {
  const golden: readonly [unknown, string][] = [
    [null, 'N'],
    [true, '\x88'],
    [255, 'K\xff'],
    [256, 'M\0\x01'],
    [65536, 'J\0\0\x01\0'],
    [-1, 'J\xff\xff\xff\xff'],
    [-(2 ** 31), 'J\0\0\0\x80'],
    [2 ** 31, '\x8a\x05\0\0\0\x80\0'],
    [2 ** 40, '\x8a\x06\0\0\0\0\0\x01'],
    [-(2 ** 31) - 1, '\x8a\x05\xff\xff\xff\x7f\xff'],
    [2n ** 63n, '\x8a\x09\0\0\0\0\0\0\0\x80\0'],
    [-(2n ** 63n), '\x8a\x08\0\0\0\0\0\0\0\x80'],
    [7n, 'K\x07'],
    [2.5, 'G@\x04\0\0\0\0\0\0'],
    [new PyFloat(1), 'G?\xf0\0\0\0\0\0\0'],
    [-0, 'G\x80\0\0\0\0\0\0\0'],
    ['ab', 'X\x02\0\0\0abq\0'],
    ['é', 'X\x02\0\0\0\xc3\xa9q\0'],
    [new PickleTuple([]), ')'],
    [new PickleTuple([1]), 'K\x01\x85q\0'],
    [new PickleTuple([1, 2, 3, 4]), '(K\x01K\x02K\x03K\x04tq\0'],
    [[], ']q\0'],
    [[1], ']q\0K\x01a'],
    [[1, 2], ']q\0(K\x01K\x02e'],
    [new Map([[1, 2]]), '}q\0K\x01K\x02s'],
    [
      new Map([
        [1, 2],
        [3, 4],
      ]),
      '}q\0(K\x01K\x02K\x03K\x04u',
    ],
    [['a', 'a'], ']q\0(X\x01\0\0\0aq\x01h\x01e'],
    [new OrderedDict([[1, 2]]), 'ccollections\nOrderedDict\nq\0)Rq\x01K\x01K\x02s'],
    [new Set([1]), 'c__builtin__\nset\nq\0]q\x01K\x01a\x85q\x02Rq\x03'],
    [raw('a\xff'), 'c_codecs\nencode\nq\0X\x03\0\0\0a\xc3\xbfq\x01X\x06\0\0\0latin1q\x02\x86q\x03Rq\x04'],
    [new PickleComplex(1, 2), 'c__builtin__\ncomplex\nq\0G?\xf0\0\0\0\0\0\0G@\0\0\0\0\0\0\0\x86q\x01Rq\x02'],
    [
      new PickleObject(POINT, new PickleTuple([]), new Map([['x', 1]])),
      'cshapes\nPoint\nq\0)\x81q\x01}q\x02X\x01\0\0\0xq\x03K\x01sb',
    ],
  ];
  for (const [value, text] of golden) {
    it(JSON.stringify(text), () => {
      const bytes = raw(`\x80\x02${text}.`);
      assert.deepEqual(pickle(value), bytes);
      assert.deepEqual(pickle(load(bytes)), bytes);
    });
  }

  it('later protocols, as far as they hold data', () => {
    assert.deepEqual(load(raw('\x80\x04\x95\x0a\0\0\0\0\0\0\0]\x94(K\x01\x8c\x01ae.')), [1, 'a']);
    assert.deepEqual(load(raw('\x80\x04\x8f\x94(K\x01K\x02\x90.')), new Set([1, 2]));
    assert.deepEqual(load(raw('\x80\x04(K\x01\x91.')), new PickleFrozenSet([1]));
    assert.deepEqual(load(raw('\x80\x03C\x02\x00\xff.')), Uint8Array.of(0, 255));
    assert.deepEqual(load(raw('\x80\x03B\x01\0\0\0\x07.')), Uint8Array.of(7));
    assert.deepEqual(load(raw('\x80\x05\x96\x01\0\0\0\0\0\0\0x.')), new PickleByteArray(raw('x')));
    assert.deepEqual(load(raw('\x80\x04\x8d\x01\0\0\0\0\0\0\0x.')), 'x');
    assert.deepEqual(
      load(raw('\x80\x04\x8c\x0bcollections\x94\x8c\x0bOrderedDict\x94\x93\x94)R.')),
      new OrderedDict(),
    );
  });

  it('strings of Python 2', () => {
    assert.deepEqual(load(raw('\x80\x02U\x02ab.')), 'ab');
    assert.deepEqual(load(raw('\x80\x02T\x02\0\0\0ab.')), 'ab');
  });
});

describe('values survive', () => {
  const leaf = fc.oneof(
    fc.constant(null),
    fc.boolean(),
    fc.maxSafeInteger(),
    fc.bigInt().filter((x) => !Number.isSafeInteger(Number(x))),
    fc.double().filter((x) => !Number.isInteger(x)),
    fc
      .double()
      .filter(Number.isInteger)
      .map((x) => new PyFloat(x)),
    fc.string({ unit: 'binary' }),
    fc.uint8Array().map((x) => Uint8Array.from(x)),
  );
  const { value } = fc.letrec<{ value: unknown }>((tie) => ({
    value: fc.oneof(
      { depthSize: 'small' },
      leaf,
      fc.array(tie('value')),
      fc.array(tie('value')).map((items) => new PickleTuple(items)),
      fc.array(fc.tuple(fc.string(), tie('value'))).map((items) => new Map(items)),
      fc.array(fc.tuple(fc.string(), tie('value'))).map((items) => new OrderedDict(items)),
      fc.array(fc.string()).map((items) => new Set(items)),
    ),
  }));

  it('of every kind', () => {
    fc.assert(fc.property(value, (x) => assert.deepEqual(roundTrip(x), x)));
  });

  it('more than a thousand items, more than 256 memo entries', () => {
    const list = Array.from({ length: 2500 }, (_, i) => `item ${i}`);
    assert.deepEqual(roundTrip([list, list]), [list, list]);
    const dict = new Map(list.map((name, i) => [name, i]));
    assert.deepEqual(roundTrip(dict), dict);
  });

  it('shared and recursive containers', () => {
    const shared = [1];
    const [a, b] = roundTrip([shared, shared]) as unknown[];
    assert.equal(a, b);
    const list: unknown[] = [];
    const tuple = new PickleTuple([1, list]);
    list.push(tuple, new PickleTuple([list, 1, 2, 3]));
    const read = roundTrip(tuple) as PickleTuple;
    const inner = read.items[1] as unknown[];
    assert.equal(inner[0], read);
    assert.equal((inner[1] as PickleTuple).items[0], inner);
  });

  it('lone surrogates', () => {
    for (const text of [
      '\ud800',
      'x\udfff',
      '\udc00é\ud83d\ude00\ud800',
      '\ufeffx',
      `${'y'.repeat(40)}\ud800`,
    ]) {
      assert.equal(roundTrip(text), text);
    }
  });

  it('containers of the standard library', () => {
    const counts = new PickleCounter([['a', 2]]);
    const byDefault = new PickleDefaultDict([['a', [1]]]);
    byDefault.factory = new PickleGlobal('builtins', 'list');
    const values = [
      counts,
      byDefault,
      new PickleFrozenSet([1, 'x']),
      new PickleByteArray(raw('ab')),
      new PickleComplex(1, -2),
    ];
    assert.deepEqual(roundTrip(values), values);
    assert.deepEqual(roundTrip(new Uint8Array(0)), new Uint8Array(0));
  });

  it('attributes of an OrderedDict', () => {
    const dict = new OrderedDict([['a', 1]]);
    dict.attributes = new Map([['_metadata', new OrderedDict([['', new Map([['version', 1]])]])]]);
    const read = roundTrip(dict) as OrderedDict;
    assert.deepEqual([...read], [...dict]);
    assert.deepEqual(read.attributes, dict.attributes);
  });
});

describe('what cannot be written', () => {
  it('is a TypeError', () => {
    for (const value of [undefined, () => 1, Symbol('x'), new Date(), { a: 1 }, new Float32Array(1)]) {
      assert.throws(() => pickle(value), { name: 'TypeError', message: /^cannot pickle '\w+' object$/ });
    }
  });

  it('or nests too deeply', () => {
    let deep: unknown[] = [];
    for (let i = 0; i < 100_000; i++) deep = [deep];
    assert.throws(() => pickle(deep), { name: 'RuntimeError', message: /^maximum recursion depth exceeded/ });
  });
});

describe('what is refused', () => {
  it('pickles that end too early', () => {
    for (const text of [
      '',
      '\x80',
      '\x80\x02',
      '\x80\x02K',
      '\x80\x02J\0',
      '\x80\x02G\0',
      '\x80\x02X\x05\0\0\0ab',
      '\x80\x02c',
      '\x80\x02cos\n',
    ]) {
      refused(text, /Ran out of input|truncated/);
    }
  });

  it('lengths beyond the end, without allocating them', () => {
    for (const text of [
      'X\xff\xff\xff\x7f',
      '\x8b\xff\xff\xff\x7f',
      'T\xff\xff\xff\xff',
      '\x8d\xff\xff\xff\xff\xff\xff\xff\x7f',
      '\x8e\0\0\0\0\0\0\x10\0',
      'B\xff\xff\xff\xff',
    ]) {
      refused(`\x80\x02${text}abc.`, /truncated/);
    }
  });

  it('stacks and marks that are not there', () => {
    for (const text of [
      '.',
      '0.',
      't.',
      'a.',
      ']a.',
      'u.',
      'R.',
      'b.',
      '\x81.',
      '(.',
      'NN.',
      '(K\x01.',
      '\x86.',
      'q\0.',
      'Q.',
      '}K\x01s.',
      ']K\x01(e0K\x02',
    ]) {
      refused(`\x80\x02${text}`, /./);
    }
  });

  it('memo entries that are not there', () => {
    refused('\x80\x02h\x07.', /^Memo value not found at index 7$/);
    refused('\x80\x02j\xff\xff\xff\xff.', /^Memo value not found at index 4294967295$/);
  });

  it('opcodes that are not on the list', () => {
    for (const text of [
      'I1\n',
      'L1L\n',
      "S'a'\n",
      'Va\n',
      'ios\nsystem\n',
      '(cos\nsystem\no',
      'Pid\n',
      '\x82\x01',
      '2',
      '\x97',
      '\xff',
    ]) {
      refused(`\x80\x02${text}.`, /Unsupported operand|Unsupported global/);
    }
    refused('\x80\x01N.', /^unsupported pickle protocol: 1$/);
    refused('\x80\x06N.', /^unsupported pickle protocol: 6$/);
  });

  it('globals that are not on the list', () => {
    for (const path of [
      'os\nsystem',
      '__builtin__\neval',
      'builtins\ngetattr',
      'posix\nsystem',
      'torch\nload',
      'collections\nnamedtuple',
      '\n',
    ]) {
      refused(`\x80\x02c${path}\n.`, /^Unsupported global: GLOBAL .* was not an allowed global by default/);
    }
    refused('\x80\x04\x8c\x02os\x8c\x06system\x93.', /Unsupported global: GLOBAL os\.system/);
    refused(`\x80\x02c${'x'.repeat(1000)}\ny\n.`, /name of a global is too long/);
  });

  it('calls of what is no class', () => {
    refused('\x80\x02K\x01)R.', /Trying to call reduce for unrecognized function/);
    refused(
      '\x80\x02c__builtin__\nlist\n)R.',
      /Trying to call reduce for unrecognized function builtins.list/,
    );
    refused('\x80\x02ccollections\nOrderedDict\nNR.', /are not a tuple/);
  });

  it('arguments that constructors do not take', () => {
    for (const text of [
      'ccollections\nOrderedDict\nK\x01\x85R',
      'ccollections\nOrderedDict\n]K\x01a\x85R',
      'ccollections\nCounter\nK\x01\x85R',
      'ccollections\ndefaultdict\nK\x01\x85R',
      'c__builtin__\nset\nK\x01\x85R',
      'c__builtin__\ncomplex\nX\x01\0\0\0xK\x01\x86R',
      'c__builtin__\nbytes\nK\x01\x85R',
      'c_codecs\nencode\nX\x01\0\0\0xX\x04\0\0\0zlib\x86R',
      'c_codecs\nencode\nX\x02\0\0\0\xc4\x80X\x06\0\0\0latin1\x86R',
    ]) {
      refused(`\x80\x02${text}.`, /./);
    }
  });

  it('state for what keeps none, items for what takes none, keys that cannot be hashed', () => {
    refused('\x80\x02]}b.', /^Can only build Tensor, Parameter, OrderedDict or types allowlisted/);
    refused('\x80\x02ccollections\nCounter\n)R}X\x01\0\0\0aK\x01sb.', /^Can only build/);
    refused('\x80\x02ccollections\nOrderedDict\n)R]b.', /not a dict of attributes/);
    refused('\x80\x02}K\x01a.', /^Can only append to lists, but got <class 'dict'>$/);
    refused('\x80\x02]K\x01K\x02s.', /^Can only SETITEM for dict/);
    refused('\x80\x02}]K\x01s.', /^unhashable type: <class 'list'>$/);
    refused('\x80\x02}(K\x01u.', /^odd number of items/);
    refused('\x80\x02cshapes\nPoint\n)\x81}b}b.', /^Can only build/);
  });

  it('persistent ids without a loader, text that is not UTF-8, bytes after the end', () => {
    refused('\x80\x02K\x01Q.', /^unsupported persistent id encountered$/);
    refused('\x80\x02X\x01\0\0\0\xff.', /not UTF-8/);
    refused('\x80\x02N.N', /bytes after the end/);
  });

  it('more than the limits allow', () => {
    refused('\x80\x02]]]]]00000000000000.', /limits.containers/, { containers: 4 });
    refused('\x80\x02Nq\0q\x01q\x02.', /limits.memo/, { memo: 2 });
    refused('\x80\x02NNNNNNNN', /limits.size/, { size: 4 });
    refused('\x80\x02\x8a\x03\0\0\x01.', /limits.intSize/, { intSize: 2 });
    refused('\x80\x02]]]K\x01aaa.', /limits.depth/, { depth: 2 });
  });

  it('one list that contains itself is no nesting', () => {
    const list = load(raw('\x80\x02]q\0h\0a.')) as unknown[];
    assert.equal(list[0], list);
  });

  it('any other bytes: an UnpicklingError or a value', () => {
    const opcodes = fc.constantFrom(
      ...'(.012BCGJKMNQRTUX]abcehjqrstu}\x80\x81\x85\x86\x87\x88\x89\x8a\x8b\x8c\x8f\x90\x91\x93\x94\x95\x96',
    );
    const snippet = fc.constantFrom(
      'K\x01',
      'X\x01\0\0\0a',
      'ccollections\nOrderedDict\n',
      ')R',
      '}',
      ']',
      'q\0',
      'h\0',
      '(',
      't',
      'cshapes\nPoint\n',
      '\x81',
    );
    fc.assert(
      fc.property(fc.array(fc.oneof(opcodes, snippet), { maxLength: 40 }), (parts) => {
        try {
          load(raw(`\x80\x02${parts.join('')}.`));
        } catch (error) {
          assert.ok(error instanceof UnpicklingError, String(error));
        }
      }),
      { numRuns: 2000 },
    );
  });
});
