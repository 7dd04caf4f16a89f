/** The pointwise rows of the op table. */
import { checkTable } from './check.ts';
import { table } from './samples/pointwise.ts';

checkTable(table, true);
