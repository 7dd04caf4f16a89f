/** The special functions against values computed with fifty digits (mpmath), and at poles and limits. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import * as special from '../../src/expr/special.ts';

type Name = keyof typeof special;

/** Arguments, then the value. */
const values: Readonly<Record<Name, readonly (readonly number[])[]>> = {
  erf: [
    [-2.5, -0.999593047982555],
    [-1e-9, -1.1283791670955127e-9],
    [0.3, 0.3286267594591274],
    [1, 0.8427007929497149],
    [1.7, 0.9837904585907745],
    [5.5, 0.9999999999999927],
  ],
  erfc: [
    [-3, 1.9999779095030015],
    [0.4, 0.5716076449533315],
    [0.6, 0.3961439091520741],
    [2.5, 0.0004069520174449589],
    [12, 1.3562611692059042e-64],
    [26, 5.663192408856143e-296],
  ],
  erfcx: [
    [-5, 144009798674.66104],
    [0, 1],
    [0.7, 0.525930337349441],
    [3.75, 0.14558972127503855],
    [20, 0.02817434874105132],
  ],
  erfinv: [
    [-0.9, -1.1630871536766743],
    [1e-12, 8.86226925452758e-13],
    [0.3, 0.2724627147267543],
    [0.75, 0.8134198475976185],
    [0.999999, 3.458910737275499],
  ],
  ndtri: [
    [1e-10, -6.361340902404057],
    [0.02, -2.053748910631823],
    [0.3, -0.5244005127080408],
    [0.5, 0],
    [0.75, 0.6744897501960817],
    [0.999, 3.090232306167813],
  ],
  logNdtr: [
    [-20, -203.91715537109727],
    [-1.5, -2.7059444008238898],
    [-0.5, -1.1759117615936185],
    [0.8, -0.23807370162332805],
    [3, -0.0013508099647481938],
  ],
  lgamma: [
    [-3.7, -1.3797399049658245],
    [1e-10, 23.025850929882736],
    [0.3, 1.0957979948180756],
    [0.9999999, 5.772157468444193e-8],
    [2.0000001, 4.227843666532498e-8],
    [3.3, 0.9870985778947344],
    [7.9, 8.32426586800881],
    [25.5, 56.389167643719944],
    [1000000, 12815504.569147611],
  ],
  digamma: [
    [-2.3, 3.3173231575618227],
    [0.1, -10.423754940411076],
    [1, -0.5772156649015329],
    [2.5, 0.7031566406452432],
    [11, 2.351752589066721],
    [100000, 11.512920464961896],
  ],
  polygamma: [
    [1, -1.3, 14.53687624413708],
    [1, 0.2, 26.267377205423777],
    [2, 3.5, -0.1082040516417274],
    [3, 0.7, 25.879149678427737],
    [5, 12, 0.00011820829051081491],
  ],
  zeta: [
    [1.5, 0.3, 8.237761671459724],
    [2, 1, 1.6449340668482264],
    [7.5, 20, 6.303036593310288e-10],
    [40, 2.5, 1.2089275466329262e-16],
  ],
  igamma: [
    [0.5, 0.1, 0.345279153981423],
    [2, 3, 0.8008517265285442],
    [15, 9, 0.04146632547290372],
    [200, 210, 0.7639696745011538],
  ],
  igammac: [
    [1e-6, 0.5, 5.597738881556345e-7],
    [2, 3, 0.19914827347145578],
    [15, 40, 1.975623243491064e-6],
    [200, 150, 0.9999429031142579],
  ],
  i0: [
    [-1.5, 1.646723189772891],
    [0.2, 1.010025027795146],
    [12, 18948.925349296307],
    [24.9, 5235629675.804422],
    [40, 1.48947747934199e16],
    [700, 1.5295933476718737e302],
  ],
  i0e: [
    [-1.5, 0.36743360905415834],
    [24.9, 0.08035933261153222],
    [25.1, 0.08003519725429624],
    [1000, 0.012617240455891257],
  ],
  i1: [
    [-1.5, -0.9816664285779075],
    [0.2, 0.10050083402812512],
    [12, 18141.348781638833],
    [40, 1.4707396163259352e16],
  ],
  i1e: [
    [-30, -0.07191633059864755],
    [0.2, 0.08228312352881215],
    [12, 0.11146429929018098],
    [1000, 0.012610930256928629],
  ],
  besselJ0: [
    [0.5, 0.9384698072408129],
    [-3, -0.26005195490193345],
    [10, -0.24593576445134835],
    [24.9, 0.0832459683530155],
    [25.1, 0.10827567149994945],
    [500, -0.034100556880732],
  ],
  besselJ1: [
    [0.5, 0.2422684576748739],
    [-3, -0.3390589585259365],
    [10, 0.04347274616886144],
    [24.9, -0.13485569953140886],
    [25.1, -0.11463478413442257],
    [500, 0.010472613470372294],
  ],
  besselY0: [
    [0.01, -3.005455637083646],
    [0.99, 0.08040121621363991],
    [1.01, 0.09602576248781666],
    [10, 0.055671167283599395],
    [24.9, -0.13649918399676522],
    [25.1, -0.11676770763803694],
  ],
  besselY1: [
    [0.01, -63.67859628206065],
    [0.99, -0.7899515491621414],
    [1.01, -0.7725610528719075],
    [10, 0.24901542420695388],
    [24.9, -0.08600255759555425],
    [25.1, -0.11062223322783099],
  ],
  modifiedBesselK0: [
    [0.01, 4.721244730161095],
    [0.99, 0.42709503097965784],
    [1.01, 0.415056144085075],
    [6.9, 0.00047275379446998835],
    [50, 3.4101677497894956e-23],
  ],
  modifiedBesselK1: [
    [0.01, 99.97389411829624],
    [0.99, 0.6122489779992295],
    [1.01, 0.5917881779729701],
    [6.9, 0.0005059183099009549],
    [50, 3.4441022267175555e-23],
  ],
  scaledModifiedBesselK0: [
    [0.5, 1.5241093857739094],
    [6.9, 0.4691016369589047],
    [800, 0.044304427486646016],
  ],
  scaledModifiedBesselK1: [
    [0.5, 2.731009708211786],
    [6.9, 0.5020099470763456],
    [800, 0.04433210911141211],
  ],
  airyAi: [
    [-30, -0.08796818845684216],
    [-9.1, 0.07495988727355446],
    [-8.9, -0.11726630637175181],
    [-3.5, -0.37553382314043193],
    [0.5, 0.23169360648083348],
    [1.1, 0.12004942735539766],
    [6, 9.947694360252889e-6],
  ],
  chebyshevPolynomialT: [
    [0.3, 5, 0.99888],
    [-0.7, 80, 0.6966684424761782],
    [1.4, 7, 216.14754559999986],
  ],
  chebyshevPolynomialU: [
    [0.3, 5, 1.01376],
    [-0.7, 80, 1.3998544829256452],
    [1.4, 7, 524.9907711999997],
  ],
  chebyshevPolynomialV: [
    [0.3, 5, 0.9641599999999999],
    [0.2, 66, -1.2900361403946656],
  ],
  chebyshevPolynomialW: [
    [0.3, 5, 1.06336],
    [0.2, 66, 0.060910875165702004],
  ],
  hermitePolynomialH: [
    [0.3, 4, 7.8096000000000005],
    [-1.2, 7, -904.4250623999999],
  ],
  hermitePolynomialHe: [
    [0.3, 4, 2.4681],
    [-1.2, 7, -6.7684607999999935],
  ],
  laguerrePolynomialL: [
    [0.3, 4, 0.05233750000000003],
    [2.5, 7, 0.10795665922619048],
  ],
  legendrePolynomialP: [
    [0.3, 4, 0.07293750000000002],
    [-0.6, 9, 0.046103040000000074],
  ],
};

