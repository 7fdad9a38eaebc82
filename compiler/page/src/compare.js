// Two divisions of one model side by side: in all, by node, by layer.
// SPDX-License-Identifier: Apache-2.0
import {against, bytes, count, duration, layerOf, mostMacs, readBytes, report, sum} from "./data.js";
import {Exact, Table, html, plain, word} from "./parts.js";

function change(now, before) {
  if (now === null || before === null) return "-";
  if (now === before) return "same";
  if (before === 0) return "new";
  const part = (100 * (now - before)) / before;
  return (part > 0 ? "▲ +" : "▼ ") + part.toFixed(1) + " %";
}
const either = (value, show) => (value === null ? "-" : html`<${Exact} value=${value} show=${show} />`);
// Now, before, and how much more it is.
const both = (title, show, now, before) => [
  {title, key: row => now(row) ?? -1, cell: row => either(now(row), show)},
  {title: "against", key: row => before(row) ?? -1, cell: row => either(before(row), show)},
  {title: "change", key: row => (now(row) ?? 0) - (before(row) ?? 0), cell: row => change(now(row), before(row))}];

function totals() {
  const rows = [["nodes", count, r => r.nodes.length], ["MACs of the largest node", count, r => r.largest_node.macs], ["MACs of all", count, r => r.cluster.macs],
    ["weights of the largest node", bytes, r => r.largest_node.weight_bytes], ["arena of the largest node", bytes, r => r.largest_node.arena_bytes],
    ["sent", bytes, r => r.cluster.exchanged.bytes], ["messages", count, r => r.cluster.exchanged.messages],
    ["exchange points", count, r => r.schedule?.exchange_points], ["one inference takes", duration, r => r.schedule?.latency_ns]];
  return rows.map(([name, show, of]) => ({name, show, now: of(report), before: of(against)})).filter(row => row.now !== undefined && row.before !== undefined);
}

const weights = layer => sum(layer.nodes.map(part => part.weight_bytes));
const of = (layer, field) => (layer ? field(layer) : null);

export function Compare({open}) {
  const others = new Map(against.layers.map(layer => [layer.op, layer]));
  const layers = [...report.layers.map(now => ({op: now.op, type: now.type, now, before: others.get(now.op)})),
    ...against.layers.filter(layer => !layerOf.has(layer.op)).map(before => ({op: before.op, type: before.type, before}))]
    .filter(row => [readBytes, mostMacs, weights].some(field => of(row.now, field) !== of(row.before, field)))
    .sort((a, b) => Math.abs((of(b.now, readBytes) ?? 0) - (of(b.before, readBytes) ?? 0)) - Math.abs((of(a.now, readBytes) ?? 0) - (of(a.before, readBytes) ?? 0)));
  const ranks = Array.from({length: Math.max(report.nodes.length, against.nodes.length)}, (_, rank) => ({rank, now: report.nodes[rank], before: against.nodes[rank]}));
  const node = (title, show, field) => both(title, show, row => of(row.now, field), row => of(row.before, field));
  return html`
    <p class="note" dir="auto">This: ${report.model} on ${report.nodes.length} nodes. Against: ${against.model} on ${against.nodes.length} nodes.</p>
    <${Table} id="compare-totals" rows=${totals()} columns=${[{title: "in all", word: true, cell: row => row.name}, {title: "this", cell: row => either(row.now, row.show)},
      {title: "against", cell: row => either(row.before, row.show)}, {title: "change", cell: row => change(row.now, row.before)}]} />
    <h2>Nodes</h2>
    <${Table} id="compare-nodes" rows=${ranks} most=${64} columns=${[plain("node", row => row.rank), ...node("MACs", count, n => n.macs), ...node("weights", bytes, n => n.weight_bytes),
      ...node("arena", bytes, n => n.arena_bytes), ...node("sends", bytes, n => n.sent.bytes)]} />
    <h2>Layers that differ</h2>
    ${layers.length ? html`<${Table} id="compare-layers" rows=${layers} most=${100} open=${row => row.now && open(row.op)} columns=${[word("op", row => row.op), word("type", row => row.type),
      ...node("read", bytes, readBytes), ...node("largest MACs", count, mostMacs), ...node("weights", bytes, weights)]} />` : html`<p>None.</p>`}`;
}
