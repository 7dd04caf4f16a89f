/** The rows of `torch.special`. */
import { checkTable } from './check.ts';
import { table } from './samples/special.ts';

checkTable(table);
