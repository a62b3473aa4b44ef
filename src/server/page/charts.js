// The curves of the selected client, drawn by uPlot, which the build takes from npm. Without it
// there are none, and the page says so.
import {colour, element} from "./text.js";

const HEIGHT_PX = 220;
const REDRAW_MS_MIN = 200;

const axis = (side, scale) => ({
  side, scale, size: side === 2 ? 40 : 50, stroke: () => colour("dim"), gap: 4,
  grid: {show: side !== 1, stroke: () => colour("grid"), width: 1},
  ticks: {show: false}, font: "11px system-ui, sans-serif",
});

const line = (label, scale, name) => ({
  label, scale, spanGaps: true, width: 1.5, stroke: () => colour(name),
  points: {show: ({data}) => data[0].length < 3, size: 5, fill: () => colour(name)},
});

const dots = (label, scale, name) => ({
  ...line(label, scale, name), paths: () => null,
  points: {show: true, size: 4, fill: () => colour(name)},
});

// One point alone has no range: some seconds around it.
const time_range = ({data}, first, last) =>
  data[0].length === 1 ? [data[0][0] - 5, data[0][0] + 5] : [first, last];

// What is drawn where: the columns of a client's data, and how.
const CHARTS = [
  {id: "curve",
   data: ({curve}) => [0, 1, 2].map((k) => curve.map((at) => k === 0 ? at[0] / 1e3 : at[k])),
   series: [line("score", "score", "accent"), line("loss", "loss", "current")],
   axes: [axis(3, "score"), axis(1, "loss")]},
  {id: "decision",
   data: ({curve}) => {
     const told = curve.filter((at) => at[3] !== null);
     return [told.map((at) => at[0] / 1e3), told.map((at) => at[3] / 1e3)];
   },
   series: [line("µs", "y", "accent")], axes: [axis(3, "y")]},
  {id: "cost",
   data: ({snapshots}) => [snapshots.map((at) => at.time_ms / 1e3),
                           snapshots.map((at) => at.take_ns / 1e6)],
   series: [dots("ms", "y", "pinned")], axes: [axis(3, "y")]},
];

export class Charts {
  #uplot = null;
  #charts = [];
  #client = null;
  #drawn_ms = 0;
  #timer = 0;

  // Whether there are any.
  async load() {
    try {
      this.#uplot = (await import("./uplot.js")).default;
    } catch {
      return false;
    }
    const sheet = element("link", "", document.head);
    Object.assign(sheet, {rel: "stylesheet", href: "uplot.css"});
    this.redraw();
    return true;
  }

  #make({id, data, series, axes}) {
    const box = document.getElementById(id);
    const plot = new this.#uplot({
      width: Math.max(box.clientWidth, 200), height: HEIGHT_PX, scales: {x: {range: time_range}},
      series: [{}, ...series], axes: [axis(2, "x"), ...axes],
      legend: {live: true}, cursor: {drag: {setScale: false}},
    }, data({curve: [], snapshots: []}), box);
    const observer = new ResizeObserver(() => {
      if (box.clientWidth > 0) plot.setSize({width: box.clientWidth, height: HEIGHT_PX});
    });
    observer.observe(box);
    this.#charts.push({plot, data, observer});
  }

  // At once for another client, else a few times a second.
  show(client) {
    const is_new = client !== this.#client;
    this.#client = client;
    if (is_new || performance.now() - this.#drawn_ms > REDRAW_MS_MIN) return this.#draw();
    this.#timer ||= setTimeout(() => this.#draw(), REDRAW_MS_MIN);
  }

  #draw() {
    clearTimeout(this.#timer);
    this.#timer = 0;
    this.#drawn_ms = performance.now();
    for (const {plot, data} of this.#charts) plot.setData(data(this.#client));
  }

  // The colours have changed; those of the legends are set once.
  redraw() {
    for (const {plot, observer} of this.#charts.splice(0)) {
      observer.disconnect();
      plot.destroy();
    }
    if (!this.#uplot) return;
    for (const chart of CHARTS) this.#make(chart);
    if (this.#client) this.#draw();
  }
}
