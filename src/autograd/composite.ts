/**
 * Fused nodes: a composition of ops that runs as one node with a backward of its own, made for speed, while a backward pass that
 * is itself recorded (`createGraph`) goes through the composition, so that gradients of every order exist.
 */
import { RuntimeError } from '../base/errors.ts';
import { runtime } from '../ops/runtime.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { rootGradients, run } from './engine.ts';
import { isGradEnabled } from './mode.ts';
import {
  type BackwardFunction,
  type Edge,
  FunctionNode,
  gradientEdge,
  type Saved,
  save,
  unpack,
} from './node.ts';

/** How a fused op is differentiated. */
export interface Composite {
  /** What the node is called after: 'Stack' shows as StackBackward0. */
  readonly name: string;
  readonly inputs: readonly (Tensor | null)[];
  /** Tensors that `backward` needs, whose versions are checked before it runs. */
  readonly saved: readonly Tensor[];
  /** Tensors that nothing but `backward` knows: their memory is given back as soon as the graph is freed. */
  readonly owned: readonly Tensor[];
  /** The gradients, without a graph of their own. */
  readonly backward: BackwardFunction;
  /** The outputs again, by differentiable functions of the inputs. */
  readonly composition: (inputs: readonly (Tensor | null)[]) => readonly Tensor[];
}

class CompositeNode extends FunctionNode {
  /** The inputs with the versions that the composition has to see. */
  private originals: readonly (Saved | null)[];
  private owned: readonly Tensor[];
  private readonly composition: Composite['composition'];

  constructor({ name, inputs, saved, owned, backward, composition }: Composite) {
    const edges = inputs.map((t) => (t === null ? null : gradientEdge(t)));
    super(`${name}Backward0`, edges, saved.map(save), backward, { savesNumbers: true });
    this.originals = inputs.map((t) => (t === null ? null : save(t)));
    this.owned = owned;
    this.composition = composition;
  }

  override apply(grads: readonly (Tensor | null)[], needs: readonly boolean[]): readonly (Tensor | null)[] {
    // Every input of the node may want a gradient of the gradient, so that with grad mode on there is always one to record.
    if (!isGradEnabled() || this.originals.length === 0) return super.apply(grads, needs);
    return this.recorded(grads, needs);
  }

  private recorded(grads: readonly (Tensor | null)[], needs: readonly boolean[]): (Tensor | null)[] {
    // Other tensors than the inputs, so that gradients end here even where one input was computed from another.
    const inputs = this.originals.map((saved, i) => {
      const input = saved === null ? null : unpack(saved);
      return input !== null && needs[i] ? sameAs(input) : input;
    });
    const roots: Tensor[] = [];
    const incoming: Tensor[] = [];
    this.composition(inputs).forEach((output, i) => {
      const grad = grads[i];
      if (grad === null || grad === undefined || !output.requiresGrad) return;
      roots.push(output);
      incoming.push(grad);
    });
    const wanted = inputs.map((t, i): Edge | null => (t !== null && needs[i] ? gradientEdge(t) : null));
    const options = { retainGraph: true, createGraph: true, capture: wanted };
    return run(roots.map(gradientEdge), rootGradients(roots, incoming), options);
  }

  override release(): void {
    super.release();
    this.originals = [];
    for (const t of this.owned) t.storage.dispose();
    this.owned = [];
  }
}

/** The same tensor in another place of the graph. */
function sameAs(input: Tensor): Tensor {
  return runtime.record(runtime.alias(input, input.sizes, input.strides, input.offset), {
    name: 'Alias',
    inputs: [input],
    saved: [],
    backward: ([grad]) => [grad],
  });
}

/** Makes a fused node the history of `outputs`, which are new tensors. To be asked for only where `runtime.needsGrad(inputs)`. */
export function recordComposite(outputs: readonly Tensor[], composite: Composite): void {
  if (composite.inputs.some((t) => t?.inference)) {
    throw new RuntimeError(
      'Inference tensors cannot be saved for backward. To work around you can make a clone to get a normal tensor and use it in autograd.',
    );
  }
  const node = new CompositeNode(composite);
  outputs.forEach((t, i) => {
    t.setHistory(node, i);
  });
}
