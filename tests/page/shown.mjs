// Numbers as they stand on the screen: what they say, and how exactly.
import assert from "node:assert/strict";

/**
 * The number that a text shows, and the most that rounding to its digits can have moved it: "0.894" is 0.894 and 0.0005,
 * "93 %" is 0.93 and 0.005, "9.4e-5" is 0.000094 and 0.0000005.
 */
export function numberIn(text) {
  const found = text.trim().replace(/[\u2212\u2013]/g, "-").match(/^(-?)(\d+)(?:\.(\d+))?(?:e([+-]?\d+))?\s*(%?)$/);
  assert.ok(found, `'${text}' is not a number`);
  const [, minus, whole, fraction = "", exponent = "0", percent] = found;
  const unit = 10 ** (Number(exponent) - fraction.length - (percent ? 2 : 0));
  const digits = Number(whole + fraction);
  return { value: (minus ? -1 : 1) * digits * unit, half: unit / 2 };
}

/** Fails unless `text` shows `exact` to every digit; `error` is how far the page's own number may be from it. */
export function assertShows(text, exact, what, error = 0) {
  const { value, half } = numberIn(text);
  const tolerance = half * (1 + 1e-9) + error;
  assert.ok(Math.abs(value - exact) <= tolerance, `${what}: the screen shows ${text}, it is ${exact}`);
}
