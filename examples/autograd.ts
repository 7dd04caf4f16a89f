/** Autograd: gradients of what was computed. Run it with `npx tsx examples/autograd.ts`. */
import * as torch from 'typetorch';

// With requiresGrad, everything that is done with the tensor is recorded.
const x = torch.ones(2, 2, { requiresGrad: true });
console.log(x);

// A result knows the function that made it.
const y = x.add(2);
console.log(y);
console.log(y.gradFn);

const z = y.mul(y).mul(3);
const out = z.mean();
console.log(z, out);
console.log(out.gradFn);

// out = 1/4 Σ 3(x + 2)², so that the gradient is 3/2 (x + 2) = 4.5 everywhere.
out.backward();
console.log(x.grad);

// What was not asked for is not recorded. requiresGrad_ asks later.
const a = torch.tensor([1, 2, 3]);
console.log(a.mul(2).requiresGrad);
a.requiresGrad_();
console.log(a.mul(2).requiresGrad);
