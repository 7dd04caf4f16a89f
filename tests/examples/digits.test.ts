/** The main job, run as a user runs it, and its parts. */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import type { WriteStream } from 'node:tty';
import { fileURLToPath } from 'node:url';
import { enlarge, loadDigits, shifted } from '../../examples/digits/data.ts';
import { lineChart, linearScale, logScale } from '../../examples/digits/chart.ts';
import { Net } from '../../examples/digits/network.ts';
import { defaults, parseOptions, UsageError } from '../../examples/digits/options.ts';
import { inkImage } from '../../examples/digits/png.ts';
import { ProgressBar } from '../../examples/digits/progress.ts';
import { evaluate } from '../../examples/digits/training.ts';
import * as torch from '../../src/index.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'typetorch-digits-'));
after(() => rmSync(folder, { recursive: true, force: true }));

interface Outcome {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs `npm start -- …args` without npm; `watch` sees the output as it grows. */
function run(
  args: readonly string[],
  watch?: (stdout: string, child: ChildProcess) => void,
): Promise<Outcome> {
  const child = spawn(process.execPath, ['--import', 'tsx', 'examples/digits.ts', ...args], { cwd: root });
  let [stdout, stderr] = ['', ''];
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
    watch?.(stdout, child);
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (status) => resolve({ status, stdout, stderr }));
  });
}

/** The network and the epoch of a checkpoint. */
function loaded(path: string): [net: Net, epoch: number] {
  const checkpoint = torch.load(path, { weightsOnly: true }) as Map<string, unknown>;
  const net = new Net();
  net.loadStateDict(checkpoint.get('model') as Map<string, torch.Tensor>);
  return [net, Number(checkpoint.get('epoch'))];
}

