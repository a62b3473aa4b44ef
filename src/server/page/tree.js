// Where each snapshot of a client goes: a column in the order of time, and a lane of its branch.

// The child that leads to the latest snapshot goes straight on; the others branch off.
function main_children(parents) {
  const latest = parents.map((_, i) => i);
  const main = new Array(parents.length).fill(-1);
  for (let i = parents.length - 1; i >= 0; i--) {
    const parent = parents[i];
    if (parent < 0) continue;
    if (main[parent] < 0 || latest[i] > latest[main[parent]]) main[parent] = i;
    latest[parent] = Math.max(latest[parent], latest[i]);
  }
  return main;
}

// `parents`: the column of each one's parent, which comes before it; -1: a root.
export function place(snapshots) {
  const column = new Map(snapshots.map((snapshot, i) => [snapshot.id, i]));
  const parents = snapshots.map((snapshot, i) => {
    const parent = column.get(snapshot.parent) ?? -1;
    return parent < i ? parent : -1;
  });
  const main = main_children(parents);
  const lanes = new Array(snapshots.length).fill(0);
  const ends = [];  // the last column of each lane so far
  for (let i = 0; i < snapshots.length; i++) {
    if (parents[i] >= 0 && main[parents[i]] === i) continue;  // placed with its branch
    const first = Math.max(parents[i], 0);
    let lane = ends.findIndex((end) => end < first || (end === first && parents[i] < 0));
    if (lane < 0) lane = ends.length;
    for (let at = i; at >= 0; at = main[at]) {
      lanes[at] = lane;
      ends[lane] = at;
    }
  }
  return {parents, lanes, lane_count: ends.length};
}
