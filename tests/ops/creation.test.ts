/** Functions that make tensors, and those that read them. */
import { checkTable } from './check.ts';
import { creation, reading } from './samples/creation.ts';

checkTable(creation);
checkTable(reading);
