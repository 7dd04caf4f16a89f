/** The vector–Jacobian product: `backward` of a result that is not a single number. Run it with `npx tsx examples/vectorJacobian.ts`. */
import * as torch from 'typetorch';

torch.manualSeed(0);
const x = torch.randn(3, { requiresGrad: true });
console.log(x);

// Doubled until it is long enough. How often depends on the numbers: the graph is what was really done.
let y = x.mul(2);
while (y.data.norm().item() < 1000) y = y.mul(2);
console.log(y);

// y has three elements, so that its derivative is a matrix J. backward(v) computes vᵀJ without ever making J.
const v = torch.tensor([0.1, 1.0, 0.0001]);
y.backward(v);
console.log(x.grad);

// The whole matrix, where it is wanted.
console.log(torch.autograd.functional.jacobian((u: torch.Tensor) => u.mul(u).mul(3), torch.tensor([1, 2])));

// Inside noGrad nothing is recorded.
console.log(x.pow(2).requiresGrad);
torch.noGrad(() => console.log(x.pow(2).requiresGrad));
