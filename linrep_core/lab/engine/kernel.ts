// The costly part of a step in WebAssembly SIMD (AssemblyScript): what kernel.mjs does, many times as fast.
//
// One source for both precisions: T is f32 (4 numbers in a vector) or f64 (2). Tables come and go as f64, so that the
// optimiser and the subset sums stay exact; only the 3^m 2^m d multiplications in here are done in T.
//
// Vectors run along contexts, never along tokens or dimensions: no m or d needs padding to a vector, and maxima and
// sums over tokens stay within a lane. A tile of contexts is four vectors, 64 bytes, wide: each number of a token that
// is loaded serves all four, and eight running sums at a time keep the processor's adders busy. A tile's logits of all
// tokens (16 kB at most) stay in the first-level cache.

const ROW: usize = 64; // bytes of a tile's row: 16 contexts in f32, 8 in f64
const VECTOR: usize = 16; // bytes

// Where a tile's working memory lies; set by `run`.
let tokenTable: usize = 0; // unembeddings in T, `width` to a token
let contextTile: usize = 0; // d rows: embeddings of the tile's contexts
let gradientTile: usize = 0; // d rows: their gradients
let softmaxTile: usize = 0; // a row for each token: logits, then exponentials
let largestTile: usize = 0; // one row: the largest logit of each context
let sumTile: usize = 0; // one row: the sum of its exponentials
let gradientSums: usize = 0; // a vector for each number of tokenTable: gradients, summed by lane
let constants: usize = 0; // of the exponential, each filling a vector

/** First free byte of the memory: the tables start there. */
export function base(): usize {
  return (__heap_base + 15) & ~(<usize>15);
}

/** Bytes of working memory that `run` takes behind the tables. */
export function scratchBytes(tokens: usize, d: usize): usize {
  return place(0, tokens, even(d), sizeof<f64>());
}

function place(start: usize, tokens: usize, width: usize, size: usize): usize {
  contextTile = start;
  gradientTile = contextTile + width * ROW;
  softmaxTile = gradientTile + width * ROW;
  largestTile = softmaxTile + tokens * ROW;
  sumTile = largestTile + ROW;
  constants = sumTile + ROW;
  gradientSums = constants + 32 * VECTOR;
  tokenTable = gradientSums + tokens * width * VECTOR;
  return tokenTable + tokens * width * size;
}

/** d rounded up: dimensions are taken in pairs, the last perhaps with zeros. */
function even(d: usize): usize {
  return (d + 1) & ~(<usize>1);
}

export function run32(
  contexts: usize, tokens: usize, d: usize, embeddings: usize, unembeddings: usize, weights: usize,
  logNormalizers: usize, embeddingGradient: usize, unembeddingGradient: usize, scratch: usize,
): void {
  run<f32>(contexts, tokens, d, embeddings, unembeddings, weights, logNormalizers, embeddingGradient,
    unembeddingGradient, scratch);
}

export function run64(
  contexts: usize, tokens: usize, d: usize, embeddings: usize, unembeddings: usize, weights: usize,
  logNormalizers: usize, embeddingGradient: usize, unembeddingGradient: usize, scratch: usize,
): void {
  run<f64>(contexts, tokens, d, embeddings, unembeddings, weights, logNormalizers, embeddingGradient,
    unembeddingGradient, scratch);
}

function run<T>(
  contexts: usize, tokens: usize, d: usize, embeddings: usize, unembeddings: usize, weights: usize,
  logNormalizers: usize, embeddingGradient: usize, unembeddingGradient: usize, scratch: usize,
): void {
  const width = even(d);
  const lanes = ROW / sizeof<T>();
  place(scratch, tokens, width, sizeof<T>());
  memory.fill(gradientSums, 0, tokens * width * VECTOR);
  memory.fill(contextTile, 0, 2 * width * ROW);
  for (let y: usize = 0; y < tokens; y++) {
    for (let k: usize = 0; k < width; k++) {
      store<T>(tokenTable + (y * width + k) * sizeof<T>(), k < d ? <T>load<f64>(unembeddings + (y * d + k) * 8) : <T>0);
    }
  }
  setConstants<T>();

  for (let x: usize = 0; x < contexts; x += lanes) {
    const count = min(lanes, contexts - x);
    const offset = (x * d) << 3;
    loadTile<T>(embeddings + offset, count, d);
    logits<T>(tokens, width);
    exponentials<T>(tokens);
    scaleTile<T>(weights + (x << 3), logNormalizers + (x << 3), count, width);
    contextGradients<T>(tokens, width);
    tokenGradients<T>(tokens, width);
    storeTile<T>(embeddingGradient + offset, weights + (x << 3), count, d);
  }
  for (let i: usize = 0; i < tokens; i++) {
    for (let k: usize = 0; k < d; k++) {
      let total: f64 = 0;
      const sums = gradientSums + (i * width + k) * VECTOR;
      for (let lane: usize = 0; lane < VECTOR; lane += sizeof<T>()) total += <f64>load<T>(sums + lane);
      store<f64>(unembeddingGradient + (i * d + k) * 8, total);
    }
  }
}

