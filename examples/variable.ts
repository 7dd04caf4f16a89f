/** Variable: how tensors with gradients were once made; it gives a tensor. Run it with `npx tsx examples/variable.ts`. */
import * as torch from 'typetorch';

const { Variable } = torch.autograd;

const x = new Variable(new torch.Tensor([1]), { requiresGrad: true });
const w = new Variable(new torch.Tensor([2]), { requiresGrad: true });
const b = new Variable(new torch.Tensor([3]), { requiresGrad: true });

const y = w.mul(x).add(b);
console.log(y);

// dy/dx = w, dy/dw = x, dy/db = 1
y.backward();
console.log(x.grad, w.grad, b.grad);

// The data behind it, without history.
console.log(y.data);
