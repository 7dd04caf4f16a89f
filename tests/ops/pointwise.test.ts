/** Arithmetic, rounding, comparison, bits and truth values. */
import { checkTable } from './check.ts';
import { arithmetic } from './samples/pointwise.ts';

checkTable(arithmetic, true);
