/** torch.save and torch.load on tensors, state dicts, modules; safetensors and npy on tensors. */
import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterEach, describe, it } from 'node:test';
import * as torch from '../../src/index.ts';
import { PickleGlobal, PickleObject, PickleTuple } from '../../src/io/pickle/values.ts';
import { StorageRecord, TensorRecord } from '../../src/io/pytorch/records.ts';
import { joinChunks, writeCheckpoint } from '../../src/io/pytorch/writer.ts';
import { ZipReader } from '../../src/io/zip/reader.ts';
import { fixture } from './content.ts';

const { nn, serialization } = torch;

function reload(value: unknown, options: torch.LoadOptions = {}): unknown {
  return torch.load(torch.save(value), options);
}

/** A file with one tensor over the whole of a storage. */
function file(storage: StorageRecord): Uint8Array {
  return joinChunks(writeCheckpoint(new TensorRecord(storage, 0, [storage.numel], [1])));
}

function values(x: unknown): unknown {
  return (x as torch.Tensor).tolist();
}

function sharesMemory(a: torch.Tensor, b: torch.Tensor): boolean {
  return a.storage === b.storage;
}

class Net extends nn.Module {
  readonly hiddenSize: number;
  readonly sizes: readonly number[] = [1, 2];
  fc: torch.nn.Linear;
  act: torch.nn.ReLU = new nn.ReLU();
  scale: torch.nn.Parameter = new nn.Parameter(torch.ones(1));

  constructor(hiddenSize: number) {
    super();
    if (hiddenSize === undefined) throw new Error('the constructor was run');
    this.hiddenSize = hiddenSize;
    this.fc = new nn.Linear(3, hiddenSize);
    this.registerBuffer('steps', torch.zeros(1));
    this.registerBuffer('cache', torch.zeros(1), false);
  }

  override forward(x: torch.Tensor): torch.Tensor {
    return this.act(this.fc(x)).mul(this.scale);
  }
}

afterEach(() => serialization.clearSafeGlobals());

describe('values', () => {
  it('plain values', () => {
    const value = new Map<unknown, unknown>([
      ['int', 3],
      ['float', 2.5],
      ['big', 2n ** 70n],
      ['text', 'häß'],
      ['none', null],
      ['flags', [true, false]],
      ['bytes', Uint8Array.of(0, 255)],
      ['set', new Set([1, 'x'])],
      [5, new Map()],
      ['special', [Number.POSITIVE_INFINITY, Number.NaN, -0]],
    ]);
    assert.deepEqual(reload(value), value);
  });

  it('plain objects become Maps, undefined null', () => {
    assert.deepEqual(
      reload({ a: { b: 1 }, c: undefined }),
      new Map<string, unknown>([
        ['a', new Map([['b', 1]])],
        ['c', null],
      ]),
    );
  });

  it('frozen arrays are tuples', () => {
    const [tuple, list] = reload([Object.freeze([1, 2]), [3]]) as [number[], number[]];
    assert.deepEqual([tuple, list], [[1, 2], [3]]);
    assert.ok(Object.isFrozen(tuple) && !Object.isFrozen(list));
  });

  it('whole floats stay floats', () => {
    assert.equal(reload(torch.pyFloat(2)), 2);
    const zip = new ZipReader(torch.save([torch.pyFloat(1)]));
    assert.ok(Buffer.from(zip.read('archive/data.pkl')).includes(Buffer.of(0x47, 0x3f, 0xf0)));
  });

  it('shapes, dtypes, devices', () => {
    const x = torch.zeros(2, 3);
    const [shape, dtype, device] = reload([x.shape, torch.bfloat16, x.device]) as unknown[];
    assert.equal(String(shape), 'torch.Size([2, 3])');
    assert.equal(dtype, torch.bfloat16);
    assert.equal(String(device), String(x.device));
  });

  it('shared and recursive containers', () => {
    const shared = [1];
    const list: unknown[] = [shared, shared];
    list.push(list);
    const read = reload(list) as unknown[];
    assert.equal(read[0], read[1]);
    assert.equal(read[2], read);
  });

  it('what Python cannot hold is a TypeError', () => {
    for (const value of [() => 1, new Date(), Symbol('x'), new Float32Array(1), [{ f: () => 1 }]]) {
      assert.throws(() => torch.save(value), { name: 'TypeError', message: /^cannot pickle/ });
    }
    let deep: unknown[] = [];
    for (let i = 0; i < 20_000; i++) deep = [deep];
    assert.throws(() => torch.save(deep), { name: 'RuntimeError', message: /maximum recursion depth/ });
  });
});

