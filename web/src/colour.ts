// Colours of what is drawn on a canvas: one hue for weights, one accent for what is below 0 or picked. Blue and orange are
// told apart by every kind of colour blindness, and depth follows lightness.
import { scaleLinear } from "d3-scale";
import { interpolateBlues } from "d3-scale-chromatic";

export interface Colours {
  dark: boolean;
  ink: string;
  soft: string;
  line: string;
  card: string;
  hue: string;
  accent: string;
  /** 256 steps from nothing to full, [256 * 3] bytes. */
  weight: Uint8ClampedArray;
  /** The same in grey, for sinks. */
  sink: Uint8ClampedArray;
  /** -1 to 1. */
  signed: (value: number) => string;
}

const dark_query = matchMedia("(prefers-color-scheme: dark)");
let colours: Colours | null = null;
let printing = false;

function ramp(stops: string[]): Uint8ClampedArray {
  const scale = scaleLinear<string>().domain(stops.map((_, i) => i / (stops.length - 1))).range(stops);
  const bytes = new Uint8ClampedArray(256 * 3);
  for (let i = 0; i < 256; ++i) bytes.set((scale(i / 255).match(/\d+/g) ?? []).slice(0, 3).map(Number), 3 * i);
  return bytes;
}

function made(): Colours {
  const style = getComputedStyle(document.documentElement);
  const named = (name: string): string => style.getPropertyValue(name).trim();
  const dark = is_dark();
  const card = named("--map");
  const [hue, accent] = [named("--hue"), named("--accent")];
  const blues = dark ? [interpolateBlues(0.82), interpolateBlues(0.5), interpolateBlues(0.14)] : [interpolateBlues(0.42), interpolateBlues(0.74), interpolateBlues(1)];
  return {
    dark,
    ink: named("--ink"),
    soft: named("--soft"),
    line: named("--line"),
    card,
    hue,
    accent,
    weight: ramp([card, ...blues]),
    sink: ramp(dark ? [card, "rgb(120,126,134)"] : [card, "rgb(168,166,160)"]),
    signed: scaleLinear<string>().domain([-1, 0, 1]).range([accent, card, hue]).clamp(true),
  };
}

export function is_dark(): boolean {
  const chosen = document.documentElement.dataset["theme"];
  return !printing && (chosen ? chosen === "dark" : dark_query.matches);
}

export function theme_colours(): Colours {
  colours ??= made();
  return colours;
}

/** Calls back when canvases must be drawn anew: another theme, or paper. */
export function on_theme(redraw: () => void): void {
  const renew = (): void => {
    colours = null;
    redraw();
  };
  dark_query.addEventListener("change", renew);
  document.addEventListener("fovea-theme", renew);
  const print = (on: boolean): void => {
    printing = on;
    document.documentElement.classList.toggle("printing", on);
    renew();
  };
  addEventListener("beforeprint", () => print(true));
  addEventListener("afterprint", () => print(false));
}
