/** How many threads large computations use. */
import { cpu } from '../device/wasm/device.ts';

/**
 * The number of threads that large computations on the CPU use: at first as many as the machine runs at once, or what the environment variable
 * `TYPETORCH_NUM_THREADS` says. 1 where memory cannot be shared (a page without cross-origin isolation).
 * https://pytorch.org/docs/stable/generated/torch.get_num_threads.html
 */
export function getNumThreads(): number {
  return cpu.threads.count;
}

/**
 * Sets the number of threads. Throws a ValueError unless it is a positive whole number.
 * https://pytorch.org/docs/stable/generated/torch.set_num_threads.html
 *
 * @example
 * ```ts
 * torch.setNumThreads(1);
 * console.log(torch.getNumThreads()); // => 1
 * ```
 */
export function setNumThreads(count: number): void {
  cpu.threads.count = count;
}
