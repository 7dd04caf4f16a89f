/** Suite `printing`: the text of tensors, shapes and dtypes, under print options. */
import type { Case, JsonObject } from '../cases.ts';
import { decode, decodeContext, decodeKwargs } from '../decode.ts';
import { evaluate } from '../expressions.ts';
import { type Library, Mismatch, options } from '../library.ts';

function textOf(library: Library, testCase: Case): string {
  const context = decodeContext(library);
  const tensor = library.asTensor(decode(context, testCase.tensor));
  if (testCase.of === 'shape') return String(tensor.shape);
  if (testCase.of === 'dtype') return String(tensor.dtype);
  if (testCase.expr === undefined) return String(tensor);
  return String(evaluate(context, testCase.expr, new Map([['x', tensor]])));
}

export function runPrinting(library: Library, testCase: Case): void {
  const settings = testCase.options as JsonObject | undefined;
  let got: string;
  if (settings === undefined) got = textOf(library, testCase);
  else {
    const decoded = decodeKwargs(decodeContext(library), settings);
    library.call('torch.set_printoptions', ...options(decoded));
    try {
      got = textOf(library, testCase);
    } finally {
      library.call('torch.set_printoptions', { profile: 'default' });
    }
  }
  if (got !== testCase.str) throw new Mismatch(`expected\n${testCase.str}\ngot\n${got}`);
}
