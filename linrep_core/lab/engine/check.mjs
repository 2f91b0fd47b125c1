// Checks of a configuration: every complaint is a RangeError that names the field, the value and what would be right.

/** @returns {never} */
export function refuse(field, wanted, value) {
  const error = new RangeError(`${field} must be ${wanted}, got ${shown(value)}`);
  error.field = field;
  throw error;
}

export function checkInteger(field, value, low, high = Number.MAX_SAFE_INTEGER) {
  if (!Number.isSafeInteger(value) || value < low || value > high) {
    const range = high === Number.MAX_SAFE_INTEGER ? `${low} upwards` : `${low} to ${high}`;
    refuse(field, `a whole number from ${range}`, value);
  }
  return value;
}

export function checkNumber(field, value, low, high, { open = false } = {}) {
  const inside = open ? value > low && value < high : value >= low && value <= high;
  if (typeof value !== "number" || !Number.isFinite(value) || !inside) {
    const above = `${open ? "above" : "from"} ${low}`;
    const between = `${open ? "strictly " : ""}between ${low} and ${high}`;
    refuse(field, `a number ${high === Infinity ? above : between}`, value);
  }
  return value;
}

export function checkChoice(field, value, choices) {
  if (!choices.includes(value)) refuse(field, `one of ${choices.join(", ")}`, value);
  return value;
}

/** A Float64Array of the given length with finite entries. */
export function checkTable(field, values, length) {
  if (!Array.isArray(values) && !ArrayBuffer.isView(values)) refuse(field, `a list of ${length} numbers`, values);
  if (values.length !== length) refuse(field, `a list of ${length} numbers`, `${values.length} of them`);
  const table = new Float64Array(length);
  for (let i = 0; i < length; i++) {
    if (typeof values[i] !== "number" || !Number.isFinite(values[i])) refuse(field, "finite numbers", values[i]);
    table[i] = values[i];
  }
  return table;
}

/** A value as it may stand in a message: short, and never more than text. */
function shown(value) {
  let text;
  try {
    text = typeof value === "number" || value === undefined ? String(value) : JSON.stringify(value);
  } catch {
    text = undefined;
  }
  text ??= typeof value;
  return text.length > 60 ? `${text.slice(0, 60)}...` : text;
}
