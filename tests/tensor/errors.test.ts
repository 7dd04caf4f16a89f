/** Wrong shapes, dtypes, dimensions, indices and devices: typed errors, in PyTorch's words. */
import { describe, test } from 'node:test';
import * as torch from 'typetorch';
import { raises } from '../support.ts';

type Refusal = [what: string, call: () => unknown, error: string, message: string | RegExp];

const x = torch.zeros(2, 3);
const T = torch.tensor;
const zeros = (...size: number[]): torch.Tensor => torch.zeros(...size);
/** A value of a type that TypeScript would not let through. */
const wrong = (value: unknown): never => value as never;
const outOfRange = (dim: number, rank: number): string =>
  `Dimension out of range (expected to be in range of [${-rank}, ${rank - 1}], but got ${dim})`;

const groups: Record<string, Refusal[]> = {
  shapes: [
    [
      'sum',
      () => x.add(zeros(4)),
      'RuntimeError',
      'The size of tensor a (3) must match the size of tensor b (4) at non-singleton dimension 1',
    ],
    [
      'mm',
      () => zeros(100, 1000).mm(zeros(100, 10)),
      'RuntimeError',
      'mat1 and mat2 shapes cannot be multiplied (100x1000 and 100x10)',
    ],
    ['mm of a vector', () => x.mm(zeros(3)), 'RuntimeError', 'mat2 must be a matrix'],
    [
      'bmm',
      () => zeros(2, 3, 4).bmm(zeros(2, 5, 6)),
      'RuntimeError',
      'Expected size for first two dimensions of batch2 tensor to be: [2, 4] but got: [2, 5].',
    ],
    [
      'dot',
      () => zeros(2).dot(zeros(3)),
      'RuntimeError',
      'inconsistent tensor size, expected tensor [2] and src [3] to have the same number of elements, but got 2 and 3 elements respectively',
    ],
    ['mv', () => x.mv(zeros(2)), 'RuntimeError', 'size mismatch, got 2, 2x3,2'],
    ['outer', () => x.outer(x), 'RuntimeError', 'outer: Expected 1-D argument self, but got 2-D'],
    ['view', () => x.view(5), 'RuntimeError', "shape '[5]' is invalid for input of size 6"],
    ['view with two unknowns', () => x.view(-1, -1), 'RuntimeError', 'only one dimension can be inferred'],
    [
      'view across strides',
      () => x.t().view(6),
      'RuntimeError',
      "view size is not compatible with input tensor's size and stride (at least one dimension spans across two contiguous subspaces). Use .reshape(...) instead.",
    ],
    ['reshape', () => x.reshape(4, -1), 'RuntimeError', "shape '[4, -1]' is invalid for input of size 6"],
    [
      'expand',
      () => x.expand(2, 4),
      'RuntimeError',
      'The expanded size of the tensor (4) must match the existing size (3) at non-singleton dimension 1.  Target sizes: [2, 4].  Tensor sizes: [2, 3]',
    ],
    [
      'expand to fewer dimensions',
      () => x.expand(3),
      'RuntimeError',
      'expand(torch.FloatTensor{[2, 3]}, size=[3]): the number of sizes provided (1) must be greater or equal to the number of dimensions in the tensor (2)',
    ],
    [
      'cat',
      () => torch.cat([x, zeros(3, 2)]),
      'RuntimeError',
      'Sizes of tensors must match except in dimension 0. Expected size 3 but got size 2 for tensor number 1 in the list.',
    ],
    [
      'cat of nothing',
      () => torch.cat([]),
      'RuntimeError',
      'torch.cat(): expected a non-empty list of Tensors',
    ],
    [
      'stack',
      () => torch.stack([x, zeros(3, 2)]),
      'RuntimeError',
      'stack expects each tensor to be equal size, but got [2, 3] at entry 0 and [3, 2] at entry 1',
    ],
    ['stack of nothing', () => torch.stack([]), 'RuntimeError', 'stack expects a non-empty TensorList'],
    [
      'split',
      () => x.split([1, 2]),
      'RuntimeError',
      "split_with_sizes expects split_sizes to sum exactly to 2 (input tensor's size at dimension 0), but got split_sizes=[1, 2]",
    ],
    ['chunk', () => x.chunk(0), 'RuntimeError', 'chunk expects `chunks` to be greater than 0, got: 0'],
    [
      't',
      () => zeros(1, 2, 3).t(),
      'RuntimeError',
      't() expects a tensor with <= 2 dimensions, but self is 3D',
    ],
    [
      'copy_',
      () => zeros(2).copy_(zeros(3)),
      'RuntimeError',
      'The size of tensor a (2) must match the size of tensor b (3) at non-singleton dimension 0',
    ],
    [
      'where',
      () => torch.where(torch.ones(2).bool(), zeros(3), zeros(2)),
      'RuntimeError',
      'The size of tensor a (2) must match the size of tensor b (3) at non-singleton dimension 0',
    ],
    [
      'addmm, its input',
      () => torch.addmm(zeros(3, 3), x, zeros(3, 2)),
      'RuntimeError',
      'The expanded size of the tensor (2) must match the existing size (3) at non-singleton dimension 1.  Target sizes: [2, 2].  Tensor sizes: [3, 3]',
    ],
    [
      'asStrided beyond the memory',
      () => x.asStrided([3, 3], [3, 1]),
      'RuntimeError',
      'setStorage: sizes [3, 3], strides [3, 1], storage offset 0, and itemsize 4 requiring a storage size of 36 are out of bounds for storage of size 24',
    ],
    [
      'fill_ with a vector',
      () => x.fill_(zeros(2)),
      'RuntimeError',
      'fill_ only supports 0-dimension value tensor but got tensor with 1 dimensions.',
    ],
    [
      'the maximum of nothing',
      () => zeros(0).max(),
      'RuntimeError',
      "max(): Expected reduction dim to be specified for input.numel() == 0. Specify the reduction dim with the 'dim' argument.",
    ],
    [
      'the maximum along nothing',
      () => zeros(2, 0).max(1),
      'IndexError',
      'max(): Expected reduction dim 1 to have non-zero size.',
    ],
    [
      'item of several',
      () => x.item(),
      'ValueError',
      'only one element tensors can be converted to Python scalars',
    ],
    ['length of a number', () => T(1).length, 'TypeError', 'len() of a 0-d tensor'],
    ['iteration over a number', () => [...T(1)], 'TypeError', 'iteration over a 0-d tensor'],
    [
      'negative sizes',
      () => zeros(-1),
      'RuntimeError',
      'Trying to create tensor with negative dimension -1: [-1]',
    ],
    ['ragged data', () => T([[1], [1, 2]]), 'ValueError', 'expected sequence of length 1 at dim 1 (got 2)'],
  ],
  dimensions: [
    ['sum', () => x.sum(2), 'IndexError', outOfRange(2, 2)],
    ['sum twice', () => x.sum([0, 0]), 'RuntimeError', 'dim 0 appears multiple times in the list of dims'],
    ['squeeze', () => x.squeeze(5), 'IndexError', outOfRange(5, 2)],
    ['unsqueeze', () => x.unsqueeze(4), 'IndexError', outOfRange(4, 3)],
    ['transpose', () => x.transpose(0, -3), 'IndexError', outOfRange(-3, 2)],
    ['cumsum', () => x.cumsum(3), 'IndexError', outOfRange(3, 2)],
    ['softmax', () => x.softmax(2), 'IndexError', outOfRange(2, 2)],
    ['select', () => x.select(3, 0), 'IndexError', outOfRange(3, 2)],
    ['permute', () => x.permute(0, 0), 'RuntimeError', 'permute(): duplicate dims are not allowed.'],
    [
      'flatten',
      () => x.flatten(1, 0),
      'RuntimeError',
      'flatten() has invalid args: start_dim cannot come after end_dim',
    ],
    ['diagonal of a vector', () => zeros(3).diagonal(), 'IndexError', outOfRange(1, 1)],
  ],
  indices: [
    [
      'select',
      () => x.select(0, 5),
      'IndexError',
      'select(): index 5 out of range for tensor of size [2, 3] at dimension 0',
    ],
    ['narrow', () => x.narrow(0, 1, 5), 'RuntimeError', 'start (1) + length (5) exceeds dimension size (2).'],
    ['x[2]', () => x.index(2), 'IndexError', 'index 2 is out of bounds for dimension 0 with size 2'],
    ['x[-3]', () => x.index(-3), 'IndexError', 'index -3 is out of bounds for dimension 0 with size 2'],
    ['x[0, 0, 0]', () => x.index(0, 0, 0), 'IndexError', 'too many indices for tensor of dimension 2'],
    [
      'an index into a number',
      () => T(1).index(0),
      'IndexError',
      'too many indices for tensor of dimension 0',
    ],
    [
      'a mask of another shape',
      () => x.index(T([true])),
      'IndexError',
      'The shape of the mask [1] at index 0 does not match the shape of the indexed tensor [2, 3] at index 0',
    ],
    [
      'an index tensor out of range',
      () => x.index(T([5n])),
      'IndexError',
      'index 5 is out of bounds for dimension 0 with size 2',
    ],
    [
      'an index tensor of floats',
      () => x.index(T([0.5])),
      'IndexError',
      'tensors used as indices must be long, byte or bool tensors',
    ],
    [
      'index tensors that do not broadcast',
      () => x.index(T([0n, 1n]), T([0n, 1n, 2n])),
      'IndexError',
      'shape mismatch: indexing tensors could not be broadcast together with shapes [2], [3]',
    ],
    ['a negative step', () => x.index('::-1'), 'ValueError', 'step must be greater than zero'],
    ['a step of zero', () => x.index('::0'), 'ValueError', 'slice step cannot be zero'],
    [
      'a value of another shape',
      () => x.clone().indexPut_([0], zeros(4)),
      'RuntimeError',
      'The expanded size of the tensor (3) must match the existing size (4) at non-singleton dimension 0.  Target sizes: [3].  Tensor sizes: [4]',
    ],
    [
      'gather',
      () => x.gather(1, T([[5n]])),
      'RuntimeError',
      'index 5 is out of bounds for dimension 1 with size 3',
    ],
    [
      'gather with fewer dimensions',
      () => x.gather(1, T([0n])),
      'RuntimeError',
      'Index tensor must have the same number of dimensions as input tensor',
    ],
    ['indexSelect', () => x.indexSelect(0, T([7n])), 'IndexError', 'index out of range in self'],
    [
      'scatter',
      () => x.scatter(0, T([[3n]]), 1),
      'RuntimeError',
      'index 3 is out of bounds for dimension 0 with size 2',
    ],
    [
      'take',
      () => x.take(T([9n])),
      'IndexError',
      'out of range: tried to access index 9 on a tensor of 6 elements.',
    ],
  ],
  dtypes: [
    [
      'products of two',
      () => x.mm(zeros(3, 2).double()),
      'RuntimeError',
      'expected scalar type Float but found Double',
    ],
    [
      'products of bools',
      () => x.bool().mm(zeros(3, 2).bool()),
      'RuntimeError',
      '"addmm_impl_cpu_" not implemented for \'Bool\'',
    ],
    [
      'the mean of integers',
      () => torch.arange(3).mean(),
      'RuntimeError',
      'mean(): could not infer output dtype. Input dtype must be either a floating point or complex dtype. Got: Long',
    ],
    [
      'the deviation of integers',
      () => torch.arange(3).std(),
      'RuntimeError',
      'std and var only support floating point and complex dtypes',
    ],
    [
      'softmax of integers',
      () => torch.arange(3).softmax(0),
      'RuntimeError',
      '"softmax_lastdim_kernel_impl" not implemented for \'Long\'',
    ],
    [
      'bits of floats',
      () => x.bitwiseAnd(1),
      'RuntimeError',
      '"bitwise_and_cpu" not implemented for \'Float\'',
    ],
    [
      'fractions of integers',
      () => torch.arange(3).frac(),
      'RuntimeError',
      '"frac_cpu" not implemented for \'Long\'',
    ],
    [
      'minus a bool',
      () => T([true]).neg(),
      'RuntimeError',
      'Negation, the `-` operator, on a bool tensor is not supported. If you are trying to invert a mask, use the `~` or `logical_not()` operator instead.',
    ],
    [
      'a difference of bools',
      () => T([true]).sub(T([true])),
      'RuntimeError',
      'Subtraction, the `-` operator, with two bool tensors is not supported. Use the `^` or `logical_xor()` operator instead.',
    ],
    [
      'integers to negative powers',
      () => torch.arange(3).pow(-1),
      'RuntimeError',
      'Integers to negative integer powers are not allowed.',
    ],
    [
      'division of integers by zero',
      () => torch.arange(3).div(torch.arange(3), { roundingMode: 'floor' }),
      'RuntimeError',
      'ZeroDivisionError',
    ],
    [
      'a condition of floats',
      () => torch.where(torch.ones(1), x, x),
      'RuntimeError',
      'where expected condition to be a boolean tensor, but got a tensor with dtype Float',
    ],
    [
      'gather by floats',
      () => x.gather(1, zeros(1, 1)),
      'RuntimeError',
      'gather(): Expected dtype int64 for index',
    ],
    [
      'a fractional factor for integers',
      () => torch.arange(3).add(1, { alpha: 1.5 }),
      'RuntimeError',
      'For integral input tensors, argument alpha must not be a floating point number.',
    ],
    [
      'lerp between two',
      () => x.lerp(x.double(), 0.5),
      'RuntimeError',
      'expected dtype float for `end` but got dtype double',
    ],
    [
      'a default that is no float',
      () => torch.setDefaultDtype(torch.int64),
      'TypeError',
      /^only floating-point types are supported as the default type/,
    ],
    [
      'limits of the wrong kind',
      () => torch.finfo(torch.int32),
      'TypeError',
      /^torch\.finfo\(\) requires a floating point input type/,
    ],
  ],
  arguments: [
    [
      'a number for a tensor',
      () => torch.abs(wrong(3)),
      'TypeError',
      "abs(): argument 'input' (position 1) must be Tensor, not int",
    ],
    [
      'nothing for a tensor',
      () => torch.sum(wrong(undefined)),
      'TypeError',
      "sum(): argument 'input' (position 1) must be Tensor, not NoneType",
    ],
    [
      'a number as second operand',
      () => torch.atan2(x, wrong(2)),
      'TypeError',
      "atan2(): argument 'other' (position 2) must be Tensor, not int",
    ],
    [
      'the same in a method, which does not count the tensor itself',
      () => x.atan2(wrong(2.5)),
      'TypeError',
      "atan2(): argument 'other' (position 1) must be Tensor, not float",
    ],
    [
      'a bool',
      () => x.maximum(wrong(true)),
      'TypeError',
      "maximum(): argument 'other' (position 1) must be Tensor, not bool",
    ],
    [
      'an array',
      () => x.mm(wrong([[1]])),
      'TypeError',
      "mm(): argument 'mat2' (position 1) must be Tensor, not list",
    ],
    ['too many', () => (x.abs as unknown as (n: number) => void)(1), 'TypeError', /./],
    [
      'an unknown option',
      () => x.sum(wrong({ dims: 1 })),
      'TypeError',
      /^sum\(\) got an unexpected keyword argument 'dims'/,
    ],
    [
      'an argument twice',
      () => x.sum(0, wrong({ dim: 1 })),
      'TypeError',
      "sum() got multiple values for argument 'dim'",
    ],
    ['a missing one', () => (x.mm as unknown as () => void)(), 'TypeError', /./],
    [
      'no bound at all',
      () => x.clamp(),
      'RuntimeError',
      "torch.clamp: At least one of 'min' or 'max' must not be None",
    ],
    [
      'an unknown norm',
      () => x.norm('bad'),
      'RuntimeError',
      "only valid string values are 'fro' and 'nuc', found bad",
    ],
    [
      'a dtype for the Frobenius norm',
      () => x.norm('fro', { dtype: torch.float64 }),
      'ValueError',
      'dtype argument is not supported in frobenius norm',
    ],
    [
      'an unknown rounding mode',
      () => x.div(1, { roundingMode: wrong('up') }),
      'RuntimeError',
      "div expected rounding_mode to be one of None, 'trunc', or 'floor' but found 'up'",
    ],
    ['arange without steps', () => torch.arange(0, 5, 0), 'RuntimeError', 'step must be nonzero'],
    [
      'arange in the wrong direction',
      () => torch.arange(5, 0, 1),
      'RuntimeError',
      'upper bound and larger bound inconsistent with step sign',
    ],
    ['linspace', () => torch.linspace(0, 1, -1), 'RuntimeError', 'number of steps must be non-negative'],
    ['eye', () => torch.eye(-1), 'RuntimeError', 'n must be greater or equal to 0, got -1'],
  ],
  devices: [
    ['unknown ones', () => torch.zeros(1, { device: 'nope' }), 'RuntimeError', /nope/],
    ['unknown ones in to()', () => x.to('nope'), 'RuntimeError', /nope/],
    [
      'two at once',
      () => x.add(torch.zeros(2, 3, { device: 'reference' })),
      'RuntimeError',
      'Expected all tensors to be on the same device, but found at least two devices, cpu and reference!',
    ],
    [
      'products of two',
      () => x.mm(torch.zeros(3, 2, { device: 'reference' })),
      'RuntimeError',
      /^Expected all tensors to be on the same device, but found at least two devices, cpu and reference!/,
    ],
    [
      'joins of two',
      () => torch.cat([x, torch.zeros(2, 3, { device: 'reference' })]),
      'RuntimeError',
      /^Expected all tensors to be on the same device, but found at least two devices, cpu and reference!/,
    ],
    [
      'indices on another',
      () => x.indexSelect(0, T([0n], { device: 'reference' })),
      'RuntimeError',
      /^Expected all tensors to be on the same device, but found at least two devices, cpu and reference!/,
    ],
  ],
  operators: [
    ['x + 1', () => (wrong(x) as number) + 1, 'TypeError', /Call the method: a\.add\(b\) for a \+ b/],
    ['-x', () => -(wrong(x) as number), 'TypeError', /a\.neg\(\) for -a/],
    ['x < y', () => (wrong(x) as number) < 1, 'TypeError', /a\.lt\(b\)/],
  ],
};

for (const [group, refusals] of Object.entries(groups)) {
  describe(`wrong ${group}`, () => {
    for (const [what, call, error, message] of refusals) test(what, () => raises(call, error, message));
  });
}
