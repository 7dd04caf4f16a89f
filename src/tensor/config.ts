/** What this process computes with. */
import { cpu } from '../device/wasm/device.ts';
import { hasRelaxedSimd } from '../device/wasm/features.ts';

/**
 * A text that says what computations on the CPU use: instructions, BLAS, threads.
 * https://pytorch.org/docs/stable/config_mod.html#torch.__config__.show
 */
export function show(): string {
  const { blas, threads, heap } = cpu;
  return [
    'TypeTorch, with kernels that it generates:',
    `  - WebAssembly SIMD 128 bit, ${hasRelaxedSimd() ? 'with' : 'without'} fused multiply-add`,
    `  - BLAS: ${blas === null ? 'none (install koffi and a BLAS such as OpenBLAS for faster matrix products)' : blas.source.library}`,
    `  - Threads: ${threads.count}${heap.shared ? '' : ' (memory cannot be shared here)'}`,
  ].join('\n');
}