/** Embeddings of up to a tile of contexts, turned: a row for each dimension. Lanes left over keep older contexts. */
function loadTile<T>(embeddings: usize, count: usize, d: usize): void {
  for (let lane: usize = 0; lane < count; lane++) {
    for (let k: usize = 0; k < d; k++) {
      store<T>(contextTile + k * ROW + lane * sizeof<T>(), <T>load<f64>(embeddings + ((lane * d + k) << 3)));
    }
  }
}

/** softmaxTile[y] = f(x).g(y), two tokens at a time; largestTile = their maximum. */
function logits<T>(tokens: usize, width: usize): void {
  const next = width * sizeof<T>();
  let top0 = v128.splat<T>(-Infinity), top1 = top0, top2 = top0, top3 = top0;
  let out = softmaxTile;
  let g = tokenTable;
  for (let y: usize = 0; y < tokens; y += 2) {
    let a0 = v128.splat<T>(0), a1 = a0, a2 = a0, a3 = a0, b0 = a0, b1 = a0, b2 = a0, b3 = a0;
    let f = contextTile;
    for (const end = g + next; g < end; g += sizeof<T>()) {
      const ga = v128.load_splat<T>(g), gb = v128.load_splat<T>(g + next);
      const f0 = v128.load(f), f1 = v128.load(f, 16), f2 = v128.load(f, 32), f3 = v128.load(f, 48);
      a0 = v128.add<T>(a0, v128.mul<T>(f0, ga));
      a1 = v128.add<T>(a1, v128.mul<T>(f1, ga));
      a2 = v128.add<T>(a2, v128.mul<T>(f2, ga));
      a3 = v128.add<T>(a3, v128.mul<T>(f3, ga));
      b0 = v128.add<T>(b0, v128.mul<T>(f0, gb));
      b1 = v128.add<T>(b1, v128.mul<T>(f1, gb));
      b2 = v128.add<T>(b2, v128.mul<T>(f2, gb));
      b3 = v128.add<T>(b3, v128.mul<T>(f3, gb));
      f += ROW;
    }
    g += next;
    v128.store(out, a0);
    v128.store(out, a1, 16);
    v128.store(out, a2, 32);
    v128.store(out, a3, 48);
    v128.store(out, b0, 64);
    v128.store(out, b1, 80);
    v128.store(out, b2, 96);
    v128.store(out, b3, 112);
    out += 2 * ROW;
    top0 = v128.pmax<T>(top0, v128.pmax<T>(a0, b0));
    top1 = v128.pmax<T>(top1, v128.pmax<T>(a1, b1));
    top2 = v128.pmax<T>(top2, v128.pmax<T>(a2, b2));
    top3 = v128.pmax<T>(top3, v128.pmax<T>(a3, b3));
  }
  v128.store(largestTile, top0);
  v128.store(largestTile, top1, 16);
  v128.store(largestTile, top2, 32);
  v128.store(largestTile, top3, 48);
}