/** A few units in the last place of the value, or of 1 where it is the small difference of larger things. */
const RELATIVE = 8e-15;
const ABSOLUTE = 1e-15;

describe('special functions', () => {
  for (const [name, rows] of Object.entries(values)) {
    test(name, () => {
      const fn = special[name as Name] as (...args: number[]) => number;
      for (const row of rows) {
        const args = row.slice(0, -1);
        const expected = row[row.length - 1];
        const got = fn(...args);
        // The angle of a polynomial of degree n is rounded n times as coarsely.
        const degree = name.includes('Polynomial') ? args[1] : 1;
        const allowed = ABSOLUTE * degree + RELATIVE * Math.abs(expected);
        assert.ok(
          Math.abs(got - expected) <= allowed,
          `${name}(${args.join(', ')}): ${got} is not ${expected}`,
        );
      }
    });
  }

  test('small results keep their relative accuracy', () => {
    const close = (got: number, expected: number): void =>
      assert.ok(Math.abs(got / expected - 1) < 1e-14, `${got} is not ${expected}`);
    close(special.erf(1e-200), 1.128379167095512e-200);
    close(special.erfc(26), 5.663192408856143e-296);
    close(special.erfinv(1e-200), 8.86226925452758e-201);
    close(special.lgamma(1 + 2 ** -40), -5.249745890076018e-13);
    close(special.igammac(1e-12, 0.5), 5.597735947764542e-13);
  });

  test('Chebyshev polynomials of high degree agree with the recurrence, and huge ones end at once', () => {
    const by = (x: number, n: number, first: number): number => {
      let [before, value] = [1, first];
      for (let k = 1; k < n; k++) [before, value] = [value, 2 * x * value - before];
      return value;
    };
    for (const x of [1, -1, 1.001, -1.2, 0.3, -0.99]) {
      for (const n of [65, 100]) {
        const pairs = [
          [special.chebyshevPolynomialT(x, n), by(x, n, x)],
          [special.chebyshevPolynomialU(x, n), by(x, n, 2 * x)],
          [special.chebyshevPolynomialV(x, n), by(x, n, 2 * x - 1)],
          [special.chebyshevPolynomialW(x, n), by(x, n, 2 * x + 1)],
        ];
        for (const [got, expected] of pairs) assert.ok(Math.abs(got / expected - 1) < 1e-9, `${x}, ${n}`);
      }
    }
    assert.equal(special.chebyshevPolynomialT(3, 1e18), Number.POSITIVE_INFINITY);
    assert.ok(Number.isNaN(special.hermitePolynomialH(2, 1e18)));
    assert.equal(special.zeta(1e10, 2), 0);
  });

  test('poles and limits', () => {
    const { POSITIVE_INFINITY: inf, NEGATIVE_INFINITY, NaN: nan } = Number;
    assert.equal(special.erf(inf), 1);
    assert.equal(special.erfc(NEGATIVE_INFINITY), 2);
    assert.equal(special.erfcx(NEGATIVE_INFINITY), inf);
    assert.deepEqual(
      [special.erfinv(1), special.erfinv(-1), special.erfinv(1.5)],
      [inf, NEGATIVE_INFINITY, nan],
    );
    assert.deepEqual(
      [special.ndtri(0), special.ndtri(1), special.ndtri(-0.1)],
      [NEGATIVE_INFINITY, inf, nan],
    );
    assert.deepEqual([special.lgamma(0), special.lgamma(-3)], [inf, inf]);
    assert.deepEqual(
      [special.digamma(0), special.digamma(-0), special.digamma(-2)],
      [NEGATIVE_INFINITY, inf, nan],
    );
    assert.deepEqual([special.zeta(1, 2), special.zeta(2, -1), special.zeta(0.5, 2)], [inf, inf, nan]);
    assert.deepEqual([special.igamma(0, 1), special.igammac(0, 1), special.igamma(-1, 1)], [1, 0, nan]);
    assert.deepEqual([special.besselY0(0), special.besselY1(-1)], [NEGATIVE_INFINITY, nan]);
    assert.deepEqual([special.modifiedBesselK0(0), special.modifiedBesselK1(inf)], [inf, 0]);
    for (const fn of Object.values(special))
      assert.ok(Number.isNaN((fn as (...a: number[]) => number)(nan, nan)) || /Polynomial/.test(fn.name));
  });
});
