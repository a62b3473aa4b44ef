// Puts the parts of the page together: what is selected, what the keys and buttons do.
import {Charts} from "./charts.js";
import {ClientList} from "./client_list.js";
import {bind} from "./keys.js";
import {changed, clients, command, connect, link, on_change} from "./state.js";
import {count, duration, element, forget_colours, set_text, size, time_of} from "./text.js";
import {Timeline} from "./timeline.js";

const SAID_MS = 6000;

const at = (id) => document.getElementById(id);
const list = new ClientList(at("clients"), clients, choose_client);
const timeline = new Timeline(at("timeline"), choose_snapshot);
const charts = new Charts();
let client_name = null;
let snapshot_id = null;  // null: the latest, whichever it is

const client = () => clients.get(client_name);
const snapshot = () => {
  const all = client()?.snapshots ?? [];
  return all.find(({id}) => id === snapshot_id) ?? all.at(-1);
};

function choose_client(name) {
  if (name !== client_name) [client_name, snapshot_id] = [name, null];
  list.reveal(name);
  changed();
}

function choose_snapshot(id) {
  snapshot_id = id === client()?.snapshots.at(-1)?.id ? null : id;
  draw();
  timeline.reveal(id);
}

function step_client(by) {
  const {names} = list;
  if (names.length === 0) return;
  const index = Math.min(names.length - 1, Math.max(0, names.indexOf(client_name) + by));
  choose_client(names[index]);
}

function step_snapshot(by) {
  const all = client()?.snapshots ?? [];
  const index = all.indexOf(snapshot()) + by;
  if (index >= 0 && index < all.length) choose_snapshot(all[index].id);
}

let said_timer = 0;
function say(text, is_error) {
  clearTimeout(said_timer);
  at("said").hidden = false;
  at("said").classList.toggle("error", is_error);
  set_text(at("said"), text);
  said_timer = setTimeout(() => at("said").hidden = true, SAID_MS);
}

async function checkpoint(name) {
  const answer = await command("checkpoint", name ? {client: name} : {});
  if (!answer.ok) return say(answer.error, true);
  say(answer.asked.length === 0 ? "No client is connected."
      : `Asked ${name ?? count(answer.asked.length, "client")}: it is taken at the program's next ` +
        "au_checkpoint().", false);
}

async function with_snapshot(what, done) {
  const chosen = snapshot();
  if (!chosen) return;
  const answer = await command(what, {client: client_name, snapshot: chosen.id});
  say(answer.ok ? `${chosen.id}: ${done}.` : answer.error, !answer.ok);
}

function pin() {
  const pinned = snapshot()?.pinned;
  with_snapshot(pinned ? "unpin" : "pin", pinned ? "no longer pinned" : "pinned");
}

function ask_delete() {
  if (!snapshot()) return;
  snapshot_id = snapshot().id;  // not another that comes meanwhile
  set_text(at("question"), `Delete ${snapshot_id} of ${client_name}? There is no way back.`);
  at("confirm").returnValue = "no";
  at("confirm").showModal();
}

const KEYS = [
  [["↑", "k"], "the client above", () => step_client(-1)],
  [["↓", "j"], "the client below", () => step_client(1)],
  [["PageUp"], "a screen of clients up", () => step_client(-list.rows_visible)],
  [["PageDown"], "a screen of clients down", () => step_client(list.rows_visible)],
  [["Home"], "the first client", () => step_client(-Infinity)],
  [["End"], "the last client", () => step_client(Infinity)],
  [["←", "h"], "the snapshot before", () => step_snapshot(-1)],
  [["→", "l"], "the snapshot after", () => step_snapshot(1)],
  [["b"], "the snapshot that it branches from", () => {
    const parent = snapshot()?.parent;
    if (parent) choose_snapshot(parent);
  }],
  [["c"], "checkpoint of this client now", () => client() && checkpoint(client_name)],
  [["C"], "checkpoint of all clients now", () => checkpoint(null)],
  [["p"], "pin the snapshot, or unpin it", pin],
  [["r"], "the next restore leads to this snapshot",
   () => with_snapshot("select", "the next restore leads here")],
  [["d", "Delete"], "delete the snapshot, after a question", ask_delete],
  [["+"], "timeline: larger", () => timeline.zoom(1)],
  [["-"], "timeline: smaller", () => timeline.zoom(-1)],
  [["/"], "filter the clients", () => at("filter").focus()],
  [["Esc"], "no filter", () => {
    at("filter").value = "";
    at("clients").focus();
    draw();
  }],
  [["?"], "these keys", () => at("help").showModal()],
];

