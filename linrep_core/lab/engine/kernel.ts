// Loss and gradients in WebAssembly SIMD (AssemblyScript): what kernel.mjs does, many times as fast.
//
// One source for both precisions: T is f32 (4 numbers in a vector) or f64 (2). Tables come and go as f64, so that the
// optimiser and the linear part of the loss stay exact; only the 3^m 2^m d multiplications of the dense part are in T.
//
// Vectors run along contexts, never along tokens or dimensions: no m or d needs padding to a vector, and maxima and
// sums over tokens stay within a lane. A tile of contexts is four vectors, 64 bytes, wide: each number of a token that
// is loaded serves all four, and eight running sums at a time keep the processor's adders busy. A tile's logits of all
// tokens (16 kB at most) stay in the first-level cache.

const ROW: usize = 64; // bytes of a tile's row: 16 contexts in f32, 8 in f64
const VECTOR: usize = 16; // bytes
const PAGE: usize = 65536; // bytes; WebAssembly's memory grows by pages

// ---- memory --------------------------------------------------------------------------------------------------------

// Sizes, and the addresses of the tables that the page fills and reads; set by `prepare`.
let m: usize = 0;
let d: usize = 0;
let width: usize = 0; // d rounded up to even: dimensions are taken in pairs, the last perhaps with zeros
let tokens: usize = 0;
let contexts: usize = 0; // trained
let wrong: f64 = 0; // the probability that a told concept is told wrongly
export let numbers: usize = 0; // of the trained contexts among all 3^m, i32
export let weights: usize = 0; // f64, as all tables from here
export let ratios: usize = 0;
export let joint: usize = 0;
export let embeddings: usize = 0;
export let unembeddings: usize = 0;
export let embeddingGradient: usize = 0;
export let unembeddingGradient: usize = 0;

// Working memory.
let expected: usize = 0; // `width` numbers for each of all contexts: sum of p(y) g(y) over the tokens that agree
let collected: usize = 0; // the same for ratio(x) f(x), then its sums over contexts for each token
let tokenTable: usize = 0; // unembeddings in T, `width` numbers for each token
let gradientSums: usize = 0; // a vector for each of these numbers: gradients, summed by lane
let contextTile: usize = 0; // a row for each dimension: embeddings of the tile's contexts
let gradientTile: usize = 0; // the same for their gradients
let softmaxTile: usize = 0; // a row for each token: logits, then exponentials
let largestTile: usize = 0; // one row: the largest logit of each context
let sumTile: usize = 0; // one row: the sum of its exponentials, then weight / sum
let constants: usize = 0; // of the exponential, each filling a vector

let free: usize = 0;

/** The address of as many bytes, at the start of a cache line; memory is zero at first. */
function take(bytes: usize): usize {
  const address = (free + ROW - 1) & ~(ROW - 1);
  free = address + bytes;
  const missing = <isize>free - <isize>(<usize>memory.size() * PAGE);
  if (missing > 0) memory.grow(<i32>((<usize>missing + PAGE - 1) / PAGE));
  return address;
}

/** Lays out the memory of a run; to be called once. */
export function prepare(concepts: usize, trained: usize, dimensions: usize, toldWrongly: f64): void {
  m = concepts;
  wrong = toldWrongly;
  d = dimensions;
  width = (d + 1) & ~(<usize>1);
  tokens = 1 << m;
  contexts = trained;
  free = __heap_base;
  numbers = take(contexts * sizeof<i32>());
  weights = take(contexts * sizeof<f64>());
  ratios = take(contexts * sizeof<f64>());
  joint = take(tokens * sizeof<f64>());
  embeddings = take(contexts * d * sizeof<f64>());
  unembeddings = take(tokens * d * sizeof<f64>());
  embeddingGradient = take(contexts * d * sizeof<f64>());
  unembeddingGradient = take(tokens * d * sizeof<f64>());
  expected = take(power3(m) * width * sizeof<f64>());
  collected = take(power3(m) * width * sizeof<f64>());
  tokenTable = take(tokens * width * sizeof<f64>());
  gradientSums = take(tokens * width * VECTOR);
  contextTile = take(width * ROW);
  gradientTile = take(width * ROW);
  softmaxTile = take(tokens * ROW);
  largestTile = take(ROW);
  sumTile = take(ROW);
  constants = take(20 * VECTOR);
}

