// Elements. Text goes in as text only, never as HTML.
import { shown_token } from "./shown_text.ts";

export type Child = Node | string | null;
type Attributes = Record<string, string | number | boolean | null>;

function set_attributes(element: Element, attributes: Attributes): void {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === false) element.removeAttribute(name);
    else element.setAttribute(name, value === true ? "" : String(value));
  }
}

/** el("p.note", {id: "a"}, "text", child) */
export function el<K extends keyof HTMLElementTagNameMap>(
  tag: K | `${K}.${string}`,
  attributes: Attributes = {},
  ...children: Child[]
): HTMLElementTagNameMap[K] {
  const [name, ...classes] = tag.split(".") as [K, ...string[]];
  const element = document.createElement(name);
  if (classes.length > 0) element.className = classes.join(" ");
  set_attributes(element, attributes);
  element.append(...children.filter((child) => child !== null));
  return element;
}

export function svg<K extends keyof SVGElementTagNameMap>(
  tag: K,
  attributes: Attributes = {},
  ...children: Child[]
): SVGElementTagNameMap[K] {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  set_attributes(element, attributes);
  element.append(...children.filter((child) => child !== null));
  return element;
}

/** Replaces what stands in an element. */
export function fill(element: Element, ...children: Child[]): void {
  element.replaceChildren(...children.filter((child) => child !== null));
}

/** A token's text in a sentence: set apart, and its direction kept inside. */
export function token_mark(text: string): HTMLElement {
  return el("bdi.token-mark", {}, shown_token(text));
}

export function button(label: string, attributes: Attributes, on_click: () => void): HTMLButtonElement {
  const made = el("button", { type: "button", ...attributes }, label);
  made.addEventListener("click", on_click);
  return made;
}

/** Buttons of which one is pressed. */
export function choice<T extends string>(
  control: string,
  label: string,
  options: readonly (readonly [T, string])[],
  on_pick: (value: T) => void,
): { root: HTMLElement; show: (value: T) => void } {
  const buttons = options.map(([value, text]) =>
    button(text, { "data-value": value, "aria-pressed": "false" }, () => on_pick(value)),
  );
  const root = el("div.choice", { role: "group", "aria-label": label, "data-control": control }, ...buttons);
  const show = (value: T): void => {
    buttons.forEach((one) => one.setAttribute("aria-pressed", String(one.dataset["value"] === value)));
  };
  return { root, show };
}

/** A button that is pressed or not. */
export function toggle(label: string, control: string, on_toggle: () => void): {
  root: HTMLButtonElement;
  show: (on: boolean) => void;
} {
  const root = button(label, { "data-control": control, "aria-pressed": "false", class: "toggle" }, on_toggle);
  return { root, show: (on) => root.setAttribute("aria-pressed", String(on)) };
}