/** softmaxTile[y] = exp(logit - largest); sumTile = their sum. */
function exponentials<T>(tokens: usize): void {
  const top0 = v128.load(largestTile), top1 = v128.load(largestTile, 16);
  const top2 = v128.load(largestTile, 32), top3 = v128.load(largestTile, 48);
  let sum0 = v128.splat<T>(0), sum1 = sum0, sum2 = sum0, sum3 = sum0;
  const end = softmaxTile + tokens * ROW;
  for (let row = softmaxTile; row < end; row += ROW) {
    const e0 = exponential<T>(v128.sub<T>(v128.load(row), top0));
    const e1 = exponential<T>(v128.sub<T>(v128.load(row, 16), top1));
    const e2 = exponential<T>(v128.sub<T>(v128.load(row, 32), top2));
    const e3 = exponential<T>(v128.sub<T>(v128.load(row, 48), top3));
    v128.store(row, e0);
    v128.store(row, e1, 16);
    v128.store(row, e2, 32);
    v128.store(row, e3, 48);
    sum0 = v128.add<T>(sum0, e0);
    sum1 = v128.add<T>(sum1, e1);
    sum2 = v128.add<T>(sum2, e2);
    sum3 = v128.add<T>(sum3, e3);
  }
  v128.store(sumTile, sum0);
  v128.store(sumTile, sum1, 16);
  v128.store(sumTile, sum2, 32);
  v128.store(sumTile, sum3, 48);
}

/** Writes the log-normalisers, and turns f(x) into weight / sum times f(x), which the tokens' gradients want. */
function scaleTile<T>(weights: usize, logNormalizers: usize, count: usize, width: usize): void {
  const lanes = ROW / sizeof<T>();
  for (let lane: usize = 0; lane < lanes; lane++) {
    const at = lane * sizeof<T>();
    const sum = <f64>load<T>(sumTile + at);
    const scale = lane < count ? load<f64>(weights + (lane << 3)) / sum : 0; // lanes left over count for nothing
    store<T>(sumTile + at, <T>scale);
    if (lane < count) store<f64>(logNormalizers + (lane << 3), <f64>load<T>(largestTile + at) + Math.log(sum));
    for (let row = contextTile + at, end = row + width * ROW; row < end; row += ROW) {
      store<T>(row, <T>scale * load<T>(row));
    }
  }
}

/** gradientTile[k] = sum_y exponential(y) g(y)[k], two dimensions at a time. */
function contextGradients<T>(tokens: usize, width: usize): void {
  const next = width * sizeof<T>();
  const end = softmaxTile + tokens * ROW;
  for (let k: usize = 0; k < width; k += 2) {
    let a0 = v128.splat<T>(0), a1 = a0, a2 = a0, a3 = a0, b0 = a0, b1 = a0, b2 = a0, b3 = a0;
    let g = tokenTable + k * sizeof<T>();
    for (let row = softmaxTile; row < end; row += ROW) {
      const ga = v128.load_splat<T>(g), gb = v128.load_splat<T>(g, sizeof<T>());
      const e0 = v128.load(row), e1 = v128.load(row, 16), e2 = v128.load(row, 32), e3 = v128.load(row, 48);
      a0 = v128.add<T>(a0, v128.mul<T>(e0, ga));
      a1 = v128.add<T>(a1, v128.mul<T>(e1, ga));
      a2 = v128.add<T>(a2, v128.mul<T>(e2, ga));
      a3 = v128.add<T>(a3, v128.mul<T>(e3, ga));
      b0 = v128.add<T>(b0, v128.mul<T>(e0, gb));
      b1 = v128.add<T>(b1, v128.mul<T>(e1, gb));
      b2 = v128.add<T>(b2, v128.mul<T>(e2, gb));
      b3 = v128.add<T>(b3, v128.mul<T>(e3, gb));
      g += next;
    }
    const out = gradientTile + k * ROW;
    v128.store(out, a0);
    v128.store(out, a1, 16);
    v128.store(out, a2, 32);
    v128.store(out, a3, 48);
    v128.store(out, b0, 64);
    v128.store(out, b1, 80);
    v128.store(out, b2, 96);
    v128.store(out, b3, 112);
  }
}

