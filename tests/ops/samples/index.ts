/** All tables of samples. A new file of samples is listed here and run by a test file of its own. */
import type { Table } from '../cases.ts';
import { activations, gated } from './activations.ts';
import { table as calculus } from './calculus.ts';
import { table as contraction } from './contraction.ts';
import { creation, reading } from './creation.ts';
import { table as indexing } from './indexing.ts';
import { attention, convolution, linear, normalization, pooling } from './layers.ts';
import { table as linalg } from './linalg.ts';
import { table as losses } from './losses.ts';
import { table as masked } from './masked.ts';
import { table as movement } from './movement.ts';
import { table as numbers } from './numbers.ts';
import { arithmetic, elementary } from './pointwise.ts';
import { table as random } from './random.ts';
import { table as reduction } from './reduction.ts';
import { table as sampling } from './sampling.ts';
import { table as shapes } from './shapes.ts';
import { table as sorting } from './sorting.ts';
import { table as special } from './special.ts';

export const tables: readonly Table[] = [
  arithmetic,
  elementary,
  sorting,
  special,
  reduction,
  numbers,
  sampling,
  masked,
  calculus,
  movement,
  shapes,
  contraction,
  indexing,
  creation,
  reading,
  activations,
  gated,
  linear,
  convolution,
  pooling,
  attention,
  normalization,
  linalg,
  losses,
  random,
];
