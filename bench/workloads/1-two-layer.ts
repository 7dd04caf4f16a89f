/** The tutorial's network of two layers, 100×1000 → 100 → 10: one training step, with gradients by hand, by autograd, and as a module. */
import type { Array as JaxArray } from '@jax-js/jax';
import { numbers, type Workload } from '../harness/workload.ts';

const [N, IN, HIDDEN, OUT] = [100, 1000, 100, 10];
const data = {
  x: numbers(N * IN, 1),
  y: numbers(N * OUT, 2),
  w1: numbers(IN * HIDDEN, 3),
  w2: numbers(HIDDEN * OUT, 4),
};
const LR = 1e-6;

export default {
  title: 'Two-layer network, training step',

  typetorch: (torch) => ({
    'manual gradients': () => {
      const x = torch.randn(N, IN);
      const y = torch.randn(N, OUT);
      const w1 = torch.randn(IN, HIDDEN);
      const w2 = torch.randn(HIDDEN, OUT);
      return () => {
        const h = x.mm(w1);
        const hRelu = h.clamp({ min: 0 });
        const yPred = hRelu.mm(w2);
        const gradYPred = yPred.sub(y).mul(2);
        const gradW2 = hRelu.t().mm(gradYPred);
        const gradH = gradYPred.mm(w2.t());
        gradH.maskedFill_(h.lt(0), 0);
        const gradW1 = x.t().mm(gradH);
        w1.sub_(gradW1, { alpha: LR });
        w2.sub_(gradW2, { alpha: LR });
      };
    },
    autograd: () => {
      const x = torch.randn(N, IN);
      const y = torch.randn(N, OUT);
      const w1 = torch.randn(IN, HIDDEN, { requiresGrad: true });
      const w2 = torch.randn(HIDDEN, OUT, { requiresGrad: true });
      return () => {
        const loss = x.mm(w1).clamp({ min: 0 }).mm(w2).sub(y).pow(2).sum();
        loss.backward();
        torch.noGrad(() => {
          w1.sub_(w1.grad!, { alpha: LR });
          w2.sub_(w2.grad!, { alpha: LR });
          w1.grad = null;
          w2.grad = null;
        });
      };
    },
    'nn.Module': () => {
      const { nn, optim } = torch;
      const x = torch.randn(N, IN);
      const y = torch.randn(N, OUT);
      const net = new nn.Sequential(new nn.Linear(IN, HIDDEN), new nn.ReLU(), new nn.Linear(HIDDEN, OUT));
      const lossFn = new nn.MSELoss({ reduction: 'sum' });
      const optimizer = new optim.SGD(net.parameters(), { lr: 1e-4 });
      return () => {
        const loss = lossFn(net(x), y);
        optimizer.zeroGrad();
        loss.backward();
        optimizer.step();
      };
    },
  }),

  pytorch: `
N, IN, HIDDEN, OUT, LR = 100, 1000, 100, 10, 1e-6

def manual():
    x, y = torch.randn(N, IN), torch.randn(N, OUT)
    w1, w2 = torch.randn(IN, HIDDEN), torch.randn(HIDDEN, OUT)
    def step():
        h = x.mm(w1)
        h_relu = h.clamp(min=0)
        y_pred = h_relu.mm(w2)
        grad_y_pred = 2 * (y_pred - y)
        grad_w2 = h_relu.t().mm(grad_y_pred)
        grad_h = grad_y_pred.mm(w2.t())
        grad_h.masked_fill_(h < 0, 0)
        grad_w1 = x.t().mm(grad_h)
        w1.sub_(grad_w1, alpha=LR)
        w2.sub_(grad_w2, alpha=LR)
    return step

def autograd():
    x, y = torch.randn(N, IN), torch.randn(N, OUT)
    w1 = torch.randn(IN, HIDDEN, requires_grad=True)
    w2 = torch.randn(HIDDEN, OUT, requires_grad=True)
    def step():
        loss = (x.mm(w1).clamp(min=0).mm(w2) - y).pow(2).sum()
        loss.backward()
        with torch.no_grad():
            w1.sub_(w1.grad, alpha=LR)
            w2.sub_(w2.grad, alpha=LR)
            w1.grad = None
            w2.grad = None
    return step

def module():
    nn = torch.nn
    x, y = torch.randn(N, IN), torch.randn(N, OUT)
    net = nn.Sequential(nn.Linear(IN, HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, OUT))
    loss_fn = nn.MSELoss(reduction="sum")
    optimizer = torch.optim.SGD(net.parameters(), lr=1e-4)
    def step():
        loss = loss_fn(net(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return step

cases = {"manual gradients": manual, "autograd": autograd, "nn.Module": module}
`,

  jax: ({ grad, jit, nn, numpy: np, blockUntilReady }) => ({
    autograd: () => {
      const x = np.array(data.x).reshape([N, IN]);
      const y = np.array(data.y).reshape([N, OUT]);
      let w1 = np.array(data.w1).reshape([IN, HIDDEN]);
      let w2 = np.array(data.w2).reshape([HIDDEN, OUT]);
      const loss = (w: JaxArray[], x: JaxArray, y: JaxArray): JaxArray => {
        const error = np.matmul(nn.relu(np.matmul(x, w[0])), w[1]).sub(y);
        return error.ref.mul(error).sum();
      };
      const update = jit((w: JaxArray[], x: JaxArray, y: JaxArray): JaxArray[] => {
        const [g1, g2] = grad(loss)([w[0].ref, w[1].ref], x, y) as JaxArray[];
        return [w[0].sub(g1.mul(LR)), w[1].sub(g2.mul(LR))];
      });
      return async () => {
        [w1, w2] = update([w1, w2], x.ref, y.ref) as JaxArray[];
        await blockUntilReady([w1, w2]);
      };
    },
  }),

  tfjs: (tf) => ({
    autograd: () => {
      const x = tf.tensor2d(data.x, [N, IN]);
      const y = tf.tensor2d(data.y, [N, OUT]);
      const w1 = tf.variable(tf.tensor2d(data.w1, [IN, HIDDEN]));
      const w2 = tf.variable(tf.tensor2d(data.w2, [HIDDEN, OUT]));
      const optimizer = tf.train.sgd(LR);
      return () => {
        optimizer.minimize(() => tf.sum(tf.square(tf.sub(tf.matMul(tf.relu(tf.matMul(x, w1)), w2), y))));
      };
    },
  }),

  target: () => ({ wasm: 1.2, blas: 0.8 }),
} satisfies Workload;
