// The clients, of which only the rows that can be seen are in the document.
import {colour, count, duration, element, set_text} from "./text.js";

const ROW_PX = 58;
const ROWS_BEYOND = 4;

export class ClientList {
  #box;
  #spacer;
  #rows = new Map();  // by index in the list
  #names = [];
  #clients;
  #selected;
  #choose;

  // `choose` is called with the name that was clicked.
  constructor(box, clients, choose) {
    this.#box = box;
    this.#clients = clients;
    this.#choose = choose;
    this.#spacer = element("div", "spacer", box);
    box.addEventListener("scroll", () => this.draw());
    new ResizeObserver(() => this.draw()).observe(box);
  }

  get names() {
    return this.#names;
  }

  show(filter, selected) {
    const wanted = filter.toLowerCase();
    this.#names = [...this.#clients.keys()].filter((name) => name.toLowerCase().includes(wanted));
    this.#selected = selected;
    this.#spacer.style.height = `${this.#names.length * ROW_PX}px`;
    this.draw();
  }

  reveal(name) {
    const top = this.#names.indexOf(name) * ROW_PX;
    const {scrollTop, clientHeight} = this.#box;
    if (top < scrollTop) this.#box.scrollTop = top;
    if (top + ROW_PX > scrollTop + clientHeight) this.#box.scrollTop = top + ROW_PX - clientHeight;
  }

  get rows_visible() {
    return Math.max(1, Math.floor(this.#box.clientHeight / ROW_PX));
  }

  draw() {
    const first = Math.max(0, Math.floor(this.#box.scrollTop / ROW_PX) - ROWS_BEYOND);
    const last = Math.min(this.#names.length, first + this.rows_visible + 2 * ROWS_BEYOND + 1);
    for (const [index, row] of this.#rows) {
      if (index >= first && index < last) continue;
      row.box.remove();
      this.#rows.delete(index);
    }
    const span = this.#time_span();
    for (let i = first; i < last; i++) this.#draw_row(i, span);
    const active = this.#rows.get(this.#names.indexOf(this.#selected));
    this.#box.setAttribute("aria-activedescendant", active?.box.id ?? "");
  }

  #new_row(index) {
    const box = element("div", "row", this.#spacer);
    box.id = `row-${index}`;
    box.setAttribute("role", "option");
    box.style.top = `${index * ROW_PX}px`;
    box.addEventListener("click", () => this.#choose(this.#names[index]));
    const row = {box, dot: element("i", "dot", box), name: element("b", "", box),
                 driver: element("span", "driver", box), facts: element("small", "", box),
                 strip: element("canvas", "strip", box)};
    this.#rows.set(index, row);
    return row;
  }

  #draw_row(index, span) {
    const row = this.#rows.get(index) ?? this.#new_row(index);
    const client = this.#clients.get(this.#names[index]);
    set_text(row.name, client.name);
    set_text(row.driver, client.driver);
    set_text(row.facts, `${count(client.snapshots.length, "snapshot")} · ` +
                        `decision ${duration(client.decision_ns)}`);
    const state = client.asked ? "asked" : client.connected ? "here" : "away";
    row.dot.className = `dot ${state}`;
    row.dot.title = {asked: "asked for a checkpoint", here: "connected", away: "away"}[state];
    row.box.setAttribute("aria-selected", client.name === this.#selected);
    row.box.classList.toggle("away", !client.connected);
    this.#draw_strip(row, client.snapshots, span);
  }

  // From the oldest snapshot of all clients to the latest.
  #time_span() {
    let first = Infinity, last = -Infinity;
    for (const {snapshots} of this.#clients.values()) {
      if (snapshots.length === 0) continue;
      first = Math.min(first, snapshots[0].time_ms);
      last = Math.max(last, snapshots.at(-1).time_ms);
    }
    return {first, length: Math.max(1, last - first)};
  }

  // When its snapshots were taken, all clients on one scale.
  #draw_strip(row, snapshots, span) {
    const key = `${snapshots.length} ${snapshots.at(-1)?.id} ${span.first} ${span.length}`;
    if (row.drawn === snapshots && row.key === key) return;
    Object.assign(row, {drawn: snapshots, key});
    const {strip} = row;
    const width = strip.clientWidth;
    strip.width = width * devicePixelRatio;
    strip.height = 8 * devicePixelRatio;
    const pen = strip.getContext("2d");
    pen.scale(devicePixelRatio, devicePixelRatio);
    const [plain, pinned] = [colour("accent"), colour("pinned")];
    for (const snapshot of snapshots) {
      pen.fillStyle = snapshot.pinned ? pinned : plain;
      pen.globalAlpha = snapshot.pinned ? 1 : 0.45;
      pen.fillRect((width - 2) * (snapshot.time_ms - span.first) / span.length, 0, 2, 8);
    }
  }

  // The colours have changed.
  redraw() {
    for (const row of this.#rows.values()) row.drawn = null;
    this.draw();
  }
}
