// numpy.random.default_rng(seed), bit for bit: SeedSequence, PCG64 (XSL-RR) and the three methods the lab draws with.
// So "graph seed 7" is the same world in the browser and in Python, and a start seed the same first step.

const MASK_64 = (1n << 64n) - 1n;
const MASK_128 = (1n << 128n) - 1n;
const MULTIPLIER = 0x2360ed051fc65da44385df649fccf645n;

/** The numbers of `numpy.random.default_rng(seed)`, for a whole seed from 0 to 2**53 - 1. */
export class Generator {
  #state;
  #increment;
  #kept = -1; // upper half of the last 64 bits, where a 32-bit draw used only the lower

  constructor(seed) {
    if (!Number.isSafeInteger(seed) || seed < 0) {
      throw new RangeError(`seed must be a whole number from 0 to 2**53 - 1, got ${seed}`);
    }
    const [stateHigh, stateLow, streamHigh, streamLow] = seedWords(seed, 4);
    this.#increment = ((((streamHigh << 64n) | streamLow) << 1n) | 1n) & MASK_128;
    this.#state = this.#increment;
    this.#state = (this.#state + ((stateHigh << 64n) | stateLow)) & MASK_128;
    this.#advance();
  }

  #advance() {
    this.#state = (this.#state * MULTIPLIER + this.#increment) & MASK_128;
  }

  /** 64 random bits: fold the state's halves together, then rotate by its six highest bits. */
  #next64() {
    this.#advance();
    const folded = ((this.#state >> 64n) ^ this.#state) & MASK_64;
    const turn = this.#state >> 122n;
    return ((folded >> turn) | (folded << (64n - turn))) & MASK_64;
  }

  /** 32 random bits: each 64 serve twice, lower half first. */
  #next32() {
    if (this.#kept >= 0) {
      const half = this.#kept;
      this.#kept = -1;
      return half;
    }
    const bits = this.#next64();
    this.#kept = Number(bits >> 32n);
    return Number(bits & 0xffffffffn);
  }

  /** Uniform in [0, 1), with 53 random bits. */
  random() {
    return Number(this.#next64() >> 11n) / 2 ** 53;
  }

  /** Uniform in [low, high). */
  uniform(low, high) {
    return low + (high - low) * this.random();
  }

  /** A whole number from 0 to `highest` (below 2**31): masked bits, drawn again while too large, as numpy shuffles. */
  #below(highest) {
    const mask = 2 ** (32 - Math.clz32(highest)) - 1;
    let value;
    do value = this.#next32() & mask;
    while (value > highest);
    return value;
  }

  /** 0 .. n - 1 in random order, as `Generator.permutation(n)`. */
  permutation(n) {
    const order = Array.from({ length: n }, (_, i) => i);
    for (let i = n - 1; i > 0; i--) {
      const j = this.#below(i);
      [order[i], order[j]] = [order[j], order[i]];
    }
    return order;
  }
}

/** `SeedSequence(seed).generate_state(count, uint64)`: a hash that spreads similar seeds over the whole state. */
function seedWords(seed, count) {
  const entropy = [seed >>> 0];
  if (seed >= 2 ** 32) entropy.push(Math.floor(seed / 2 ** 32));

  let constant = 0x43b0d7e5;
  const hash = (value) => {
    value ^= constant;
    constant = Math.imul(constant, 0x931e8875);
    value = Math.imul(value, constant);
    return (value ^ (value >>> 16)) >>> 0;
  };
  const mix = (x, y) => {
    const value = Math.imul(0xca01f9dd, x) - Math.imul(0x4973f715, y);
    return (value ^ (value >>> 16)) >>> 0;
  };
  const pool = [0, 1, 2, 3].map((i) => hash(entropy[i] ?? 0));
  for (let source = 0; source < 4; source++) {
    for (let target = 0; target < 4; target++) {
      if (source !== target) pool[target] = mix(pool[target], hash(pool[source]));
    }
  }

  constant = 0x8b51f9dd;
  const words = Array.from({ length: 2 * count }, (_, i) => {
    let value = pool[i % 4] ^ constant;
    constant = Math.imul(constant, 0x58f38ded);
    value = Math.imul(value, constant);
    return BigInt((value ^ (value >>> 16)) >>> 0);
  });
  return Array.from({ length: count }, (_, i) => (words[2 * i + 1] << 32n) | words[2 * i]);
}
