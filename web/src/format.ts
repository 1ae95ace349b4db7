// How numbers are written, each kind in one place.

const minus = "−";

function signed(text: string): string {
  return text.replace("-", minus);
}

function scientific(value: number, digits: number): string {
  const [mantissa, exponent] = value.toExponential(digits).split("e") as [string, string];
  return `${mantissa}e${signed(String(Number(exponent)))}`;
}

/** A weight, as it stands on a bar, in a table and at the end of a sum. */
export function weight_text(weight: number): string {
  if (!Number.isFinite(weight)) return "not a number";
  if (weight === 0) return "0";
  return weight >= 0.0005 ? weight.toFixed(3) : scientific(weight, 1);
}

/** A score or another number of no bound, with `digits` after the point, or four that count. */
export function number_text(value: number, digits = 3): string {
  if (Number.isNaN(value)) return "not a number";
  if (!Number.isFinite(value)) return value > 0 ? "∞" : `${minus}∞`;
  if (value !== 0 && Math.abs(value) < 10 ** -digits / 2) return signed(scientific(value, 1));
  if (Math.abs(value) >= 1e6) return signed(scientific(value, 3));
  return signed(value.toFixed(digits));
}

/** What a number says that is written in one of these ways. */
export function written_number(text: string): number {
  const plain = text.replaceAll(minus, "-").replace("∞", "Infinity");
  return plain === "not a number" ? NaN : Number(plain);
}

/** Nobody follows more digits than these. */
const most_digits = 9;

/** The digits after the point with which a result comes out as it is written, for whoever makes it from the numbers as they are
 *  written: from `least` on the first that will do, and `least` where none does. */
export function digits_for(least: number, comes_out: (digits: number) => boolean): number {
  for (let digits = least; digits <= most_digits; ++digits) if (comes_out(digits)) return digits;
  return least;
}

/** "93 %", and never 100 % or 0 % of what is not all or nothing. */
export function percent_text(share: number): string {
  const percent = share * 100;
  const size = Math.abs(percent);
  if (size === 0 || size >= 100) return `${signed(percent.toFixed(0))} %`;
  if (size < 0.05) return percent > 0 ? "under 0.1 %" : "about 0 %";
  if (size >= 99.95) return percent > 0 ? "over 99.9 %" : "about −100 %";
  return `${signed(percent.toFixed(size < 1 || size >= 99.5 ? 1 : 0))} %`;
}

/** A difference that is near 0: "1.2e−7". */
export function small_text(value: number): string {
  return value === 0 ? "0" : scientific(value, 1);
}

/** "as if 1.6 tokens" */
export function entropy_words(nats: number): string {
  const tokens = Math.exp(nats);
  return `as if ${tokens < 9.95 ? tokens.toFixed(1) : tokens.toFixed(0)} tokens`;
}

/** "1 token", "504 tokens" */
export function count_text(count: number, one: string, after = ""): string {
  return `${count.toLocaleString("en")} ${one}${count === 1 ? "" : "s"}${after}`;
}
