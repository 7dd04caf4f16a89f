/** The 16 products of matrices between the transforms of Winograd's filtering: of tiles and kernels, and of tiles and gradients. */
import type { FunctionBuilder, Local, ModuleBuilder } from '../assembler.ts';
import type { Template } from '../matmul.ts';
import { bump, repeat } from './transforms.ts';

/** The places of a transformed tile. */
export const PLACES = 16;
/** Tiles are multiplied so many at a time: there must be room for that. */
export const TILE_GROUP = 4;
/** Results of a product are made so many at a time. */
export const PANEL = 8;

const HEIGHT = 4;

function arrayOf(count: number, make: () => Local): Local[] {
  return Array.from({ length: count }, make);
}

/** Four accumulated rows of two vectors: acc += the splats at `scalars` times the vectors at `vectors`. */
function step(
  f: FunctionBuilder,
  t: Template,
  acc: readonly Local[],
  scalar: (r: number) => void,
  vectors: Local,
  held: readonly Local[],
  moving: Local,
): void {
  f.get(vectors).memory('v128.load').set(held[0]);
  f.get(vectors).memory('v128.load', 16).set(held[1]);
  for (let r = 0; r < HEIGHT; r++) {
    scalar(r);
    f.set(moving);
    t.multiplyAdd(f, acc[2 * r], moving, held[0]);
    t.multiplyAdd(f, acc[2 * r + 1], moving, held[1]);
  }
}

/**
 * `(v, vPitch, vPlane, u, uPitch, uPanel, uPlane, m, mPitch, mPlane, tiles, channels, panels)`: m[p][t][k] = Σ over c of v[p][t][c] · u[p][c][k] for
 * the 16 places p, for `panels` times eight k.
 */
export function buildForwardProduct(module: ModuleBuilder, t: Template): FunctionBuilder {
  const f = module.function(
    null,
    Array.from({ length: 13 }, () => 'i32'),
  );
  const [v, vPitch, vPlane, u, uPitch, uPanel, uPlane, m, mPitch, mPlane, tiles, channels, panels] =
    Array.from({ length: 13 }, (_, i) => i);
  const int = (): Local => f.local('i32');
  const [places, panelsLeft, tilesLeft, panel, row, out, column, at, count] = arrayOf(9, int);
  const a = arrayOf(HEIGHT, int);
  const acc = arrayOf(2 * HEIGHT, () => f.local('v128'));
  const held = arrayOf(2, () => f.local('v128'));
  const moving = f.local('v128');
  f.i32(PLACES).set(places);
  repeat(f, places, () => {
    f.get(u).set(panel).get(m).set(column).get(panels).set(panelsLeft);
    repeat(f, panelsLeft, () => {
      f.get(v).set(row).get(column).set(out).get(tiles).set(tilesLeft);
      f.loop(() => {
        for (let r = 0; r < HEIGHT; r++) {
          f.get(row).set(a[r]).get(row).get(vPitch).op('i32.add').set(row);
          for (let h = 0; h < 2; h++) f.v128(new Uint8Array(16)).set(acc[2 * r + h]);
        }
        f.get(panel).set(at).get(channels).set(count);
        repeat(f, count, () => {
          step(
            f,
            t,
            acc,
            (r) => {
              f.get(a[r]);
              t.loadSplat(f);
            },
            at,
            held,
            moving,
          );
          for (let r = 0; r < HEIGHT; r++) bump(f, a[r], t.size);
          f.get(at).get(uPitch).op('i32.add').set(at);
        });
        for (let r = 0; r < HEIGHT; r++) {
          for (let h = 0; h < 2; h++)
            f.get(out)
              .get(acc[2 * r + h])
              .memory('v128.store', 16 * h);
          f.get(out).get(mPitch).op('i32.add').set(out);
        }
        f.get(tilesLeft).i32(-HEIGHT).op('i32.add').tee(tilesLeft).i32(0).op('i32.gt_s').brIf(0);
      });
      f.get(panel).get(uPanel).op('i32.add').set(panel);
      bump(f, column, PANEL * t.size);
    });
    f.get(v).get(vPlane).op('i32.add').set(v);
    f.get(u).get(uPlane).op('i32.add').set(u);
    f.get(m).get(mPlane).op('i32.add').set(m);
  });
  return f;
}

/**
 * `(z, zPitch, zPlane, v, vPitch, vPlane, d, dPitch, dPlane, tiles, rows, panels, more)`: d[p][k][c] = Σ over tiles t of z[p][t][k] · v[p][t][c] for the
 * 16 places p, `rows` k and `panels` times eight c, added to what is there where `more` is 1. There is at least one tile.
 */
export function buildTapsProduct(module: ModuleBuilder, t: Template): FunctionBuilder {
  const f = module.function(
    null,
    Array.from({ length: 13 }, () => 'i32'),
  );
  const [z, zPitch, zPlane, v, vPitch, vPlane, d, dPitch, dPlane, tiles, rows, panels, more] = Array.from(
    { length: 13 },
    (_, i) => i,
  );
  const int = (): Local => f.local('i32');
  const [places, panelsLeft, row, panel, out, column, at, scalars, count] = arrayOf(9, int);
  const acc = arrayOf(2 * HEIGHT, () => f.local('v128'));
  const held = arrayOf(2, () => f.local('v128'));
  const moving = f.local('v128');
  f.i32(PLACES).set(places);
  repeat(f, places, () => {
    f.get(v).set(panel).get(d).set(column).get(panels).set(panelsLeft);
    repeat(f, panelsLeft, () => {
      f.get(column).set(out).i32(0).set(row);
      f.loop(() => {
        for (const x of acc) f.v128(new Uint8Array(16)).set(x);
        f.get(row).i32(2).op('i32.shl').get(z).op('i32.add').set(scalars);
        f.get(panel).set(at).get(tiles).set(count);
        repeat(f, count, () => {
          step(
            f,
            t,
            acc,
            (r) => {
              f.get(scalars);
              t.loadSplat(f, r * t.size);
            },
            at,
            held,
            moving,
          );
          f.get(scalars).get(zPitch).op('i32.add').set(scalars);
          f.get(at).get(vPitch).op('i32.add').set(at);
        });
        for (let r = 0; r < HEIGHT; r++) {
          f.get(more);
          f.if(() => {
            for (let h = 0; h < 2; h++) {
              const x = acc[2 * r + h];
              f.get(x)
                .get(out)
                .memory('v128.load', 16 * h)
                .op(t.op('add'))
                .set(x);
            }
          });
          for (let h = 0; h < 2; h++)
            f.get(out)
              .get(acc[2 * r + h])
              .memory('v128.store', 16 * h);
          f.get(out).get(dPitch).op('i32.add').set(out);
        }
        f.get(row).i32(HEIGHT).op('i32.add').tee(row).get(rows).op('i32.lt_s').brIf(0);
      });
      bump(f, panel, PANEL * t.size);
      bump(f, column, PANEL * t.size);
    });
    f.get(z).get(zPlane).op('i32.add').set(z);
    f.get(v).get(vPlane).op('i32.add').set(v);
    f.get(d).get(dPlane).op('i32.add').set(d);
  });
  return f;
}
