/** noGrad, enableGrad, setGradEnabled, inference mode, anomaly detection. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import * as torch from 'typetorch';
import { equal, raises } from '../support.ts';

const leaf = (data: torch.TensorData): torch.Tensor => torch.tensor(data, { requiresGrad: true });

describe('grad mode', () => {
  test('noGrad records nothing, and is over when its function is', () => {
    const x = leaf([1, 2]);
    assert.ok(torch.isGradEnabled());
    const y = torch.noGrad(() => {
      assert.equal(torch.isGradEnabled(), false);
      return x.mul(2);
    });
    assert.ok(torch.isGradEnabled());
    assert.equal(y.requiresGrad, false);
    assert.equal(y.gradFn, null);
    assert.throws(
      () =>
        torch.noGrad(() => {
          throw new Error('inside');
        }),
      /inside/,
    );
    assert.ok(torch.isGradEnabled(), 'also after an error');
  });

  test('enableGrad inside noGrad records again', () => {
    const x = leaf([1, 2]);
    const y = torch.noGrad(() => torch.enableGrad(() => x.mul(2)));
    assert.ok(y.requiresGrad);
  });

  test('as a guard the mode lasts to the end of the block', () => {
    const x = leaf([1, 2]);
    {
      using _ = torch.noGrad();
      assert.equal(x.mul(2).requiresGrad, false);
    }
    assert.ok(x.mul(2).requiresGrad);
  });

  test('an async function keeps the mode until it is done', async () => {
    const x = leaf([1, 2]);
    const y = await torch.noGrad(async () => {
      await Promise.resolve();
      return x.mul(2);
    });
    assert.equal(y.requiresGrad, false);
    assert.ok(torch.isGradEnabled());
  });

  test('setGradEnabled sets it for good, for a function, or for a block', () => {
    const x = leaf([1, 2]);
    assert.equal(torch.setGradEnabled(false, () => x.mul(2)).requiresGrad, false);
    torch.setGradEnabled(false);
    assert.equal(torch.isGradEnabled(), false);
    torch.setGradEnabled(true);
    assert.ok(torch.isGradEnabled());
  });

  test('new leaves may want gradients under noGrad', () => {
    const w = torch.noGrad(() => torch.zeros(2, { requiresGrad: true }));
    assert.ok(w.requiresGrad);
  });
});

describe('inference mode', () => {
  const made = torch.inferenceMode(() => torch.ones(2));

  test('its tensors stay out of autograd', () => {
    const x = leaf([1, 2]);
    assert.ok(made.isInference());
    assert.equal(made.clone().isInference(), false);
    assert.ok(made.view(2).isInference());
    assert.ok(x.add(made).requiresGrad, 'an op that need not save it works');
    raises(
      () => x.mul(made),
      'RuntimeError',
      'Inference tensors cannot be saved for backward. To work around you can make a clone to get a normal tensor and use it in autograd.',
    );
    raises(
      () => made.add_(1),
      'RuntimeError',
      'Inplace update to inference tensor outside InferenceMode is not allowed.You can make a clone to get a normal tensor before doing inplace update.See https://github.com/pytorch/rfcs/pull/17 for more details.',
    );
    raises(
      () => made.requiresGrad_(),
      'RuntimeError',
      'Setting requires_grad=True on inference tensor outside InferenceMode is not allowed.',
    );
    raises(() => made._version, 'RuntimeError', 'Inference tensors do not track version counter.');
  });

  test('is on inside only', () => {
    const x = leaf([1, 2]);
    torch.inferenceMode(() => {
      assert.ok(torch.isInferenceMode());
      assert.equal(torch.isGradEnabled(), false);
      assert.equal(x.mul(2).requiresGrad, false);
      made.add_(1);
    });
    equal(made, [2, 2]);
    assert.equal(torch.isInferenceMode(), false);
    assert.ok(torch.isGradEnabled());
  });
});

describe('anomaly detection', () => {
  test('names the forward op that gave NaN gradients, and where it was called', () => {
    const x = leaf([0, 1]);
    let message = '';
    torch.autograd.detectAnomaly(() => {
      const root = x.sqrt();
      try {
        root.mul(0).sum().backward();
      } catch (error) {
        message = (error as Error).message;
      }
    });
    assert.match(message, /^Function 'SqrtBackward0' returned nan values in its 0th output\./);
    assert.match(message, /The forward op of SqrtBackward0 was called here:\n(.*\n)*.*modes\.test\.ts/);
  });

  test('names the op whose saved tensor was changed', () => {
    const x = leaf([1, 2]);
    torch.autograd.detectAnomaly(() => {
      const y = x.mul(1);
      const z = y.pow(2).sum();
      y.add_(1);
      raises(
        () => z.backward(),
        'RuntimeError',
        /modified by an inplace operation[\s\S]*The forward op of PowBackward0 was called here:[\s\S]*modes\.test\.ts/,
      );
    });
  });

  test('is off outside: NaN gradients pass', () => {
    const x = leaf([0]);
    x.sqrt().mul(0).sum().backward();
    assert.ok(Number.isNaN((x.grad as torch.Tensor).item()));
  });

  test('setDetectAnomaly switches it', () => {
    const x = leaf([0]);
    torch.autograd.setDetectAnomaly(true);
    try {
      raises(() => x.sqrt().mul(0).sum().backward(), 'RuntimeError', /SqrtBackward0/);
    } finally {
      torch.autograd.setDetectAnomaly(false);
    }
  });
});
