/** Linear algebra. */
import { checkTable } from './check.ts';
import { table } from './samples/linalg.ts';

checkTable(table);
