// What the page shows: report.json, masks.json and the sentences of the terminal, and what follows from them.
// SPDX-License-Identifier: Apache-2.0

const all = JSON.parse(document.getElementById("data").textContent);
export const {report, masks, sentences, against, measured, clocks} = all;

// Three digits that matter, as in the terminal.
function scaled(value, unit) {
  const steps = ["", "k", "M", "G", "T", "P"];
  let step = 0;
  while (Math.abs(value) >= 999.5 && step + 1 < steps.length) {
    value /= 1000;
    ++step;
  }
  const text = step === 0 ? String(Math.round(value)) : value.toFixed(value < 9.995 ? 2 : value < 99.95 ? 1 : 0);
  return [text, steps[step] + unit].filter(Boolean).join(" ");
}
export const count = value => scaled(value, "");
export const bytes = value => scaled(value, "B");
export const percent = (part, whole) => (whole > 0 ? ((100 * part) / whole).toFixed(1) + " %" : "-");
export function duration(ns) {
  if (ns < 1e3) return ns === 0 ? "0" : ns + " ns";
  const [scale, unit] = ns < 1e6 ? [1e3, "µs"] : ns < 1e9 ? [1e6, "ms"] : [1e9, "s"];
  const value = ns / scale;
  return value.toFixed(value < 9.995 ? 2 : value < 99.95 ? 1 : 0) + " " + unit;
}

export const sum = list => list.reduce((a, b) => a + b, 0);
export const largest = list => list.reduce((a, b) => Math.max(a, b), 0); // spreading 100,000 arguments fails
export const readBytes = layer => sum(Object.values(layer.received_bytes));
export const mostMacs = layer => largest(layer.nodes.map(part => part.macs));

export const layerOf = new Map(report.layers.map(layer => [layer.op, layer]));
const readers = new Map(report.layers.map(layer => [layer.op, []]));
for (const layer of report.layers) for (const input of layer.inputs || []) readers.get(input)?.push(layer.op);
export const readersOf = layer => readers.get(layer.op);

export const masksOf = op => (masks?.masks || []).filter(entry => entry.op === op);
// An index set: numbers, and [first, last] with both ends.
export const runsOf = set => set.map(item => (Array.isArray(item) ? item : [item, item]));
export const sizeOf = set => sum(runsOf(set).map(([first, last]) => last - first + 1));
export const setText = set => runsOf(set).map(([first, last]) => (first === last ? first : first + " to " + last)).join(", ") || "none";

// "node 1 (left)": the name only where it says more.
export const nodeName = rank => {
  const name = report.nodes[rank]?.name;
  return "node " + rank + (name && name !== "node" + rank ? " (" + name + ")" : "");
};
// Colours are of Okabe and Ito; beside them there is always the rank as a number.
const palette = ["#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00", "#b3a100", "#7f7f7f"];
export const colourOf = rank => palette[rank % palette.length];
// The end of a long name says more than its beginning.
export const tail = (text, most) => {
  const letters = [...text.slice(-4 * most)];
  return letters.length <= most && text.length <= 4 * most ? text : "…" + letters.slice(1 - most).join("");
};

// Every pair of nodes that exchanges something.
export const pairs = report.nodes.flatMap(node =>
  node.peers.map(peer => ({from: node.rank, to: peer.peer, sent: peer.sent, root: peer.root_sent}))
).filter(pair => pair.sent.messages + pair.root.messages > 0);
