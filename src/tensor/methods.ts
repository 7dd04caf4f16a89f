/** The types of Tensor's methods, derived from the op table. */
import type * as ops from '../ops/index.ts';
import type * as access from './access.ts';
import type * as create from './create.ts';
import type * as graph from './graph.ts';
import type * as indexing from './indexing.ts';
import type * as creation from './random/create.ts';
import type * as randomMethods from './random/methods.ts';
import type * as sampling from './random/sampling.ts';
import type { WithoutInplace } from './withoutInplace.ts';

type Table = typeof ops &
  typeof access &
  typeof create &
  typeof graph &
  typeof creation &
  typeof randomMethods &
  typeof sampling &
  Pick<typeof indexing, 'index' | 'indexPut_'>;

/** Parameters after the first, for every form of call. */
type Rest<P> = P extends readonly [unknown?, ...infer T] ? T : never;

type AsMethod<F> = F extends { readonly asMethod: infer M }
  ? M
  : F extends (...args: infer P) => infer R
    ? (...args: Rest<P>) => R
    : never;

/** Everything in the table but the functions marked `functionOnly`. */
type MethodNames = {
  [K in keyof Table]: Table[K] extends { readonly functionOnly: true } ? never : K;
}[keyof Table];

type Plain = { [K in MethodNames]: AsMethod<Table[K]> };
/** Whether an op has an in-place form is said in its definition, at run time; types know it from a generated list. */
type InPlaceNames = Exclude<MethodNames, WithoutInplace | `${string}_`>;
type InPlace = { [K in InPlaceNames as `${K & string}_`]: AsMethod<Table[K]> };

export type TensorMethods = Omit<InPlace, keyof Plain> & Plain;
