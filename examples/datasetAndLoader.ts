/** A dataset of a CSV file and a text file, and a loader that makes batches of it. Run it with `npx tsx examples/datasetAndLoader.ts`. */
import { readFileSync } from 'node:fs';
import { parse } from 'csv-parse/sync';
import * as torch from 'typetorch';
import { DataLoader, Dataset } from 'typetorch/data';

/** Distance and period of a planet, and what is said about it. */
type Sample = [numbers: torch.Tensor, text: string];

class Planets extends Dataset<Sample> {
  private readonly rows: Record<string, string>[];
  private readonly texts: string[];

  constructor(csvFile: URL, textFile: URL) {
    super();
    this.rows = parse(readFileSync(csvFile), { columns: true });
    this.texts = readFileSync(textFile, 'utf8').trimEnd().split('\n');
  }

  /** Python's `__len__`. */
  override get length(): number {
    return this.rows.length;
  }

  /** Python's `__getitem__`. */
  override getItem(index: number): Sample {
    const { name, distance, period } = this.rows[index];
    return [torch.tensor([Number(distance), Number(period)]), `${name}: ${this.texts[index]}`];
  }
}

const planets = new Planets(
  new URL('./data/planets.csv', import.meta.url),
  new URL('./data/planets.txt', import.meta.url),
);
console.log(planets.length, planets.getItem(2));

// Three at a time, in an order that the seed decides. Tensors are stacked, texts listed.
torch.manualSeed(0);
const loader = new DataLoader(planets, { batchSize: 3, shuffle: true });
console.log(loader.length);
for (const [numbers, texts] of loader) console.log(numbers, texts);

// A loader can be iterated asynchronously too, reading ahead. This one leaves out the batch that is not full.
let batches = 0;
for await (const [numbers] of new DataLoader(planets, { batchSize: 3, dropLast: true })) {
  batches++;
  console.log(numbers.shape);
}
console.log(batches);
