/** Convolution, pooling, resizing. */
import { checkTable } from './check.ts';
import { convolution, pooling } from './samples/layers.ts';

checkTable(convolution);
checkTable(pooling);
