/** Linear maps, embeddings, padding, attention, normalization. */
import { checkTable } from './check.ts';
import { attention, linear, normalization } from './samples/layers.ts';

checkTable(linear);
checkTable(attention);
checkTable(normalization);
