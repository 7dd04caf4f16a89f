/** The movement rows of the op table. */
import { checkTable } from './check.ts';
import { table } from './samples/movement.ts';

checkTable(table);