describe('tensors', () => {
  it('of every dtype', () => {
    for (const dtype of [
      'bool',
      'uint8',
      'int8',
      'int16',
      'int32',
      'int64',
      'float16',
      'bfloat16',
      'float32',
      'float64',
    ] as const) {
      const x = torch.tensor([0, 1, 1], { dtype: torch[dtype] });
      const read = reload(x) as torch.Tensor;
      assert.equal(read.dtype, x.dtype);
      assert.deepEqual(values(read), values(x));
    }
  });

  it('without elements, without dimensions, transposed, sliced, expanded', () => {
    const x = torch.arange(12).reshape(3, 4);
    for (const t of [torch.zeros(0, 3), torch.tensor(2.5), x.t(), x.select(0, 1), torch.ones(1).expand(4)]) {
      const read = reload(t) as torch.Tensor;
      assert.deepEqual(values(read), values(t));
      assert.deepEqual(
        [read.shape, read.stride(), read.storageOffset()],
        [t.shape, t.stride(), t.storageOffset()],
      );
    }
  });

  it('that share memory share it again', () => {
    const x = torch.zeros(4);
    const { a, b, c } = Object.fromEntries(
      reload({ a: x, b: x.view(2, 2), c: x.data }) as Map<string, torch.Tensor>,
    );
    assert.ok(sharesMemory(a, b) && sharesMemory(a, c));
    a.fill_(7);
    assert.deepEqual(values(b), [
      [7, 7],
      [7, 7],
    ]);
    const bytes = torch.save([x, x.view(2, 2)]);
    assert.equal(new ZipReader(bytes).names.filter((name) => name.includes('/data/')).length, 1);
  });

  it('that require gradients are leaves that do', () => {
    const x = torch.ones(2, { requiresGrad: true });
    const [leaf, result, frozen] = reload([x, x.mul(2), x.detach()]) as torch.Tensor[];
    assert.deepEqual([leaf.requiresGrad, result.requiresGrad, frozen.requiresGrad], [true, true, false]);
    assert.ok(leaf.isLeaf && result.isLeaf);
    assert.deepEqual(values(result), [2, 2]);
  });

  it('Parameters', () => {
    const [p, q] = reload([
      new nn.Parameter(torch.ones(1)),
      new nn.Parameter(torch.ones(1), false),
    ]) as torch.Tensor[];
    assert.ok(p instanceof nn.Parameter && q instanceof nn.Parameter);
    assert.deepEqual([p.requiresGrad, q.requiresGrad], [true, false]);
  });

  it('bytes other than 0 and 1 in a bool tensor are true', () => {
    const x = torch.load(file(new StorageRecord('bool', 3, Uint8Array.of(0, 7, 1)))) as torch.Tensor;
    assert.deepEqual([...x.toTypedArray()], [0, 1, 1]);
  });

  it('one memory with two dtypes cannot be saved', () => {
    const x = torch.zeros(2);
    assert.throws(() => torch.save([x, x.view(torch.int32)]), {
      name: 'RuntimeError',
      message: 'Cannot save multiple tensors or storages that view the same data as different types',
    });
  });

  it('dtypes that are not supported are a NotImplementedError', () => {
    assert.throws(() => torch.load(fixture('conformance/complex.pt')), {
      name: 'NotImplementedError',
      message: /complex64/,
    });
  });
});

