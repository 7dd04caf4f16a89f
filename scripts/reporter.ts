/** How `npm test` shows results: a line for every suite, failures in full where they happen and as a list at the end. */
import { relative } from 'node:path';
import type { TestEvent } from 'node:test/reporters';
import { inspect } from 'node:util';

interface Failure {
  readonly where: string;
  readonly text: string;
}

type Finished = Extract<TestEvent, { type: 'test:pass' | 'test:fail' }>['data'];

const place = ({ file }: Finished): string => (file === undefined ? '' : relative(process.cwd(), file));

/** The error of a failed test; null for a suite that fails only because of what is in it. */
function failureOf(data: Finished): Failure | null {
  const error = (data.details as { error?: Error & { failureType?: string } }).error;
  if (error?.failureType === 'subtestsFailed') return null;
  const cause = error?.cause ?? error;
  return { where: `${data.name} (${place(data)})`, text: inspect(cause) };
}

export default async function* report(events: AsyncIterable<TestEvent>): AsyncGenerator<string> {
  const failures: string[] = [];
  let inside = 0;
  for await (const { type, data } of events) {
    switch (type) {
      case 'test:pass':
      case 'test:fail': {
        if ((data.details as { type?: string }).type !== 'suite') inside++;
        if (data.skip !== undefined)
          yield `skipped: ${data.name}${typeof data.skip === 'string' ? `: ${data.skip}` : ''}\n`;
        const failure = type === 'test:fail' && data.todo === undefined ? failureOf(data) : null;
        if (failure !== null) {
          failures.push(failure.where);
          yield `\nFAILED ${failure.where}\n${failure.text}\n\n`;
        }
        if (data.nesting > 0) break;
        const sign = type === 'test:pass' ? 'ok    ' : 'not ok';
        const file = data.file === undefined ? '' : `${relative(process.cwd(), data.file)}: `;
        yield `${sign} ${file}${data.name} (${inside}, ${Math.round(data.details.duration_ms)} ms)\n`;
        inside = 0;
        break;
      }
      case 'test:stdout':
      case 'test:stderr':
        yield data.message;
        break;
      case 'test:diagnostic':
        if (/^tests \d+$/.test(data.message) && failures.length > 0) {
          yield `\n${failures.length} failed:\n${failures.map((f) => `  ${f}\n`).join('')}`;
        }
        yield `# ${data.message}\n`;
        break;
      default:
        break;
    }
  }
}
