/** OpenBLAS called with nothing in between, through koffi. */
import { createRequire } from 'node:module';

export interface Koffi {
  /** C = A B for row-major m×k and k×n. */
  sgemm(m: number, n: number, k: number, a: Float32Array, b: Float32Array, c: Float32Array): void;
}

interface Library {
  func(declaration: string): (...args: unknown[]) => unknown;
}

/** Throws where there is no OpenBLAS. `OPENBLAS_NUM_THREADS` says how many threads it uses. */
export function openblas(): Koffi {
  const koffi = createRequire(import.meta.url)('koffi') as { load(path: string): Library };
  const library = koffi.load('libopenblas.so.0');
  const sgemm = library.func(
    'void cblas_sgemm(int, int, int, int, int, int, float, float *, int, float *, int, float, _Out_ float *, int)',
  );
  const [rowMajor, plain] = [101, 111];
  return {
    sgemm: (m, n, k, a, b, c) => void sgemm(rowMajor, plain, plain, m, n, k, 1, a, k, b, n, 0, c, n),
  };
}
