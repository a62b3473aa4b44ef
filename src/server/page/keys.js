// The keys of the page, and the table that `?` shows: one list for both.
import {element} from "./text.js";

// `keys`: [[names of the key, what it does, action], ...]
export function bind(keys, table) {
  const actions = new Map();
  for (const [names, meaning, action] of keys) {
    const row = element("tr", "", table);
    const cell = element("td", "", row);
    for (const name of names) {
      element("kbd", "", cell).textContent = name;
      actions.set(name, action);
    }
    element("td", "", row).textContent = meaning;
  }
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.altKey || event.metaKey) return;
    if (document.querySelector("dialog[open]")) return;
    if (event.target instanceof HTMLInputElement && !["Escape", "Enter"].includes(event.key)) return;
    const action = actions.get(NAMES[event.key] ?? event.key);
    if (!action) return;
    event.preventDefault();
    action();
  });
}

const NAMES = {ArrowUp: "↑", ArrowDown: "↓", ArrowLeft: "←", ArrowRight: "→", Escape: "Esc"};
