/** Functions that draw random numbers. */
import { checkTable } from './check.ts';
import { table } from './samples/random.ts';

checkTable(table);
