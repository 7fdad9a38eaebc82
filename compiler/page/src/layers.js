// Every layer in a table: sorted, filtered, as CSV.
// SPDX-License-Identifier: Apache-2.0
import {useState} from "preact/hooks";
import {mostMacs, percent, readBytes, report} from "./data.js";
import {Bytes, Count, Shares, Table, barred, html, number, word} from "./parts.js";
import {Op} from "./op.js";

const raw = [["op", l => l.op], ["type", l => l.type], ["shape", l => (l.shape || []).join("x")], ["macs", l => l.macs], ["largest_node_macs", mostMacs],
  ["weight_bytes", l => l.weight_bytes], ["read_bytes", readBytes], ["dense_bytes", l => l.dense_bytes], ["replicated_macs", l => l.replicated_macs],
  ["kernels", l => (l.kernels || []).join(" ")]];

// A cell that begins like a formula would be one in a spreadsheet.
const cell = value => (typeof value === "number" ? String(value) : '"' + value.replace(/^[=+\-@\t\r]/, "'$&").replaceAll('"', '""') + '"');
export const csvOf = layers => [raw.map(([title]) => cell(title)), ...layers.map(layer => raw.map(([, field]) => cell(field(layer))))]
  .map(row => row.join(",") + "\r\n").join("");

function save(layers) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([csvOf(layers)], {type: "text/csv"}));
  link.download = "layers.csv";
  link.click();
  URL.revokeObjectURL(link.href);
}

export function Layers({open, chosen}) {
  const [filter, setFilter] = useState("");
  const wanted = filter.toLowerCase();
  const rows = report.layers.filter(layer => (layer.op + "\n" + layer.type).toLowerCase().includes(wanted));
  const ofDense = layer => (layer.dense_bytes ? readBytes(layer) / layer.dense_bytes : 0);
  return html`
    <p class="tools"><label>Filter <input type="search" id="filter" placeholder="op or type" value=${filter} onInput=${event => setFilter(event.target.value)} /></label>
      <button id="csv" onClick=${() => save(rows)}>CSV</button> <span role="status" id="shown">${rows.length} of ${report.layers.length} layers</span></p>
    <p class="note">Shares: who computes how much. Read: bytes from other nodes, against what dense gather reads. A heading sorts; a row opens the op.</p>
    ${chosen && html`<${Op} layer=${chosen} open=${open} />`}
    <${Table} id="layer-table" rows=${rows} most=${report.nodes.length > 16 ? 60 : 300} open=${layer => open(layer.op)} columns=${[
      word("op", l => l.op), word("type", l => l.type), barred("MACs", l => l.macs, report.layers),
      {title: "shares", cell: l => html`<${Shares} parts=${l.nodes.map(part => ({rank: part.rank, value: part.macs}))} label="MACs" />`},
      {title: "largest", key: l => (l.macs ? mostMacs(l) / l.macs : 0), cell: l => percent(mostMacs(l), l.macs)},
      number("weights", l => l.weight_bytes, Bytes), barred("read", readBytes, report.layers, Bytes),
      number("dense", l => l.dense_bytes, Bytes), {title: "of dense", key: ofDense, cell: l => percent(readBytes(l), l.dense_bytes)}]} />`;
}
