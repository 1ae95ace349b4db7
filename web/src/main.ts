// Reads the page's data, makes its parts, and tells them when what is picked changes.
import "./style/theme.css";
import "./style/base.css";
import "./style/controls.css";
import "./style/tokens.css";
import "./style/heads.css";
import "./style/bars.css";
import "./style/notebook.css";
import "./style/compare.css";
import "./style/print.css";
import { first_state, within } from "./begin.ts";
import { on_theme } from "./colour.ts";
import { Numbers } from "./decode.ts";
import { el } from "./dom.ts";
import { redraw_all } from "./drawing.ts";
import { listen_to_keys } from "./keyboard.ts";
import { OpenText, type Page, type View } from "./page.ts";
import { change_of, link_of, Store } from "./state.ts";
import { show_terms } from "./terms.ts";
import { Updates } from "./updates.ts";
import { help_dialog } from "./views/help.ts";
import { parts, type Part, type Place } from "./views.ts";
import type { PageData } from "./data.ts";

function text_in(id: string): string {
  const element = document.getElementById(id);
  if (!element) throw new Error(`page: there is no ${id}`);
  return element.textContent ?? "";
}

function read_page(): Page {
  const data = JSON.parse(text_in("fovea-data")) as PageData;
  const numbers = new Numbers(text_in("fovea-numbers"));
  const texts = data.texts.map((text) => new OpenText(text, numbers));
  return { data, texts, store: new Store(first_state(data, texts), within(texts)) };
}

type Places = Record<Place, HTMLElement>;

/** Puts the parts in their places; what is there already is not moved. */
function arrange(page: Page, places: Places, made: readonly { part: Part; view: View }[]): void {
  for (const [name, place] of Object.entries(places)) {
    const roots = made.filter(({ part }) => part.place(page) === name).map(({ view }) => view.root);
    if (roots.length !== place.children.length || roots.some((root, i) => place.children[i] !== root)) place.replaceChildren(...roots);
  }
}

/** Makes the parts, and keeps them in their places. */
function lay_out(page: Page, open_help: () => void): Updates {
  const places: Places = { above: el("div.above"), left: el("div.left"), right: el("div.right"), below: el("div.below") };
  const made = parts.filter((part) => part.applies?.(page) ?? true).map((part) => ({ part, view: part.make(page, open_help) }));
  arrange(page, places, made);
  const columns = el("div.columns", {}, places.left, places.right);
  keep_in_sight(places.left);
  keep_in_sight(places.right);
  columns.style.setProperty("--left", `${left_width(page)}px`);
  document.getElementById("page")!.replaceChildren(places.above, el("main", {}, columns), places.below);
  const views = (waits: boolean): View[] => made.filter(({ part }) => (part.waits ?? false) === waits).map(({ view }) => view);
  return new Updates(views(false), [...views(true), { root: columns, update: () => arrange(page, places, made) }]);
}

/** Wide enough for the heads of a layer, side by side. */
function left_width(page: Page): number {
  const { heads: all, model } = page.texts[0]!.data;
  const [heads, layers] = [new Set(all.map(({ head }) => head)).size, model.layers];
  return Math.max(300, Math.min(440, 66 + heads * (layers > 12 ? 30 : 32)));
}

/** The shorter column stays in sight beside the longer one. */
function keep_in_sight(column: HTMLElement): void {
  const place = (): void => column.style.setProperty("top", `${Math.min(16, innerHeight - column.offsetHeight - 16)}px`);
  new ResizeObserver(place).observe(column);
  addEventListener("resize", place);
}

function keep_link(page: Page, updates: Updates): void {
  let waiting = 0;
  page.store.listen((state) => {
    clearTimeout(waiting);
    waiting = window.setTimeout(() => history.replaceState(null, "", `#${link_of(state, page.store.start)}`), 60);
  });
  addEventListener("hashchange", () => {
    page.store.change({ ...page.store.start, ...change_of(location.hash) });
    updates.finish();
  });
}

function begin(): void {
  const page = read_page();
  page.store.change(change_of(location.hash));
  const help = help_dialog();
  const updates = lay_out(page, help.open);
  document.body.append(help.root);
  page.store.listen((_state, changed) => updates.show(changed));
  addEventListener("beforeprint", () => updates.finish());
  on_theme(redraw_all);
  keep_link(page, updates);
  listen_to_keys(page, help.open);
  show_terms();
  updates.show(new Set(Object.keys(page.store.state)));
  updates.finish();
}

begin();
