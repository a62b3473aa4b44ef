// The snapshots of one client as a tree along time. One canvas as large as what can be seen.
import {colour, element, time_of, time_of_short} from "./text.js";
import {place} from "./tree.js";

const LANE_PX = 26;
const TOP_PX = 20;
const BOTTOM_PX = 26;
const HEIGHT_PX_MAX = 300;
const BAR_PX = 20;  // room for a scroll bar
const STEP_PX = [4, 8, 14, 22, 34, 56, 90];  // of a column, by zoom
const LABEL_PX = 80;

export class Timeline {
  #box;
  #canvas;
  #spacer;
  #client = {snapshots: []};
  #tree = place([]);
  #drawn_snapshots;
  #drawn_name;
  #selected = null;
  #zoom = 3;

  // `choose` is called with the id that was clicked.
  constructor(box, choose) {
    this.#box = box;
    this.#canvas = element("canvas", "", box);
    this.#spacer = element("div", "spacer", box);
    box.addEventListener("scroll", () => this.draw());
    this.#canvas.addEventListener("click", (event) => {
      const id = this.#at(event.offsetX, event.offsetY);
      if (id) choose(id);
    });
    new ResizeObserver(() => this.#lay_out(true)).observe(box);
  }

  show(client, selected) {
    const is_new = client.name !== this.#drawn_name;
    const box = this.#box;
    const at_end = is_new || box.scrollLeft + box.clientWidth >= box.scrollWidth - 2;
    this.#client = client;
    this.#selected = selected;
    if (client.snapshots !== this.#drawn_snapshots) {
      this.#drawn_snapshots = client.snapshots;
      this.#drawn_name = client.name;
      this.#tree = place(client.snapshots);
      this.#lay_out(at_end);
    } else {
      this.draw();
    }
  }

  zoom(by) {
    const step = STEP_PX[this.#zoom];
    const centre = (this.#box.scrollLeft + this.#box.clientWidth / 2) / step;
    this.#zoom = Math.min(STEP_PX.length - 1, Math.max(0, this.#zoom + by));
    this.#lay_out(false);
    this.#box.scrollLeft = centre * STEP_PX[this.#zoom] - this.#box.clientWidth / 2;
  }

  reveal(id) {
    const column = this.#client.snapshots.findIndex((snapshot) => snapshot.id === id);
    if (column < 0) return;
    const [x, y] = [this.#x(column), this.#y(column)];
    const {scrollLeft, scrollTop, clientWidth, clientHeight} = this.#box;
    if (x < scrollLeft + LABEL_PX / 2 || x > scrollLeft + clientWidth - LABEL_PX / 2)
      this.#box.scrollLeft = x - clientWidth / 2;
    if (y < scrollTop + TOP_PX / 2 || y > scrollTop + clientHeight - 2 * BOTTOM_PX)
      this.#box.scrollTop = y - clientHeight / 2;
  }

  #x(column) {
    return LABEL_PX / 2 + column * STEP_PX[this.#zoom];
  }
  #y(column) {
    return TOP_PX + this.#tree.lanes[column] * LANE_PX;
  }

  #lay_out(at_end) {
    const box = this.#box;
    const high = TOP_PX + this.#tree.lane_count * LANE_PX + BOTTOM_PX;
    box.style.height = `${Math.min(HEIGHT_PX_MAX, high) + BAR_PX}px`;
    this.#spacer.style.width = `${this.#x(this.#client.snapshots.length - 1) + LABEL_PX / 2}px`;
    this.#spacer.style.height = `${high}px`;
    this.#canvas.width = box.clientWidth * devicePixelRatio;
    this.#canvas.height = box.clientHeight * devicePixelRatio;
    this.#canvas.style.width = `${box.clientWidth}px`;
    this.#canvas.style.height = `${box.clientHeight}px`;
    if (at_end) box.scrollLeft = box.scrollWidth;
    this.draw();
  }

  #at(x, y) {
    const column = Math.round((x + this.#box.scrollLeft - LABEL_PX / 2) / STEP_PX[this.#zoom]);
    const snapshot = this.#client.snapshots[column];
    if (!snapshot) return null;
    const off = Math.abs(y + this.#box.scrollTop - this.#y(column));
    return off < LANE_PX / 2 ? snapshot.id : null;
  }

  draw() {
    const {scrollLeft, scrollTop, clientWidth, clientHeight} = this.#box;
    const pen = this.#canvas.getContext("2d");
    pen.setTransform(devicePixelRatio, 0, 0, devicePixelRatio, 0, 0);
    pen.clearRect(0, 0, clientWidth, clientHeight);
    pen.translate(-scrollLeft, -scrollTop);
    const step = STEP_PX[this.#zoom];
    const first = Math.max(0, Math.floor((scrollLeft - LABEL_PX) / step));
    const last = Math.min(this.#client.snapshots.length - 1,
                          Math.ceil((scrollLeft + clientWidth) / step));
    this.#draw_lines(pen, first, last);
    for (let i = first; i <= last; i++) this.#draw_node(pen, i, Math.min(5.5, step / 2.6));
    pen.translate(0, scrollTop);
    this.#draw_times(pen, first, last, clientHeight);
  }

  #draw_lines(pen, first, last) {
    const {parents} = this.#tree;
    pen.strokeStyle = colour("line");
    pen.lineWidth = 1.5;
    pen.beginPath();
    for (let i = first; i < parents.length; i++) {
      const parent = parents[i];
      if (parent < 0 || parent > last) continue;
      const [x, y, from_x, from_y] = [this.#x(i), this.#y(i), this.#x(parent), this.#y(parent)];
      pen.moveTo(from_x, from_y);
      if (y !== from_y) {
        const bend = from_x + Math.min(STEP_PX[this.#zoom], 22);
        pen.bezierCurveTo(bend, from_y, from_x, y, bend, y);
      }
      pen.lineTo(x, y);
    }
    pen.stroke();
  }

  #draw_node(pen, i, radius) {
    const snapshot = this.#client.snapshots[i];
    const [x, y] = [this.#x(i), this.#y(i)];
    const ring = (name, distance, width) => {
      pen.strokeStyle = colour(name);
      pen.lineWidth = width;
      pen.beginPath();
      pen.arc(x, y, radius + distance, 0, 2 * Math.PI);
      pen.stroke();
    };
    pen.fillStyle = colour(snapshot.id === this.#client.current ? "current"
                           : snapshot.pinned ? "pinned" : "accent");
    pen.beginPath();
    if (snapshot.pinned) {
      pen.rect(x - radius, y - radius, 2 * radius, 2 * radius);
    } else {
      pen.arc(x, y, radius, 0, 2 * Math.PI);
    }
    pen.fill();
    if (snapshot.id === this.#client.goal) ring("goal", 3, 2);
    if (snapshot.id === this.#selected) ring("text", 6, 2);
  }

  #draw_times(pen, first, last, height) {
    const every = Math.ceil(LABEL_PX / STEP_PX[this.#zoom]);
    pen.fillStyle = colour("panel");
    pen.fillRect(this.#box.scrollLeft, height - BOTTOM_PX + 6, this.#box.clientWidth, BOTTOM_PX);
    pen.fillStyle = colour("dim");
    pen.font = "11px system-ui, sans-serif";
    pen.textAlign = "center";
    const narrow = this.#box.clientWidth < 500;
    for (let i = first - first % every; i <= last; i += every) {
      const {time_ms} = this.#client.snapshots[i];
      pen.fillText(narrow ? time_of_short(time_ms) : time_of(time_ms), this.#x(i), height - 6);
    }
  }
}
