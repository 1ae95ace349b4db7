// Text from outside as it is shown: nothing invisible, nothing that turns the line around.

/** Controls, zero-width and bidirectional characters, separators, tags and variation selectors: all that a reader cannot see
 *  or that acts on its neighbours. */
const unseen = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Co}\p{Cs}\u00a0\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u3164\ufe00-\ufe0f\uffa0\u{e0100}-\u{e01ef}]/gu;

function escape_of(character: string): string {
  if (character === "\n") return "↵";
  if (character === "\t") return "⇥";
  return `⟨U+${character.codePointAt(0)!.toString(16).toUpperCase().padStart(4, "0")}⟩`;
}

/** Running text: with escapes for what cannot be seen. */
export function shown_text(text: string): string {
  return text.replace(unseen, escape_of);
}

const longest = 48;
/** A space, or bytes that the program has named, as ⟨F0 9F⟩: those stay. */
const space = / |⟨[0-9A-F]{2}(?: [0-9A-F]{2})*⟩/g;

/** A token: its spaces are shown too, and what is very long is cut. */
export function shown_token(text: string): string {
  if (text === "") return "∅";
  const characters = Array.from(text);
  const cut = characters.length > longest ? `${characters.slice(0, longest).join("")}…` : text;
  return shown_text(cut).replace(space, (found) => (found === " " ? "␣" : found));
}
