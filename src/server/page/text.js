// Figures as a person reads them.

const clock = new Intl.DateTimeFormat(undefined, {timeStyle: "medium"});
const clock_short = new Intl.DateTimeFormat(undefined, {timeStyle: "short"});

export const time_of = (time_ms) => clock.format(time_ms);
export const time_of_short = (time_ms) => clock_short.format(time_ms);

const digits = (value) => value >= 100 ? value.toFixed(0) : value.toPrecision(3);

export function duration(ns) {
  if (!ns) return "–";
  if (ns < 1e3) return `${digits(ns)} ns`;
  if (ns < 1e6) return `${digits(ns / 1e3)} µs`;
  if (ns < 1e9) return `${digits(ns / 1e6)} ms`;
  return `${digits(ns / 1e9)} s`;
}

export function size(bytes) {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let unit = 0;
  for (; bytes >= 1024 && unit < units.length - 1; unit++) bytes /= 1024;
  return unit === 0 ? `${bytes} B` : `${digits(bytes)} ${units[unit]}`;
}

export const count = (value, noun) =>
  `${value.toLocaleString()} ${noun}${value === 1 ? "" : "s"}`;

// Sets the text only where it differs: what is on the screen anyway costs nothing.
export function set_text(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

export function element(tag, class_name, parent) {
  const made = document.createElement(tag);
  if (class_name) made.className = class_name;
  parent?.append(made);
  return made;
}

// A variable of page.css, kept until the colours change.
const colours = new Map();
export const forget_colours = () => colours.clear();
export function colour(name) {
  if (!colours.has(name)) {
    const style = getComputedStyle(document.documentElement);
    colours.set(name, style.getPropertyValue(`--${name}`).trim());
  }
  return colours.get(name);
}
