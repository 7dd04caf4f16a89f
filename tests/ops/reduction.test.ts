/** The reduction rows of the op table. */
import { checkTable } from './check.ts';
import { table } from './samples/reduction.ts';

checkTable(table);
