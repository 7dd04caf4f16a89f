/** The indexing rows of the op table. */
import { checkTable } from './check.ts';
import { table } from './samples/indexing.ts';

checkTable(table);
