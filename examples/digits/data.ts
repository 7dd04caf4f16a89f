/** The handwritten digits: reading them, enlarging them, holding some of them out. */
import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import * as torch from 'typetorch';
import { randomSplit, type Subset, TensorDataset } from 'typetorch/data';
import * as F from 'typetorch/nn/functional';

/** An image (1, 32, 32) and the digit it shows. */
export type Sample = [image: torch.Tensor, digit: torch.Tensor];

export interface Digits {
  /** To learn from. */
  readonly train: Subset<Sample>;
  /** Held out, to see whether what was learned holds for others. */
  readonly test: Subset<Sample>;
}

const FILE = new URL('../data/digits.csv.gz', import.meta.url);
const PIXELS = 64;
/** The brightest pixel of the file. */
const INK = 16;

/** Rows that interpolate `from` points linearly at `to` places, pixel centres being at half: (to, from). */
function interpolation(from: number, to: number): torch.Tensor {
  const rows = Array.from({ length: to }, (_, i) => {
    const at = Math.min(Math.max(((i + 0.5) * from) / to - 0.5, 0), from - 1);
    return Array.from({ length: from }, (_, j) => Math.max(0, 1 - Math.abs(at - j)));
  });
  return torch.tensor(rows);
}

/** (N, 1, h, w) to (N, 1, size, size), bilinear: along the columns, then along the rows. */
export function enlarge(images: torch.Tensor, size: number): torch.Tensor {
  const [, , height, width] = images.shape;
  const down = interpolation(height, size);
  const across = interpolation(width, size);
  return down.matmul(images).matmul(across.t());
}

/** All digits of the file as images of 32×32 pixels from 0 to 1, four fifths to learn from and one fifth held out. */
export function loadDigits(): Digits {
  const lines = gunzipSync(readFileSync(FILE)).toString('utf8').trim().split('\n');
  const rows = lines.map((line) => line.split(',').map(Number));
  const pixels = torch.tensor(rows.map((row) => row.slice(0, PIXELS)));
  const digits = torch.tensor(rows.map((row) => row[PIXELS])).long();
  const images = enlarge(pixels.view(-1, 1, 8, 8).div(INK), 32);
  // The same digits are held out in every run, whatever its seed.
  const generator = new torch.Generator().manualSeed(0);
  const [train, test] = randomSplit(new TensorDataset(images, digits), [0.8, 0.2], { generator });
  return { train, test };
}

/** The images moved by up to `most` pixels in each direction: people do not write in the middle. */
export function shifted(images: torch.Tensor, most: number): torch.Tensor {
  const [down, right] = torch.randint(0, 2 * most + 1, [2]).tolist() as number[];
  const [, , height, width] = images.shape;
  return F.pad(images, [most, most, most, most]).narrow(2, down, height).narrow(3, right, width);
}
