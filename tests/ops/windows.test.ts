/** Convolution, pooling, resizing. */
import { checkTable } from './check.ts';
import { convolution, pooling, windowEdges } from './samples/layers.ts';

checkTable(convolution);
checkTable(pooling);
checkTable(windowEdges);
