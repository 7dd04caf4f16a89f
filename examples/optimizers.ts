/** Two ways down: stochastic gradient descent and Newton's method. Run it with `npx tsx examples/optimizers.ts`. */
import * as torch from 'typetorch';
import { optim, type Tensor } from 'typetorch';

/** Rosenbrock's function: a curved valley with its lowest point, 0, at (1, 1). */
function rosenbrock(w: Tensor): Tensor {
  const [x, y] = w.unbind();
  return x
    .sub(1)
    .pow(2)
    .add(y.sub(x.pow(2)).pow(2).mul(100));
}

// SGD follows the gradient: w ← w − η∇L. Steps are cheap, and there are many.
const a = torch.tensor([-1.2, 1], { requiresGrad: true });
const sgd = new optim.SGD([a], { lr: 1e-3 });
for (let step = 1; step <= 5000; step++) {
  sgd.zeroGrad();
  const loss = rosenbrock(a);
  loss.backward();
  sgd.step();
  if (step % 1000 === 0) console.log(`SGD, step ${step}:`, a.detach());
}

// Newton's method knows the curvature too: w ← w − ηH⁻¹∇L. It works out both derivatives from the loss, so that there is no backward().
const b = torch.tensor([-1.2, 1], { requiresGrad: true });
const newton = new optim.Newton([b], { lr: 1 });
for (let step = 1; step <= 6; step++) {
  newton.step(() => rosenbrock(b));
  console.log(`Newton, step ${step}:`, b.detach());
}

// The same by hand, with the Hessian of autograd.
const c = torch.tensor([-1.2, 1], { requiresGrad: true });
for (let step = 1; step <= 6; step++) {
  const [gradient] = torch.autograd.grad(rosenbrock(c), c);
  const hessian = torch.autograd.functional.hessian(rosenbrock, c) as Tensor;
  torch.noGrad(() => c.sub_(torch.linalg.solve(hessian, gradient)));
}
console.log('by hand:', c.detach());
