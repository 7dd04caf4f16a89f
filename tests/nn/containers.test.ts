/** Sequential, ModuleList, ModuleDict, ParameterList, ParameterDict. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import * as torch from 'typetorch';
import { equal, raises } from '../support.ts';

const { nn } = torch;
const notModule = 3 as unknown as torch.nn.Module;

/** x ↦ x·k. */
class Times extends nn.Module {
  readonly k: number;
  constructor(k: number) {
    super();
    this.k = k;
  }
  override forward(x: torch.Tensor): torch.Tensor {
    return x.mul(this.k);
  }
  override extraRepr(): string {
    return String(this.k);
  }
}

describe('Sequential', () => {
  test('applies its modules in order; they have positions or names', () => {
    const net = new nn.Sequential(new Times(2), new nn.ReLU(), new Times(-3));
    equal(net(torch.tensor([1, -1])), [-6, -0]);
    assert.equal(net.length, 3);
    assert.equal((net.get(-1) as Times).k, -3);
    assert.equal([...net].length, 3);
    net.append(new Times(5));
    equal(net(torch.tensor([1])), [-30]);
    const named = new nn.Sequential({ twice: new Times(2), act: new nn.ReLU() });
    assert.equal(String(named), 'Sequential(\n  (twice): Times(2)\n  (act): ReLU()\n)');
    equal(named(torch.tensor([3])), [6]);
    assert.deepEqual(
      [...new nn.Sequential(new Map([['a', new nn.ReLU()]])).namedChildren()].map(([n]) => n),
      ['a'],
    );
  });

  test('errors', () => {
    raises(() => new nn.Sequential(new nn.ReLU()).get(1), 'IndexError', 'index 1 is out of range');
    raises(() => new nn.Sequential(notModule), 'TypeError', 'int is not a Module subclass');
  });

  test('an empty one gives its input back', () => {
    const x = torch.ones(1);
    assert.equal(new nn.Sequential()(x), x);
    assert.equal(String(new nn.Sequential()), 'Sequential()');
  });
});

describe('ModuleList', () => {
  test('holds modules that are found as submodules', () => {
    const list = new nn.ModuleList([new nn.Linear(1, 2), new nn.Linear(2, 3)]);
    list.append(new Times(2));
    list.insert(0, new Times(7));
    assert.equal(list.length, 4);
    assert.deepEqual([...list.stateDict().keys()], ['1.weight', '1.bias', '2.weight', '2.bias']);
    list.extend([new nn.ReLU()]);
    assert.equal(list.get(-1).typeName(), 'ReLU');
    let x = torch.ones(1, 1);
    for (const layer of list) x = layer(x);
    assert.deepEqual([...x.shape], [1, 3]);
  });

  test('errors', () => {
    const list = new nn.ModuleList([new nn.ReLU()]);
    raises(() => list.get(3), 'IndexError', 'index 3 is out of range');
    raises(() => new nn.ModuleList([notModule]), 'TypeError', 'int is not a Module subclass');
    raises(
      () => (list as unknown as (x: number) => void)(1),
      'NotImplementedError',
      'Module [ModuleList] is missing the required "forward" function',
    );
  });
});

describe('ModuleDict', () => {
  test('holds modules by name', () => {
    const dict = new nn.ModuleDict({ conv: new nn.Linear(1, 1), pool: new Times(2) });
    dict.update({ pool: new Times(3), act: new nn.ReLU() });
    assert.deepEqual(dict.keys(), ['conv', 'pool', 'act']);
    assert.equal((dict.get('pool') as Times).k, 3);
    assert.ok(dict.has('act') && !dict.has('none'));
    assert.equal(dict.length, 3);
    assert.equal(
      String(dict),
      'ModuleDict(\n  (conv): Linear(in_features=1, out_features=1, bias=True)\n  (pool): Times(3)\n  (act): ReLU()\n)',
    );
  });

  test('errors', () => {
    raises(() => new nn.ModuleDict({ a: new nn.ReLU() }).get('b'), 'KeyError', 'b');
    raises(() => new nn.ModuleDict({ type: new nn.ReLU() }), 'KeyError', "attribute 'type' already exists");
  });
});

describe('parameters in containers', () => {
  const p = new nn.Parameter(torch.ones(2, 2));

  test('a ParameterList counts them', () => {
    const list = new nn.ParameterList([p, torch.tensor(1)]);
    assert.equal(list.length, 2);
    assert.equal(list.get(0), p);
    assert.ok(list.get(-1) instanceof nn.Parameter, 'tensors become parameters');
    assert.deepEqual(
      [...list.namedParameters()].map(([name]) => name),
      ['0', '1'],
    );
    assert.equal(
      String(list),
      'ParameterList(\n    (0): Parameter containing: [torch.float32 of size 2x2]\n    (1): Parameter containing: [torch.float32 of size ]\n)',
    );
  });

  test('a ParameterDict names them', () => {
    const dict = new nn.ParameterDict({ w: p });
    dict.set('b', torch.ones(3, { dtype: torch.float64 }));
    assert.deepEqual(dict.keys(), ['w', 'b']);
    assert.equal(dict.get('w'), p);
    assert.equal(dict.values().length, 2);
    assert.equal(
      String(dict),
      'ParameterDict(\n    (w): Parameter containing: [torch.FloatTensor of size 2x2]\n    (b): Parameter containing: [torch.DoubleTensor of size 3]\n)',
    );
  });

  test('they are found by the module that has the container, and cannot be called', () => {
    class Holder extends nn.Module {
      readonly weights = new nn.ParameterList([torch.ones(1)]);
    }
    assert.deepEqual(
      [...new Holder().namedParameters()].map(([name]) => name),
      ['weights.0'],
    );
    raises(
      () => (new nn.ParameterList() as unknown as () => void)(),
      'RuntimeError',
      'ParameterList should not be called.',
    );
  });
});