function power3(exponent: usize): usize {
  let power: usize = 1;
  for (let i: usize = 0; i < exponent; i++) power *= 3;
  return power;
}

// ---- loss and gradients --------------------------------------------------------------------------------------------

export function run32(): f64 {
  return run<f32>();
}

export function run64(): f64 {
  return run<f64>();
}

/** Writes both gradients and returns the loss. */
function run<T>(): f64 {
  const lanes = ROW / sizeof<T>();
  setConstants<T>();
  loadTokens<T>();
  expand(expected);
  memory.fill(collected, 0, power3(m) * width * sizeof<f64>());
  let loss: f64 = 0;
  for (let x: usize = 0; x < contexts; x += lanes) {
    const count = min(lanes, contexts - x);
    loadTile<T>(x, count);
    logits<T>();
    exponentials<T>();
    loss += normalize<T>(x, count);
    contextGradients<T>();
    tokenGradients<T>();
    loss -= storeTile<T>(x, count);
  }
  contract(collected);
  storeTokens<T>();
  return loss;
}

function loadTokens<T>(): void {
  memory.fill(gradientSums, 0, tokens * width * VECTOR);
  for (let y: usize = 0; y < tokens; y++) {
    const p = load<f64>(joint + y * sizeof<f64>());
    for (let k: usize = 0; k < d; k++) {
      const g = load<f64>(unembeddings + (y * d + k) * sizeof<f64>());
      store<T>(tokenTable + (y * width + k) * sizeof<T>(), <T>g);
      store<f64>(expected + (y * width + k) * sizeof<f64>(), p * g);
    }
  }
}

/** Embeddings of up to a tile of contexts, turned: a row for each dimension. Lanes left over keep older contexts. */
function loadTile<T>(x: usize, count: usize): void {
  let from = embeddings + x * d * sizeof<f64>();
  for (let lane: usize = 0; lane < count; lane++) {
    let to = contextTile + lane * sizeof<T>();
    for (let k: usize = 0; k < d; k++) {
      store<T>(to, <T>load<f64>(from));
      from += sizeof<f64>();
      to += ROW;
    }
  }
}

