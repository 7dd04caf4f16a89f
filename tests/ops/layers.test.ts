/** Linear maps, embeddings, padding, normalization. */
import { checkTable } from './check.ts';
import { linear, normalization } from './samples/layers.ts';

checkTable(linear);
checkTable(normalization);
