// How numbers are written on the page.

const grouped = new Intl.NumberFormat("en-GB");
const SUPERSCRIPT = { "-": "⁻", 0: "⁰", 1: "¹", 2: "²", 3: "³", 4: "⁴", 5: "⁵", 6: "⁶", 7: "⁷", 8: "⁸", 9: "⁹" };

/** 1240 -> "1,240" */
export const count = (value) => grouped.format(value);

/** 0.98765 -> "0.99"; a cosine that there is none of -> "–" */
export const cosine = (value) => (Number.isFinite(value) ? value.toFixed(2).replace(/^-0\.00$/, "0.00").replace("-", "−") : "–");

/** 10^exponent as people write it: 0.01, 1, 100, 10⁻⁴ */
export function power(exponent) {
  if (exponent >= -2 && exponent <= 3) return count(10 ** exponent);
  return `10${[...String(exponent)].map((digit) => SUPERSCRIPT[digit]).join("")}`;
}

/** Two significant digits, small ones as a power of ten: 0.0031, 2.4·10⁻⁶ */
export function short(value) {
  if (!Number.isFinite(value)) return "–";
  const size = Math.abs(value);
  if (size === 0) return "0";
  if (size >= 100) return count(Math.round(value));
  if (size >= 1e-4) return String(Number(value.toPrecision(2))).replace("-", "−");
  const exponent = Math.floor(Math.log10(size));
  return `${(value / 10 ** exponent).toFixed(1).replace("-", "−")}·${power(exponent)}`;
}
