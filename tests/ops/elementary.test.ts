/** Exponential, trigonometric and other elementary functions. */
import { checkTable } from './check.ts';
import { elementary } from './samples/pointwise.ts';

checkTable(elementary, true);