describe('where tensors go', () => {
  const from = (location: string) => file(new StorageRecord('int8', 1, Uint8Array.of(5), '', location));

  it('mapLocation moves them', () => {
    const maps: torch.MapLocation[] = [
      'cpu',
      new Map([['gpu:0', 'cpu']]),
      { 'gpu:0': 'cpu' },
      (storage) => storage,
      () => 'cpu',
    ];
    for (const mapLocation of maps) {
      assert.deepEqual(values(torch.load(from('gpu:0'), { mapLocation })), [5]);
    }
    assert.deepEqual(values(torch.load(from('gpu:0'), 'cpu')), [5]);
    assert.deepEqual(
      values(torch.load(from('gpu:0'), (_storage, location) => (location === 'gpu:0' ? 'cpu' : null))),
      [5],
    );
  });

  it('without it they must go where they were', () => {
    assert.throws(() => torch.load(from('gpu:0')), {
      name: 'RuntimeError',
      message: /^don't know how to restore data location of .* \(tagged with gpu:0\)/,
    });
    assert.throws(() => torch.load(from('cuda:1')), {
      name: 'RuntimeError',
      message:
        /^Attempting to deserialize object on a CUDA device but torch\.cuda\.is_available\(\) is False\./,
    });
    assert.throws(() => torch.load(from('cuda:1'), { mapLocation: { cpu: 'cpu' } }), {
      name: 'RuntimeError',
    });
  });
});

describe('state dicts', () => {
  it('keep their order, their metadata, and what they share', () => {
    const net = new nn.Sequential(new nn.Linear(2, 3), new nn.BatchNorm1d(3));
    const state = reload(net.stateDict()) as torch.nn.StateDict;
    assert.ok(state instanceof nn.StateDict);
    assert.deepEqual([...state.keys()], [...net.stateDict().keys()]);
    assert.deepEqual(state.metadata, net.stateDict().metadata);
    assert.deepEqual(state.metadata.get('1'), { version: 2 });
    const other = new nn.Sequential(new nn.Linear(2, 3), new nn.BatchNorm1d(3));
    other.loadStateDict(state);
    for (const [name, tensor] of net.stateDict())
      assert.deepEqual(values(other.stateDict().get(name)), values(tensor));
  });

  it('of PyTorch are loaded into modules', () => {
    const state = torch.load(fixture('conformance/linear_state_dict.pt')) as torch.nn.StateDict;
    const net = new nn.Linear(4, 3);
    assert.deepEqual(net.loadStateDict(state), { missingKeys: [], unexpectedKeys: [] });
    assert.deepEqual(values(net.bias), values(state.get('bias')));
  });

  it('tied parameters stay one', () => {
    const a = new nn.Linear(2, 2);
    const b = new nn.Linear(2, 2);
    b.weight = a.weight;
    const state = reload(new nn.Sequential(a, b).stateDict()) as torch.nn.StateDict;
    assert.ok(sharesMemory(state.get('0.weight') as torch.Tensor, state.get('1.weight') as torch.Tensor));
  });
});