/** softmaxTile[y] = f(x).g(y), two tokens at a time; largestTile = their maximum. */
function logits<T>(): void {
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

/**
 * softmaxTile[y] = exp(logit - largest); sumTile = their sum.
 *
 * exp(x) = 2^n 2^r with x log2(e) = n + r and |r| <= 1/2. Adding MAGIC, whose last bit counts ones, rounds to n and
 * leaves n in the lowest bits; shifted up, they add to the exponent of 2^r, which is a Taylor polynomial.
 * Arguments are at most 0. Below FLOOR the result is nothing beside exp(0) = 1 and stops falling, lest slow denormal
 * numbers arise. Relative error of p-hat: at most 12 (1 + |x|) units of the last place, 2^-24 or 2^-53 (tests/parity).
 */
function exponentials<T>(): void {
  const top0 = v128.load(largestTile), top1 = v128.load(largestTile, 16);
  const top2 = v128.load(largestTile, 32), top3 = v128.load(largestTile, 48);
  const highest = constants + (COEFFICIENTS + degree<T>()) * VECTOR;
  const lowest = constants + COEFFICIENTS * VECTOR;
  let sum0 = v128.splat<T>(0), sum1 = sum0, sum2 = sum0, sum3 = sum0;
  const end = softmaxTile + tokens * ROW;
  for (let row = softmaxTile; row < end; row += ROW) {
    const x0 = scaled<T>(v128.load(row), top0), x1 = scaled<T>(v128.load(row, 16), top1);
    const x2 = scaled<T>(v128.load(row, 32), top2), x3 = scaled<T>(v128.load(row, 48), top3);
    const magic = constant(MAGIC);
    const n0 = v128.add<T>(x0, magic), n1 = v128.add<T>(x1, magic);
    const n2 = v128.add<T>(x2, magic), n3 = v128.add<T>(x3, magic);
    const r0 = v128.sub<T>(x0, v128.sub<T>(n0, magic)), r1 = v128.sub<T>(x1, v128.sub<T>(n1, magic));
    const r2 = v128.sub<T>(x2, v128.sub<T>(n2, magic)), r3 = v128.sub<T>(x3, v128.sub<T>(n3, magic));
    let e0 = v128.load(highest), e1 = e0, e2 = e0, e3 = e0;
    for (let at = highest - VECTOR; at >= lowest; at -= VECTOR) {
      const coefficient = v128.load(at);
      e0 = v128.add<T>(v128.mul<T>(e0, r0), coefficient);
      e1 = v128.add<T>(v128.mul<T>(e1, r1), coefficient);
      e2 = v128.add<T>(v128.mul<T>(e2, r2), coefficient);
      e3 = v128.add<T>(v128.mul<T>(e3, r3), coefficient);
    }
    e0 = timesPower<T>(e0, n0);
    e1 = timesPower<T>(e1, n1);
    e2 = timesPower<T>(e2, n2);
    e3 = timesPower<T>(e3, n3);
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

@inline function scaled<T>(logit: v128, largest: v128): v128 {
  return v128.pmax<T>(v128.mul<T>(v128.sub<T>(logit, largest), constant(LOG2_E)), constant(FLOOR));
}

@inline function timesPower<T>(value: v128, n: v128): v128 {
  return sizeof<T>() == 4 ? v128.add<i32>(value, v128.shl<i32>(n, 23)) : v128.add<i64>(value, v128.shl<i64>(n, 52));
}

// Kept in memory: a constant in the code would be put together anew, at more cost than a load, each time it is used.
const LOG2_E: usize = 0;
const MAGIC: usize = 1;
const FLOOR: usize = 2;
const COEFFICIENTS: usize = 3;

@inline function degree<T>(): usize {
  return sizeof<T>() == 4 ? 6 : 12;
}

@inline function constant(index: usize): v128 {
  return v128.load(constants + index * VECTOR);
}

function setConstant<T>(index: usize, value: f64): void {
  v128.store(constants + index * VECTOR, v128.splat<T>(<T>value));
}

function setConstants<T>(): void {
  setConstant<T>(LOG2_E, 1.4426950408889634);
  setConstant<T>(MAGIC, sizeof<T>() == 4 ? 12582912 : 6755399441055744); // 1.5 * 2^23, 1.5 * 2^52
  setConstant<T>(FLOOR, sizeof<T>() == 4 ? -100 : -900); // a power of 2
  let coefficient: f64 = 1;
  for (let i: usize = 0; i <= degree<T>(); i++) {
    setConstant<T>(COEFFICIENTS + i, coefficient);
    coefficient *= 0.6931471805599453 / <f64>(i + 1); // ln(2)^i / i!
  }
}

/**
 * Returns the sum of weight times log-normaliser, and turns f(x) into weight / sum times f(x), which the tokens'
 * gradients want.
 */
function normalize<T>(x: usize, count: usize): f64 {
  let loss: f64 = 0;
  for (let lane: usize = 0; lane < ROW / sizeof<T>(); lane++) {
    const at = lane * sizeof<T>();
    let scale: f64 = 0; // lanes left over count for nothing
    if (lane < count) {
      const weight = load<f64>(weights + (x + lane) * sizeof<f64>());
      const sum = <f64>load<T>(sumTile + at);
      loss += weight * (<f64>load<T>(largestTile + at) + Math.log(sum));
      scale = weight / sum;
    }
    store<T>(sumTile + at, <T>scale);
  }
  const s0 = v128.load(sumTile), s1 = v128.load(sumTile, 16), s2 = v128.load(sumTile, 32), s3 = v128.load(sumTile, 48);
  for (let row = contextTile, end = row + width * ROW; row < end; row += ROW) {
    v128.store(row, v128.mul<T>(s0, v128.load(row)));
    v128.store(row, v128.mul<T>(s1, v128.load(row, 16)), 16);
    v128.store(row, v128.mul<T>(s2, v128.load(row, 32)), 32);
    v128.store(row, v128.mul<T>(s3, v128.load(row, 48)), 48);
  }
  return loss;
}

/** gradientTile[k] = sum_y exponential(y) g(y)[k], two dimensions at a time. */
function contextGradients<T>(): void {
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

/** gradientSums[y][k] += exponential(y) f(x)[k] (scaled) by lane: four tokens and two dimensions at a time. */
function tokenGradients<T>(): void {
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

/** The tile's gradients, dense less linear part. Returns its sum of weight f(x).E[g(Y) | x]; collects ratio f(x). */
function storeTile<T>(x: usize, count: usize): f64 {
  let linear: f64 = 0;
  for (let lane: usize = 0; lane < count; lane++) {
    const row = (x + lane) * d * sizeof<f64>();
    const place = <usize>load<i32>(numbers + (x + lane) * sizeof<i32>()) * width * sizeof<f64>();
    const ratio = load<f64>(ratios + (x + lane) * sizeof<f64>());
    const scale = <f64>load<T>(sumTile + lane * sizeof<T>());
    let from = gradientTile + lane * sizeof<T>();
    for (let at: usize = 0; at < d * sizeof<f64>(); at += sizeof<f64>()) {
      const f = load<f64>(embeddings + row + at);
      const target = ratio * load<f64>(expected + place + at);
      store<f64>(embeddingGradient + row + at, scale * <f64>load<T>(from) - target);
      store<f64>(collected + place + at, ratio * f);
      linear += target * f;
      from += ROW;
    }
  }
  return linear;
}

function storeTokens<T>(): void {
  for (let y: usize = 0; y < tokens; y++) {
    const p = load<f64>(joint + y * sizeof<f64>());
    for (let k: usize = 0; k < d; k++) {
      const sums = gradientSums + (y * width + k) * VECTOR;
      let total: f64 = 0;
      for (let lane: usize = 0; lane < VECTOR; lane += sizeof<T>()) total += <f64>load<T>(sums + lane);
      total -= p * load<f64>(collected + (y * width + k) * sizeof<f64>());
      store<f64>(unembeddingGradient + (y * d + k) * sizeof<f64>(), total);
    }
  }
}

// ---- sums over the tokens that agree with a context, as in language.mjs ------------------------------------------

/** In place: 2^m rows of `width` numbers become 3^m. Each concept's axis (0, 1) becomes (0, 1, 0 + 1), told rightly. */
function expand(table: usize): void {
  const rightly = f64x2.splat(1 - wrong), wrongly = f64x2.splat(wrong);
  let size = tokens * width * sizeof<f64>(); // bytes of all that follows one value of a concept
  for (let blocks: usize = 1; (size >>= 1) >= width * sizeof<f64>(); blocks *= 3) {
    for (let block: isize = blocks - 1; block >= 0; block--) { // from the end: a block moves to a higher place
      const from = table + 2 * block * size;
      const to = table + 3 * block * size;
      for (let i: usize = 0; i < size; i += VECTOR) {
        const zero = v128.load(from + i), one = v128.load(from + size + i);
        v128.store(to + 2 * size + i, f64x2.add(zero, one));
        v128.store(to + size + i, f64x2.add(f64x2.mul(wrongly, zero), f64x2.mul(rightly, one)));
        v128.store(to + i, f64x2.add(f64x2.mul(rightly, zero), f64x2.mul(wrongly, one)));
      }
    }
  }
}

/** In place, the transpose of `expand`: each token collects the rows of the contexts that it agrees with. */
function contract(table: usize): void {
  const rightly = f64x2.splat(1 - wrong), wrongly = f64x2.splat(wrong);
  let size = width * sizeof<f64>();
  for (let blocks = power3(m) / 3; blocks > 0; blocks /= 3) {
    for (let block: usize = 0; block < blocks; block++) {
      const from = table + 3 * block * size;
      const to = table + 2 * block * size;
      for (let i: usize = 0; i < size; i += VECTOR) {
        const zero = v128.load(from + i), one = v128.load(from + size + i), unknown = v128.load(from + 2 * size + i);
        v128.store(to + i, f64x2.add(f64x2.add(f64x2.mul(rightly, zero), f64x2.mul(wrongly, one)), unknown));
        v128.store(to + size + i, f64x2.add(f64x2.add(f64x2.mul(wrongly, zero), f64x2.mul(rightly, one)), unknown));
      }
    }
    size <<= 1;
  }
}
