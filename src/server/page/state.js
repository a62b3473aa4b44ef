// What the server has told (docs/server_http.md), and the connection that tells it.

const POINTS_MAX = 2048;  // of a curve: when it is full, every second one goes
const RETRY_MS_MIN = 250;
const RETRY_MS_MAX = 4000;

export const clients = new Map();  // by name; a client is the server's object
export const link = {text: "connecting", live: false};

const readers = [];
// `reader` is called once a frame at most, after something has changed.
export function on_change(reader) {
  readers.push(reader);
}

let frame = 0;
export function changed() {
  frame ||= requestAnimationFrame(() => {
    frame = 0;
    for (const reader of readers) reader();
  });
}

function halved(points) {
  return points.filter((_, i) => i % 2 === 0 || i === points.length - 1);
}

function update_client(told) {
  const {curve_added, ...fields} = told;
  let client = clients.get(told.name);
  if (!client) {
    client = {snapshots: [], curve: []};
    clients.set(told.name, client);
  }
  Object.assign(client, fields);
  if (curve_added) client.curve.push(...curve_added);
  if (client.curve.length > POINTS_MAX) client.curve = halved(client.curve);
}

export function apply(message) {
  if (message.type === "state") clients.clear();
  for (const name of message.gone ?? []) clients.delete(name);
  for (const client of message.clients) update_client(client);
  changed();
}

function say(text, live) {
  Object.assign(link, {text, live});
  changed();
}

// A refused WebSocket does not say why; a request does.
async function reason() {
  try {
    const answer = await fetch("/api/state", {method: "HEAD"});
    return answer.status === 403
      ? "open the address that belay serve has printed" : "connecting again";
  } catch {
    return "the server is away: connecting again";
  }
}

export function connect(retry_ms = RETRY_MS_MIN) {
  const socket = new WebSocket(`ws://${location.host}/api/live`);
  let next_ms = Math.min(2 * retry_ms, RETRY_MS_MAX);
  socket.onmessage = (event) => {
    next_ms = RETRY_MS_MIN;
    apply(JSON.parse(event.data));
    if (!link.live) say("live", true);
  };
  socket.onclose = async () => {
    setTimeout(() => connect(next_ms), retry_ms);
    say(await reason(), false);
  };
}

// {ok, error} of the server's answer.
export async function command(what, body) {
  try {
    const answer = await fetch(`/api/${what}`, {
      method: "POST",
      headers: {"Content-Type": "application/json"},
      body: JSON.stringify(body),
    });
    const text = await answer.text();
    return text.startsWith("{") ? JSON.parse(text) : {ok: false, error: text.trim()};
  } catch {
    return {ok: false, error: "the server does not answer"};
  }
}