describe('whole modules', () => {
  it('of torch.nn', () => {
    const net = new nn.Sequential(new nn.Linear(3, 4), new nn.ReLU(), new nn.BatchNorm1d(4)).eval();
    const read = reload(net) as torch.nn.Sequential;
    assert.ok(read instanceof nn.Sequential);
    assert.equal(String(read), String(net));
    assert.equal(read.training, false);
    const x = torch.ones(2, 3);
    assert.deepEqual(values(read(x)), values(net(x)));
    assert.throws(() => reload(net, { weightsOnly: true }), {
      name: 'UnpicklingError',
      message: /GLOBAL torch\.nn\.modules\.container\.Sequential was not an allowed global by default/,
    });
  });

  for (const version of ['1.13', '2.13']) {
    it(`of PyTorch ${version}`, () => {
      const net = torch.load(fixture(`module_${version}.pt`)) as torch.nn.Sequential;
      assert.equal(
        String(net),
        String(new nn.Sequential(new nn.Linear(3, 4), new nn.ReLU(), new nn.BatchNorm1d(4))),
      );
      assert.deepEqual([...net.parameters()].length, 4);
      net(torch.ones(2, 3)).sum().backward();
      assert.notEqual((net.get(0) as torch.nn.Linear).weight.grad, null);
      assert.deepEqual(Object.keys(net.get(0)).sort(), Object.keys(new nn.Linear(3, 4)).sort());
    });
  }

  it('of the user, once they are allowed', () => {
    const net = new Net(5).eval();
    const bytes = torch.save(net);
    assert.throws(() => torch.load(bytes), {
      name: 'UnpicklingError',
      message: /GLOBAL __main__\.Net was not an allowed/,
    });
    serialization.addSafeGlobals([Net]);
    assert.throws(
      () => torch.load(bytes, { weightsOnly: true }),
      /GLOBAL torch\.nn\.modules\.linear\.Linear/,
    );
    const read = torch.load(bytes) as Net;
    assert.ok(read instanceof Net);
    assert.deepEqual([read.hiddenSize, read.sizes, read.training], [5, [1, 2], false]);
    assert.deepEqual(Object.keys(read).sort(), Object.keys(net).sort());
    assert.deepEqual([...read.stateDict().keys()], [...net.stateDict().keys()]);
    assert.deepEqual(values(read(torch.ones(1, 3))), values(net(torch.ones(1, 3))));
    assert.equal(String(read), String(net));
  });

  it('under another name', () => {
    serialization.addSafeGlobals([[Net, 'models.net.Net']]);
    assert.equal(serialization.getSafeGlobals()[0].path, 'models.net.Net');
    const bytes = torch.save(new Net(2));
    assert.ok(Buffer.from(bytes).includes('cmodels.net\nNet\n'));
    assert.ok(torch.load(bytes) instanceof Net);
    serialization.clearSafeGlobals();
    assert.throws(() => torch.load(bytes), { name: 'UnpicklingError' });
    assert.ok(serialization.safeGlobals([[Net, 'models.net.Net']], () => torch.load(bytes)) instanceof Net);
    assert.throws(() => torch.load(bytes), { name: 'UnpicklingError' });
  });

  it('other classes have a codec', () => {
    class Point {
      readonly x: number;
      readonly y: number;
      constructor(x: number, y: number) {
        this.x = x;
        this.y = y;
      }
    }
    assert.throws(() => torch.save(new Point(1, 2)), {
      name: 'TypeError',
      message: "cannot pickle 'Point' object",
    });
    serialization.addSafeGlobals([
      {
        path: 'geometry.Point',
        type: Point,
        build: (state) => {
          const { x, y } = Object.fromEntries(state as Map<string, number>);
          return new Point(x, y);
        },
        state: ({ x, y }: Point) => ({ x, y }),
      },
    ]);
    assert.deepEqual(reload([new Point(1, 2)], { weightsOnly: true }), [new Point(1, 2)]);
  });

  it('hooks cannot be saved', () => {
    const net = new nn.Identity();
    net.registerForwardHook(() => null);
    assert.throws(() => torch.save(net), { name: 'TypeError', message: /cannot pickle 'function' object/ });
  });

  it('a file cannot replace what a module does', () => {
    const path = 'torch.nn.modules.linear.Identity';
    const tables = ['_parameters', '_buffers', '_modules'].map((name) => [name, new Map()] as const);
    const make = (...entries: (readonly [string, unknown])[]) =>
      joinChunks(
        writeCheckpoint(
          new PickleObject(
            globalOf(path),
            new PickleTuple([]),
            new Map<string, unknown>([...tables, ...entries]),
          ),
        ),
      );
    assert.ok(torch.load(make(['own_name', 1])) instanceof nn.Identity);
    for (const name of ['forward', 'constructor', '__proto__', 'to_string', 'internals']) {
      assert.throws(
        () => torch.load(make([name, 1])),
        { name: 'UnpicklingError', message: /cannot have an attribute/ },
        name,
      );
    }
    assert.throws(() => torch.load(make(['_parameters', new Map([['w', 1]])])), { name: 'UnpicklingError' });
    assert.throws(() => torch.load(make(['_modules', new Map([['forward', null]])])), {
      name: 'UnpicklingError',
    });
    assert.throws(() => torch.load(make(['_forward_hooks', new Map([[0, 1]])])), {
      name: 'NotImplementedError',
    });
    const empty = new PickleObject(globalOf(path), new PickleTuple([]), new Map());
    assert.throws(() => torch.load(joinChunks(writeCheckpoint(empty))), {
      name: 'UnpicklingError',
      message: /has no _parameters/,
    });
  });

  it('an object that contains itself is refused', () => {
    const object = new PickleObject(globalOf('torch.nn.modules.linear.Identity'), new PickleTuple([]));
    object.state = new Map([['me', object]]);
    assert.throws(() => torch.load(joinChunks(writeCheckpoint(object))), {
      name: 'UnpicklingError',
      message: 'an object that contains itself is not supported',
    });
  });
});

