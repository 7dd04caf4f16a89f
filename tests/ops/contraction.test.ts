/** The contraction rows of the op table. */
import { checkTable } from './check.ts';
import { table } from './samples/contraction.ts';

checkTable(table);
