// What is picked on the page: one store, and the link that brings it back.

export type Shade = "all" | "head" | "row";
export type Sort = "layer" | "portrait" | "entropy" | "sink";

export interface State {
  /** Which of the texts. */
  text: number;
  layer: number;
  head: number;
  /** The picked token: it looks, or in the column is looked at. */
  token: number;
  /** The token at the other end; null: the one with the most weight that is no sink. */
  other: number | null;
  column: boolean;
  step: string;
  /** The number of the vectors whose making is written out; null: the one that brings most. */
  dimension: number | null;
  temperature: number;
  dropped: readonly number[];
  unmasked: boolean;
  what_if: boolean;
  table: boolean;
  sort: Sort;
  kind: string | null;
  shade: Shade;
  log: boolean;
  sinks: boolean;
}

export type Change = Partial<State>;
export type Listener = (state: State, changed: ReadonlySet<keyof State>) => void;

interface Field<K extends keyof State> {
  key: K;
  name: string;
  read: (text: string) => State[K] | undefined;
  write: (value: State[K]) => string;
}

function whole(text: string): number | undefined {
  return /^\d{1,9}$/.test(text) ? Number(text) : undefined;
}

function number_field<K extends keyof State>(key: K, name: string): Field<K> {
  return { key, name, read: (text) => whole(text) as State[K] | undefined, write: String };
}

function flag_field<K extends keyof State>(key: K, name: string): Field<K> {
  return {
    key,
    name,
    read: (text) => (text === "1" ? true : text === "0" ? false : undefined) as State[K] | undefined,
    write: (value) => (value ? "1" : "0"),
  };
}

function one_of<K extends keyof State>(key: K, name: string, values: readonly string[]): Field<K> {
  return { key, name, read: (text) => (values.includes(text) ? (text as State[K]) : undefined), write: String };
}

function read_temperature(text: string): number | undefined {
  const value = Number(text);
  return value >= 0.1 && value <= 10 ? value : undefined;
}

function read_dropped(text: string): number[] | undefined {
  const keys = text.split(",").map(whole);
  return keys.every((key) => key !== undefined) ? [...new Set(keys as number[])] : undefined;
}

/** In the order in which they stand in a link. */
const fields = [
  number_field("text", "t"),
  number_field("layer", "l"),
  number_field("head", "h"),
  number_field("token", "i"),
  number_field("other", "j"),
  flag_field("column", "c"),
  { key: "step", name: "s", read: (text: string) => (/^[a-z]{1,12}$/.test(text) ? text : undefined), write: String },
  number_field("dimension", "d"),
  flag_field("what_if", "w"),
  { key: "temperature", name: "T", read: read_temperature, write: String },
  { key: "dropped", name: "x", read: read_dropped, write: (value: readonly number[]) => value.join(",") },
  flag_field("unmasked", "m"),
  flag_field("table", "table"),
  one_of("sort", "sort", ["layer", "portrait", "entropy", "sink"]),
  {
    key: "kind",
    name: "kind",
    read: (text: string) => (/^[a-z -]{1,40}$/.test(text) ? text : undefined),
    write: String,
  },
  one_of("shade", "shade", ["all", "head", "row"]),
  flag_field("log", "log"),
  flag_field("sinks", "sinks"),
] as unknown as Field<keyof State>[];

/** What always stands in a link, so that it can be read and changed by hand. */
const always: ReadonlySet<keyof State> = new Set<keyof State>(["layer", "head", "token"]);

function is_same(a: unknown, b: unknown): boolean {
  return a === b || (Array.isArray(a) && Array.isArray(b) && a.join() === b.join());
}

/** "l=5&h=3&i=17": what differs from where the page begins. */
export function link_of(state: State, start: State): string {
  return fields
    .filter(({ key }) => always.has(key) || (state[key] !== null && !is_same(state[key], start[key])))
    .map(({ key, name, write }) => `${name}=${encodeURIComponent(write(state[key])).replace(/%2C/g, ",").replace(/%20/g, "+")}`)
    .join("&");
}

/** Returns what a link says; what it says wrongly is left out. */
export function change_of(link: string): Change {
  const said = new URLSearchParams(link.replace(/^#/, ""));
  const change: Record<string, unknown> = {};
  for (const { key, name, read } of fields) {
    const text = said.get(name);
    const value = text === null ? undefined : read(text);
    if (value !== undefined) change[key] = value;
  }
  return change as Change;
}

/** The state, and who is told when it changes. */
export class Store {
  private current: State;
  private readonly listeners: Listener[] = [];
  private readonly within: (state: State) => State;

  /** `within` makes of a state one that the page can show. */
  constructor(readonly start: State, within: (state: State) => State) {
    this.within = within;
    this.current = within(start);
  }

  get state(): Readonly<State> {
    return this.current;
  }

  listen(listener: Listener): void {
    this.listeners.push(listener);
  }

  change(change: Change): void {
    const next = this.within({ ...this.current, ...change });
    const keys = Object.keys(next) as (keyof State)[];
    const changed = new Set(keys.filter((key) => !is_same(next[key], this.current[key])));
    if (changed.size === 0) return;
    this.current = next;
    for (const listener of this.listeners) listener(next, changed);
  }
}
