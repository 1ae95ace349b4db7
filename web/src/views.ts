// The parts of the page, in their order, and where each stands.
import { compare_view } from "./views/compare.ts";
import { header_view } from "./views/header.ts";
import { heads_view } from "./views/heads.ts";
import { honest_view } from "./views/honest.ts";
import { notebook_view } from "./views/notebook.ts";
import { portrait_view } from "./views/portrait.ts";
import { row_view } from "./views/row.ts";
import { status_view } from "./views/status.ts";
import { table_view } from "./views/table.ts";
import { tokens_view } from "./views/tokens.ts";
import { what_if_view } from "./views/what_if.ts";
import type { Page, View } from "./page.ts";
import { text_of } from "./selection.ts";

/** Above the two columns, in the left or the right one, or below. */
export type Place = "above" | "left" | "right" | "below";

export interface Part {
  place: (page: Page) => Place;
  make: (page: Page, open_help: () => void) => View;
  /** Left out where the page has nothing for it. */
  applies?: (page: Page) => boolean;
  /** Follows a pick after the paint that shows it. */
  waits?: boolean;
}

function always(place: Place): () => Place {
  return () => place;
}

/** Few layers leave room below the heads. */
function beside(page: Page): Place {
  return new Set(page.texts[0]!.data.heads.map(({ layer }) => layer)).size <= 16 ? "left" : "right";
}

/** Of a head that cannot be opened there is nothing but its portrait to show. */
function main_if_closed(page: Page): Place {
  const { layer, head } = page.store.state;
  return text_of(page).is_kept(layer, head) ? "left" : "right";
}

/** A new view is a file and a line here. */
export const parts: readonly Part[] = [
  { place: always("above"), make: header_view },
  { place: always("above"), make: compare_view, applies: (page) => page.data.comparison !== null },
  { place: always("above"), make: tokens_view },
  { place: always("left"), make: heads_view },
  { place: main_if_closed, make: portrait_view, waits: true },
  { place: always("right"), make: row_view },
  { place: always("right"), make: table_view, waits: true },
  { place: always("right"), make: notebook_view, waits: true },
  { place: beside, make: what_if_view, waits: true },
  { place: always("below"), make: honest_view, waits: true },
  { place: always("below"), make: status_view },
];
