/**
 * The main job: `npm start`. Trains the tutorial's network to read handwritten digits, saves it, loads it again, and writes a report.
 *
 * The pieces are in `digits/`: the network, the data, one pass of training, the command line, the report.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import * as torch from 'typetorch';
import { DataLoader } from 'typetorch/data';
import { type Digits, loadDigits } from './digits/data.ts';
import { Net } from './digits/network.ts';
import { help, type Options, parseOptions, UsageError } from './digits/options.ts';
import { ProgressBar } from './digits/progress.ts';
import { type Epoch, report } from './digits/report.ts';
import { evaluate, readAll, type Score, trainEpoch } from './digits/training.ts';

const percent = (x: number): string => `${(100 * x).toFixed(1)} %`.padStart(7);
const show = ({ loss, accuracy }: Score): string => `loss ${loss.toFixed(4)}  accuracy ${percent(accuracy)}`;

/** Everything that is needed to go on from here; PyTorch reads it too. The file is replaced in one step or not at all. */
function save(path: string, net: Net, optimizer: torch.optim.Optimizer, epoch: number): void {
  torch.save({ epoch, model: net.stateDict(), optimizer: optimizer.stateDict() }, path);
}

/** A fresh network with the parameters of a checkpoint. */
function load(path: string): Net {
  const checkpoint = torch.load(path, { weightsOnly: true }) as Map<string, unknown>;
  const net = new Net();
  net.loadStateDict(checkpoint.get('model') as Map<string, torch.Tensor>);
  return net;
}

/** Training led nowhere. */
class Diverged extends Error {}

interface Trained {
  readonly net: Net;
  readonly history: readonly Epoch[];
  readonly seconds: number;
  /** Was the training ended by Ctrl-C? */
  readonly interrupted: boolean;
}

async function train(digits: Digits, options: Options, checkpoint: string): Promise<Trained> {
  torch.manualSeed(options.seed);
  const net = new Net();
  const optimizer = new torch.optim.SGD(net.parameters(), { lr: options.lr, momentum: 0.9 });
  const scheduler = new torch.optim.lrScheduler.CosineAnnealingLR(optimizer, options.epochs);
  const loader = new DataLoader(digits.train, { batchSize: options.batchSize, shuffle: true });

  let interrupted = false;
  const interrupt = () => {
    interrupted = true;
  };
  // Once: a second Ctrl-C ends the program at once.
  process.once('SIGINT', interrupt);

  console.log(String(net));
  const history: Epoch[] = [];
  const bar = new ProgressBar(process.stdout);
  const start = performance.now();
  for (let epoch = 1; epoch <= options.epochs && !interrupted; epoch++) {
    const label = `epoch ${String(epoch).padStart(String(options.epochs).length)}/${options.epochs}`;
    const score = await trainEpoch(net, loader, optimizer, (batches, loss) => {
      bar.update(label, batches, loader.length, `loss ${loss.toFixed(4)}`);
      return !interrupted;
    });
    bar.clear();
    if (score !== null) {
      if (!Number.isFinite(score.loss)) throw new Diverged(`the loss is ${score.loss}: try a smaller --lr`);
      scheduler.step();
      history.push({ train: score, test: evaluate(net, digits.test) });
      console.log(`${label}  ${show(score)}  held out: ${show(history[history.length - 1].test)}`);
    }
    save(checkpoint, net, optimizer, history.length);
  }
  process.removeListener('SIGINT', interrupt);
  return { net, history, seconds: (performance.now() - start) / 1000, interrupted };
}

/** Loads the checkpoint into a fresh network and compares all its scores, bit by bit. */
function checkReloaded(net: Net, checkpoint: string, digits: Digits): void {
  const [before] = readAll(net, digits.test);
  const [after] = readAll(load(checkpoint), digits.test);
  if (!torch.equal(before, after)) throw new Error(`the network in ${checkpoint} reads differently`);
  console.log(
    `Reloaded into a fresh network: identical predictions for all ${before.length} held-out digits.`,
  );
}

function countParameters(net: Net): number {
  return [...net.parameters()].reduce((sum, p) => sum + p.numel(), 0);
}

function writeReport(path: string, trained: Trained, digits: Digits, options: Options): void {
  const [scores, labels] = readAll(trained.net, digits.test);
  const images = torch.stack(Array.from({ length: digits.test.length }, (_, i) => digits.test.getItem(i)[0]));
  const page = report({
    network: String(trained.net),
    parameters: countParameters(trained.net),
    trainSize: digits.train.length,
    seconds: trained.seconds,
    settings: [
      ['optimizer', 'SGD, momentum 0.9'],
      ['learning rate', `${options.lr}, falling to 0 along a cosine`],
      ['batch size', String(options.batchSize)],
      ['seed', String(options.seed)],
    ],
    history: trained.history,
    images,
    labels: labels.tolist() as number[],
    probabilities: scores.softmax(1).tolist() as number[][],
  });
  writeFileSync(path, page);
  console.log(`Report: ${path}`);
}

async function main(args: readonly string[]): Promise<number> {
  const options = parseOptions(args);
  if (options === null) {
    console.log(help);
    return 0;
  }
  try {
    mkdirSync(options.out, { recursive: true });
  } catch (error) {
    throw new UsageError(`--out ${options.out}: ${(error as Error).message}`);
  }
  const checkpoint = join(options.out, 'digits.pt');
  const digits = loadDigits();
  console.log(`${digits.train.length} digits to learn from, ${digits.test.length} held out`);
  const trained = await train(digits, options, checkpoint);
  if (trained.interrupted) {
    console.log(`Interrupted. What was learned so far: ${checkpoint}`);
    return 130;
  }
  const { accuracy } = trained.history[trained.history.length - 1].test;
  console.log(
    `${percent(accuracy).trim()} of the held-out digits read correctly after ${trained.seconds.toFixed(1)} s`,
  );
  console.log(`Checkpoint: ${checkpoint}`);
  checkReloaded(trained.net, checkpoint, digits);
  writeReport(join(options.out, 'digits.html'), trained, digits, options);
  return 0;
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  if (!(error instanceof UsageError || error instanceof Diverged)) throw error;
  console.error(`digits: ${error.message}`);
  process.exitCode = error instanceof UsageError ? 2 : 1;
}
