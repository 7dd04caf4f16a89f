/** Sorting and statistics by order. */
import { checkTable } from './check.ts';
import { table } from './samples/sorting.ts';

checkTable(table);
