/** Losses and distances. */
import { checkTable } from './check.ts';
import { table } from './samples/losses.ts';

checkTable(table);
