/** Every tensor function that the library defines, by its path. */
import * as torch from 'typetorch';
import { type Definition, definitionOf } from '../../src/ops/define.ts';
import * as ops from '../../src/ops/index.ts';
import * as access from '../../src/tensor/access.ts';
import * as create from '../../src/tensor/create.ts';
import * as graph from '../../src/tensor/graph.ts';
import * as indexing from '../../src/tensor/indexing.ts';
import * as random from '../../src/tensor/random.ts';
import * as ranges from '../../src/tensor/ranges.ts';

/** Every definition by its path; functions that a namespace takes over from `torch` (`torch.special.exp2`) under that one. */
export function definitions(): Map<string, Definition> {
  const found = new Map<string, Definition>();
  const known = new Set<unknown>(Object.values(torch));
  const collect = (module: object, prefix: string): void => {
    for (const [name, value] of Object.entries(module)) {
      const definition = definitionOf(value);
      if (definition === undefined || (prefix !== '' && known.has(value))) continue;
      const method = prefix === '' && definition.traits.methodOnly === true;
      found.set(`${method ? 'Tensor.' : prefix}${name}`, definition);
    }
  };
  for (const module of [ops, access, create, graph, indexing, random, ranges]) collect(module, '');
  collect(torch.nn.functional, 'nn.functional.');
  for (const [name, value] of Object.entries(torch)) {
    const space = value !== null && typeof value === 'object' && name !== 'nn';
    if (space) collect(value, `${name}.`);
  }
  return found;
}
