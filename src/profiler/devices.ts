/**
 * Watching devices. While a profiler runs, the methods of the devices themselves are replaced, so that kernels cost nothing extra at any
 * other time.
 */
import type { Observer } from '../base/observer.ts';
import { allDevices, type Device } from '../device/device.ts';
import type { View } from '../kernel/view.ts';

type Method = (...args: unknown[]) => unknown;

/** What an event of each request is called, and whose sizes it shows. */
const requests: Readonly<
  Record<string, (args: readonly unknown[]) => { name: string; views: readonly View[] }>
> = {
  loop: (args) => {
    const [program, outs, ins] = args as Parameters<Device['loop']>;
    return { name: `loop ${program.outputs[0].expr.op}`, views: [...outs, ...ins] };
  },
  reduce: (args) => {
    const [program, out, ins] = args as Parameters<Device['reduce']>;
    return { name: `reduce ${program.combine}`, views: [out, ...ins] };
  },
  contract: (args) => ({ name: 'contract', views: args.slice(0, 3) as View[] }),
  correlate: (args) => ({ name: 'correlate', views: args.slice(0, 3) as View[] }),
  gather: (args) => ({ name: 'gather', views: args.slice(0, 2) as View[] }),
  scatter: (args) => ({ name: 'scatter', views: args.slice(0, 2) as View[] }),
};

/** Reports the kernels and allocations of all devices to `observer`; returns what ends that. */
export function watchDevices(observer: Observer): () => void {
  const undo: (() => void)[] = [];
  for (const device of allDevices()) {
    const methods = device as unknown as Record<string, Method>;
    const replace = (name: string, make: (original: Method) => Method): void => {
      methods[name] = make(methods[name].bind(device));
      // The class's own method shows again.
      undo.push(() => delete (methods as Partial<typeof methods>)[name]);
    };
    for (const [request, describe] of Object.entries(requests)) {
      replace(request, (original) => (...args) => {
        const { name, views } = describe(args);
        observer.begin('kernel', name, () => views.map((v) => v.sizes));
        try {
          return original(...args);
        } finally {
          observer.end();
        }
      });
    }
    replace('allocate', (original) => (nbytes) => {
      observer.allocated(nbytes as number);
      return original(nbytes);
    });
  }
  return () => {
    for (const f of undo) f();
  };
}