function globalOf(path: string): PickleGlobal {
  const dot = path.lastIndexOf('.');
  return new PickleGlobal(path.slice(0, dot), path.slice(dot + 1));
}

describe('files', () => {
  let folder = '';
  const inFolder = (name: string): string => {
    if (folder === '') folder = mkdtempSync(join(tmpdir(), 'typetorch-'));
    return join(folder, name);
  };
  afterEach(() => {
    if (folder !== '') rmSync(folder, { recursive: true });
    folder = '';
  });

  it('are named by paths and URLs', () => {
    const path = inFolder('net.v1.pt');
    torch.save(torch.ones(2), path);
    assert.deepEqual(values(torch.load(path)), [1, 1]);
    assert.deepEqual(values(torch.load(pathToFileURL(path))), [1, 1]);
    torch.save(torch.zeros(1), pathToFileURL(path));
    assert.deepEqual(values(torch.load(path)), [0]);
    assert.deepEqual(readdirSync(folder), ['net.v1.pt']);
    assert.equal(new ZipReader(new Uint8Array(readFileSync(path))).names[0], 'net.v1/data.pkl');
  });

  it('are bytes in any form, or what takes bytes', () => {
    const chunks: Uint8Array[] = [];
    torch.save(torch.ones(2), { write: (chunk) => chunks.push(chunk) });
    const bytes = Buffer.concat(chunks);
    const exact = new Uint8Array(bytes);
    assert.deepEqual(exact, torch.save(torch.ones(2)));
    const shared = new Uint8Array(new SharedArrayBuffer(exact.length));
    shared.set(exact);
    for (const source of [bytes, exact, exact.buffer, new DataView(exact.buffer), shared]) {
      assert.deepEqual(values(torch.load(source)), [1, 1]);
    }
  });

  it('anything else is a TypeError', () => {
    assert.throws(() => torch.load(5 as never), { name: 'TypeError' });
    assert.throws(() => torch.save(1, 5 as never), { name: 'TypeError' });
    assert.throws(() => torch.load(inFolder('missing.pt')), { name: 'OSError', code: 'ENOENT' });
  });

  it('safetensors', () => {
    const tensors = { a: torch.arange(6).reshape(2, 3).t(), b: torch.ones(2, { dtype: torch.bfloat16 }) };
    const bytes = torch.saveSafetensors(tensors, undefined, { metadata: { format: 'pt' } });
    assert.deepEqual(torch.safetensorsMetadata(bytes), new Map([['format', 'pt']]));
    const read = torch.loadSafetensors(bytes);
    assert.deepEqual([...read.keys()].sort(), ['a', 'b']);
    assert.deepEqual(values(read.get('a')), values(tensors.a));
    assert.equal(read.get('b')?.dtype, torch.bfloat16);
    const path = inFolder('x.safetensors');
    torch.saveSafetensors(new Map([['w', torch.ones(1)]]), path);
    assert.deepEqual(values(torch.loadSafetensors(path).get('w')), [1]);
    const net = new nn.Linear(2, 2);
    torch.saveSafetensors(net.stateDict(), path);
    assert.deepEqual(net.loadStateDict(torch.loadSafetensors(path)), { missingKeys: [], unexpectedKeys: [] });
  });

  it('npy and npz', () => {
    const x = torch.arange(6).reshape(2, 3);
    assert.deepEqual(values(torch.loadNpy(torch.saveNpy(x.t()))), values(x.t()));
    assert.equal(torch.loadNpy(torch.saveNpy(x)).dtype, torch.int64);
    const path = inFolder('x.npz');
    torch.saveNpz({ x, y: torch.tensor(2.5) }, path);
    const read = torch.loadNpz(path);
    assert.deepEqual([values(read.get('x')), values(read.get('y'))], [values(x), 2.5]);
    assert.deepEqual(values(torch.loadNpz(fixture('arrays.npz')).get('a')), [0, 1, 2]);
    assert.throws(() => torch.saveNpy(torch.ones(1, { dtype: torch.bfloat16 })), {
      name: 'NotImplementedError',
    });
  });
});