/** gradientSums[y][k] += exponential(y) f(x)[k] (scaled) over the tile, by lane: four tokens, two dimensions at a time. */
function tokenGradients<T>(tokens: usize, width: usize): void {
  const next = width * VECTOR;
  for (let y: usize = 0; y < tokens; y += 4) {
    const row = softmaxTile + y * ROW;
    for (let k: usize = 0; k < width; k += 2) {
      const f = contextTile + k * ROW;
      const out = gradientSums + (y * width + k) * VECTOR;
      let a0 = v128.load(out), a1 = v128.load(out, 16);
      let b0 = v128.load(out + next), b1 = v128.load(out + next, 16);
      let c0 = v128.load(out + 2 * next), c1 = v128.load(out + 2 * next, 16);
      let d0 = v128.load(out + 3 * next), d1 = v128.load(out + 3 * next, 16);
      for (let column: usize = 0; column < ROW; column += VECTOR) {
        const f0 = v128.load(f + column), f1 = v128.load(f + column, 64);
        const e0 = v128.load(row + column), e1 = v128.load(row + column, 64);
        const e2 = v128.load(row + column, 128), e3 = v128.load(row + column, 192);
        a0 = v128.add<T>(a0, v128.mul<T>(e0, f0));
        a1 = v128.add<T>(a1, v128.mul<T>(e0, f1));
        b0 = v128.add<T>(b0, v128.mul<T>(e1, f0));
        b1 = v128.add<T>(b1, v128.mul<T>(e1, f1));
        c0 = v128.add<T>(c0, v128.mul<T>(e2, f0));
        c1 = v128.add<T>(c1, v128.mul<T>(e2, f1));
        d0 = v128.add<T>(d0, v128.mul<T>(e3, f0));
        d1 = v128.add<T>(d1, v128.mul<T>(e3, f1));
      }
      v128.store(out, a0);
      v128.store(out, a1, 16);
      v128.store(out + next, b0);
      v128.store(out + next, b1, 16);
      v128.store(out + 2 * next, c0);
      v128.store(out + 2 * next, c1, 16);
      v128.store(out + 3 * next, d0);
      v128.store(out + 3 * next, d1, 16);
    }
  }
}

function storeTile<T>(embeddingGradient: usize, weights: usize, count: usize, d: usize): void {
  for (let lane: usize = 0; lane < count; lane++) {
    const scale = <f64>load<T>(sumTile + lane * sizeof<T>());
    for (let k: usize = 0; k < d; k++) {
      const gradient = <f64>load<T>(gradientTile + k * ROW + lane * sizeof<T>());
      store<f64>(embeddingGradient + ((lane * d + k) << 3), scale * gradient);
    }
  }
}

// ---- exp -----------------------------------------------------------------------------------------------------------
// exp(x) = 2^n 2^r with x log2(e) = n + r and |r| <= 1/2. Adding MAGIC, whose last bit counts ones, rounds to n and
// leaves n in the lowest bits; shifted up they are added to the exponent of 2^r, a Taylor polynomial.
// Arguments are at most 0; below FLOOR the result counts as nothing beside exp(0) = 1, and stops there lest slow
// denormal numbers arise. Relative error: f32 below 3e-7, f64 below 5e-16 (tests/parity).

@inline function degree<T>(): usize {
  return sizeof<T>() == 4 ? 6 : 12;
}

function setConstant<T>(index: usize, value: f64): void {
  v128.store(constants + index * VECTOR, v128.splat<T>(<T>value));
}

/** Kept in memory: a constant in the code would be put together anew, at more cost than a load, for every vector. */
function setConstants<T>(): void {
  setConstant<T>(0, 1.4426950408889634); // log2(e)
  setConstant<T>(1, sizeof<T>() == 4 ? 12582912 : 6755399441055744); // MAGIC: 1.5 * 2^23, 1.5 * 2^52
  setConstant<T>(2, sizeof<T>() == 4 ? -100 : -900); // FLOOR, a power of 2
  let coefficient: f64 = 1;
  for (let i: usize = 0; i <= degree<T>(); i++) {
    setConstant<T>(3 + i, coefficient);
    coefficient *= 0.6931471805599453 / <f64>(i + 1); // ln(2)^i / i!
  }
}

@inline function constant(index: usize): v128 {
  return v128.load(constants + index * VECTOR);
}

@inline function exponential<T>(x: v128): v128 {
  const scaled = v128.pmax<T>(v128.mul<T>(x, constant(0)), constant(2));
  const shifted = v128.add<T>(scaled, constant(1));
  const r = v128.sub<T>(scaled, v128.sub<T>(shifted, constant(1)));
  let power = constant(3 + degree<T>());
  for (let i = degree<T>(); i > 0; i--) power = v128.add<T>(v128.mul<T>(power, r), constant(2 + i));
  return sizeof<T>() == 4
    ? v128.add<i32>(power, v128.shl<i32>(shifted, 23))
    : v128.add<i64>(power, v128.shl<i64>(shifted, 52));
}
