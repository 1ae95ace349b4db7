// Which tokens a search finds.

/** Returns the tokens that hold the text, whatever its case, or the one with that number. */
export function found_tokens(tokens: readonly { text: string }[], wanted: string): number[] {
  if (/^\d+$/.test(wanted) && Number(wanted) < tokens.length) return [Number(wanted)];
  const low = wanted.toLowerCase();
  return low === "" ? [] : tokens.flatMap(({ text }, index) => (text.toLowerCase().includes(low) ? [index] : []));
}