describe('npm start', () => {
  test('prints the network, learns, saves, reloads, reports', async () => {
    const out = join(folder, 'two epochs');
    const { status, stdout, stderr } = await run(['--epochs', '2', '--batch-size', '8', '--out', out]);
    assert.equal(stderr, '');
    assert.equal(status, 0);
    assert.ok(stdout.includes(`${String(new Net())}\n`));
    assert.match(stdout, /^1438 digits to learn from, 359 held out$/m);
    const line =
      /^epoch (\d)\/2 {2}loss [\d.]+ {2}accuracy +[\d.]+ % {2}held out: loss [\d.]+ {2}accuracy +([\d.]+) %$/gm;
    const epochs = [...stdout.matchAll(line)];
    assert.deepEqual(
      epochs.map(([, epoch]) => epoch),
      ['1', '2'],
    );
    const accuracy = Number(epochs[1][2]);
    assert.ok(accuracy > 70, `learns: ${accuracy} % after two epochs`);
    assert.match(stdout, /identical predictions for all 359 held-out digits/);
    assert.ok(
      !stdout.includes('\u001b') && !stdout.includes('\r'),
      'no progress bar where there is no terminal',
    );

    const [net, epoch] = loaded(join(out, 'digits.pt'));
    assert.equal(epoch, 2);
    assert.equal((100 * evaluate(net, loadDigits().test).accuracy).toFixed(1), epochs[1][2]);

    const page = readFileSync(join(out, 'digits.html'), 'utf8');
    assert.equal(page.match(/<svg class="chart"/g)?.length, 2, 'two curves');
    assert.match(page, /<table class="matrix">/);
    const wrong = Math.round((1 - accuracy / 100) * 359);
    assert.equal(
      page.match(/<img src="data:image\/png;base64,/g)?.length,
      Math.min(wrong, 48),
      'the misread digits',
    );
    assert.doesNotMatch(page, /(src|href)="(?!data:)/, 'nothing from elsewhere');
    assert.doesNotMatch(page, /NaN|undefined/);
  });

  test('Ctrl-C leaves a checkpoint that loads', async () => {
    const out = join(folder, 'interrupted');
    let sent = false;
    const { status, stdout } = await run(['--epochs', '1000', '--out', out], (text, child) => {
      if (sent || !text.includes('epoch    1/1000')) return;
      sent = true;
      child.kill('SIGINT');
    });
    assert.equal(status, 130);
    assert.match(stdout, /^Interrupted\. What was learned so far: .*digits\.pt$/m);
    assert.ok(!existsSync(join(out, 'digits.html')));
    const [net, epoch] = loaded(join(out, 'digits.pt'));
    assert.ok(epoch >= 1 && epoch < 1000);
    assert.ok(evaluate(net, loadDigits().test).accuracy > 0.1);
  });

  test('a wrong option is one line and status 2, --help is neither', async () => {
    const file = join(folder, 'a file');
    writeFileSync(file, '');
    const [unknown, blocked, help] = await Promise.all([
      run(['--epoch', '2']),
      run(['--out', join(file, 'below')]),
      run(['--help']),
    ]);
    assert.deepEqual(unknown, { status: 2, stdout: '', stderr: "digits: Unknown option '--epoch'\n" });
    assert.equal(blocked.status, 2);
    assert.match(blocked.stderr, /^digits: --out .*\n$/);
    assert.equal(help.status, 0);
    assert.match(help.stdout, /Usage: npm start -- \[options\]/);
  });
});

describe('options', () => {
  test('are read, with defaults', () => {
    assert.deepEqual(parseOptions([]), defaults);
    const args = ['--epochs=3', '--batch-size', '64', '--lr', '1e-3', '--seed', '7', '--out', 'x'];
    assert.deepEqual(parseOptions(args), { epochs: 3, batchSize: 64, lr: 0.001, seed: 7, out: 'x' });
    assert.equal(parseOptions(['--help']), null);
  });

  test('are refused in one line', () => {
    const wrong: readonly string[][] = [
      ['--epochs', '0'],
      ['--epochs', '1.5'],
      ['--epochs', 'many'],
      ['--epochs', '-3'],
      ['--epochs'],
      ['--batch-size', '0'],
      ['--lr', '0'],
      ['--lr', 'NaN'],
      ['--lr='],
      ['--seed', '1e3'],
      ['--out', ''],
      ['--verbose'],
      ['runs'],
    ];
    for (const args of wrong) {
      const oneLine = (error: unknown) => error instanceof UsageError && /^[^\n]{8,}$/.test(error.message);
      assert.throws(() => parseOptions(args), oneLine, args.join(' '));
    }
  });
});

describe('parts', () => {
  test('enlarging is bilinear, as F.interpolate of PyTorch has it', () => {
    const image = torch
      .tensor([
        [0, 1],
        [2, 4],
      ])
      .view(1, 1, 2, 2);
    assert.deepEqual(enlarge(image, 4).view(4, 4).tolist(), [
      [0, 0.25, 0.75, 1],
      [0.5, 0.8125, 1.4375, 1.75],
      [1.5, 1.9375, 2.8125, 3.25],
      [2, 2.5, 3.5, 4],
    ]);
  });

  test('all digits are there, none twice', () => {
    const { train, test: held } = loadDigits();
    assert.deepEqual(
      [...train.indices, ...held.indices].sort((a, b) => a - b),
      Array.from({ length: 1797 }, (_, i) => i),
    );
    const [image, digit] = held.getItem(0);
    assert.deepEqual([...image.shape], [1, 32, 32]);
    assert.equal(digit.dtype, torch.int64);
    assert.ok(image.max().item() <= 1 && image.min().item() === 0);
  });

  test('shifting moves the whole image by whole pixels', () => {
    torch.manualSeed(0);
    const image = torch.zeros([1, 1, 8, 8]);
    image.indexPut_([0, 0, 4, 4], 1);
    const places = new Set<string>();
    for (let i = 0; i < 200; i++) {
      const moved = shifted(image, 1);
      assert.deepEqual([...moved.shape], [1, 1, 8, 8]);
      assert.equal(moved.sum().item(), 1);
      places.add(String(moved.flatten().argmax().item()));
    }
    assert.deepEqual([...places].sort(), ['27', '28', '29', '35', '36', '37', '43', '44', '45']);
  });

  test('the progress bar draws on a terminal only', () => {
    const drawnOn = (isTTY: boolean): string => {
      let text = '';
      const stream = { isTTY, columns: 60, write: (s: string) => (text += s) } as unknown as WriteStream;
      const bar = new ProgressBar(stream);
      bar.update('epoch 1/2', 5, 10, 'loss 1.0');
      bar.clear();
      return text;
    };
    assert.equal(drawnOn(false), '');
    const drawn = drawnOn(true);
    assert.match(drawn, /epoch 1\/2 █{14}░{14} {2}5\/10 {2}loss 1\.0/);
    assert.ok(drawn.endsWith('\r\u001b[2K'), 'and takes itself away');
  });

  test('charts hold for one epoch, equal values and zero loss', () => {
    for (const values of [[0.5], [1, 1, 1], [0.3, 0], [Number.NaN, 2]]) {
      const series = [{ name: 'a', style: 'train', values }];
      for (const scale of [logScale(values, String), linearScale(values, 1, String)]) {
        assert.doesNotMatch(
          lineChart('t', series, scale).replace(/<title>.*?<\/title>/g, ''),
          /NaN|Infinity|undefined/,
        );
        assert.ok(scale.ticks.length > 0 && scale.ticks.length < 20);
      }
    }
  });

  test('every value has its place on the chart', () => {
    for (const least of [0, 0.109, 0.3, 0.5, 0.77, 0.98, 1]) {
      const values = [least, (1 + least) / 2, 1];
      const scale = linearScale(values, 1, String);
      assert.equal(scale.place(1), 1);
      for (const v of [...values, ...scale.ticks])
        assert.ok(scale.place(v) > -1e-6 && scale.place(v) < 1 + 1e-6, `${v}`);
      const logs = logScale([2.3, least + 0.01], String);
      for (const v of [2.3, least + 0.01]) assert.ok(logs.place(v) > 0 && logs.place(v) < 1, `${v}`);
    }
  });

  test('images are PNG files', () => {
    const url = inkImage([
      [0, 1],
      [0.5, 0],
    ]);
    const bytes = Buffer.from(url.replace('data:image/png;base64,', ''), 'base64');
    assert.deepEqual([...bytes.subarray(0, 8)], [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
    assert.equal(bytes.readUInt32BE(16), 2, 'width');
    assert.equal(bytes.subarray(-8).toString('hex'), '49454e44ae426082', 'the end, with its known checksum');
  });
});
