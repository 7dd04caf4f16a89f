/** Activation functions, and dropout. */
import { checkTable } from './check.ts';
import { activations, gated } from './samples/activations.ts';

checkTable(activations, true);
checkTable(gated);