function draw_facts() {
  const {driver, connected, asked, pid, requests, checkpoints, restores, decision_ns,
         restore_ns, snapshots} = client();
  const state = asked ? "asked for a checkpoint" : connected ? "connected" : "away";
  const facts = [
    ["state", state], ["driver", driver], ["process", pid || "–"],
    ["snapshots", snapshots.length.toLocaleString()], ["requests", requests.toLocaleString()],
    ["checkpoints", checkpoints.toLocaleString()], ["restores", restores.toLocaleString()],
    ["decision", duration(decision_ns)], ["last restore", duration(restore_ns)],
    ["last checkpoint", duration(snapshots.at(-1)?.take_ns)]];
  const box = at("facts");
  facts.forEach(([name, value], i) => {
    const fact = box.children[i] ?? element("div", "", box);
    set_text(fact.children[0] ?? element("dt", "", fact), name);
    set_text(fact.children[1] ?? element("dd", "", fact), String(value));
  });
}

function draw_snapshot() {
  const chosen = snapshot();
  const text = !chosen ? "No snapshot yet."
    : [chosen.id, time_of(chosen.time_ms), size(chosen.bytes), `took ${duration(chosen.take_ns)}`,
       chosen.parent ? `after ${chosen.parent}` : "a root"].join(" · ");
  set_text(at("snapshot-facts"), text);
  set_text(at("pin").firstChild, chosen?.pinned ? "Unpin " : "Pin ");
  for (const id of ["pin", "select", "delete"]) at(id).disabled = !chosen || !link.live;
  at("checkpoint").disabled = !client().connected || !link.live;
}

function draw_totals() {
  let here = 0, snapshots = 0;
  for (const each of clients.values()) {
    here += each.connected;
    snapshots += each.snapshots.length;
  }
  set_text(at("totals"), `${count(clients.size, "client")}, ${here.toLocaleString()} connected · ` +
                         count(snapshots, "snapshot"));
  set_text(at("link"), link.text);
  at("link").classList.toggle("live", link.live);
  document.body.classList.toggle("offline", !link.live);
}

function draw() {
  if (!clients.has(client_name)) [client_name, snapshot_id] = [clients.keys().next().value, null];
  draw_totals();
  list.show(at("filter").value, client_name);
  at("empty").hidden = clients.size > 0 || !link.live;
  at("details").hidden = clients.size === 0;
  if (clients.size === 0) return;
  set_text(at("name"), client_name);
  draw_facts();
  draw_snapshot();
  timeline.show(client(), snapshot()?.id);
  charts.show(client());
  // For those who measure: when the first state was drawn, since the page was asked for.
  document.documentElement.dataset.firstViewMs ??= performance.now().toFixed(1);
}

on_change(draw);
bind(KEYS, at("keys"));
at("checkpoint").onclick = () => checkpoint(client_name);
at("checkpoint-all").onclick = () => checkpoint(null);
at("help-button").onclick = () => at("help").showModal();
at("pin").onclick = pin;
at("select").onclick = () => with_snapshot("select", "the next restore leads here");
at("delete").onclick = ask_delete;
at("filter").oninput = draw;  // at once: Enter may follow
at("filter").onkeydown = ({key}) => key === "Enter" && (step_client(0), at("clients").focus());
at("confirm").onclose = () =>
  at("confirm").returnValue === "yes" && with_snapshot("delete", "deleted");
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
  forget_colours();
  list.redraw();
  timeline.draw();
  charts.redraw();
});
charts.load().then((there) => {
  at("no-charts").hidden = there;
  at("charts").hidden = !there;
  if (there && client()) charts.show(client());
});
connect();
