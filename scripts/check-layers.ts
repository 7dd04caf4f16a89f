/** `npm run check:layers`: do the sources import only from earlier layers, without cycles? */
import { fileURLToPath } from 'node:url';
import { checkLayers, readSources } from './layers.ts';

const sources = readSources(fileURLToPath(new URL('../src/', import.meta.url)));
const problems = checkLayers(sources);
for (const problem of problems) console.error(problem);
console.log(`${sources.size} modules, ${problems.length} imports against the layers`);
process.exitCode = problems.length === 0 ? 0 : 1;
