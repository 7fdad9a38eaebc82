// What crosses between nodes: a matrix, by kind, by link, and by layer for a pair.
// SPDX-License-Identifier: Apache-2.0
import {useState} from "preact/hooks";
import {bytes, count, duration, largest, nodeName, pairs, percent, report} from "./data.js";
import {Bytes, Count, Table, barred, html, number, word} from "./parts.js";

function Matrix({chosen, choose}) {
  const ranks = report.nodes.map(node => node.rank);
  const sent = new Map(pairs.map(pair => [pair.from + " " + pair.to, pair]));
  const most = largest(pairs.map(pair => pair.sent.bytes)) || 1;
  const cell = (from, to) => {
    const pair = sent.get(from + " " + to);
    if (!pair) return html`<td class="none">${from === to ? "" : "·"}</td>`;
    const title = nodeName(from) + " sends " + nodeName(to) + " " + bytes(pair.sent.bytes) + " in " + count(pair.sent.messages) + " messages; inputs and outputs " + bytes(pair.root.bytes);
    return html`<td class=${chosen === pair ? "picked" : ""} style=${{"--share": Math.round((60 * pair.sent.bytes) / most) + "%"}} title=${title}>
      <button aria-pressed=${String(chosen === pair)} aria-label=${title} onClick=${() => choose(chosen === pair ? null : pair)}><data value=${pair.sent.bytes}>${bytes(pair.sent.bytes)}</data></button></td>`;
  };
  return html`<div class="scroll" tabIndex="0" role="region" aria-label="matrix"><table class="matrix" id="matrix">
    <thead><tr><th scope="col" class="word">sender, by receiver</th>${ranks.map(to => html`<th scope="col">${to}</th>`)}</tr></thead>
    <tbody>${ranks.map(from => html`<tr><th scope="row" class="word">${nodeName(from)}</th>${ranks.map(to => cell(from, to))}</tr>`)}</tbody></table></div>`;
}

function OfPair({pair, open}) {
  const rows = report.layers.map(layer => ({layer, read: layer.nodes.find(n => n.rank === pair.to)?.received_from?.find(f => f.from === pair.from)?.bytes || 0}))
    .filter(row => row.read > 0);
  const whole = rows.reduce((a, row) => a + row.read, 0);
  return html`<h2>What ${nodeName(pair.to)} reads of ${nodeName(pair.from)}, by layer</h2>
    ${rows.length ? html`<${Table} id="pair-layers" rows=${rows} most=${200} open=${row => open(row.layer.op)} columns=${[word("op", row => row.layer.op), word("type", row => row.layer.type),
      barred("bytes", row => row.read, rows, Bytes), {title: "of the pair", key: row => row.read, cell: row => percent(row.read, whole)}]} />`
      : html`<p class="note">${pair.sent.bytes ? "This report does not list pairs of nodes by layer." : "Inputs and outputs alone."}</p>`}`;
}

export function Traffic({open}) {
  const [chosen, choose] = useState(null);
  if (!pairs.length) return html`<p>No message crosses a link.</p>`;
  const whole = report.cluster.exchanged.bytes;
  const kinds = Object.entries(report.exchanged_bytes).map(([name, value]) => ({name: name.replace("_", " "), value}));
  const passing = report.nodes.filter(node => node.forwarded);
  return html`
    <p class="note">Payload of one inference. Beside it every message has a header of ${report.frame_overhead_bytes} bytes. A pair opens what it carries by layer.</p>
    <${Matrix} chosen=${chosen} choose=${choose} />
    ${chosen && html`<${OfPair} pair=${chosen} open=${open} />`}
    <h2>By kind</h2>
    <${Table} id="kinds" rows=${kinds} columns=${[word("kind", k => k.name), barred("bytes", k => k.value, kinds, Bytes), {title: "of all", cell: k => percent(k.value, whole)}]} />
    <h2>Pairs of nodes</h2>
    <${Table} id="pairs" rows=${pairs} most=${40} columns=${[number("from", p => p.from), number("to", p => p.to), number("messages", p => p.sent.messages),
      barred("bytes", p => p.sent.bytes, pairs, Bytes), {title: "of all", key: p => p.sent.bytes, cell: p => percent(p.sent.bytes, whole)},
      number("root messages", p => p.root.messages), number("root bytes", p => p.root.bytes, Bytes)]} />
    ${report.wires && html`<h2>Links that carry packets</h2><p class="note">Both directions; a message counts on every link of its way.</p>
      <${Table} id="wires" rows=${report.wires} columns=${[word("nodes", w => w.ends.join(" – ")), word("kind", w => w.kind), word("ports", w => w.ports.join(" ")),
        number("messages", w => w.carried.messages), barred("bytes", w => w.carried.bytes, report.wires, Bytes), number("root bytes", w => w.root_carried.bytes, Bytes),
        {title: "takes at least", key: w => w.least_us || 0, cell: w => (w.least_us ? duration(w.least_us * 1000) : "-")}]} />`}
    ${passing.length > 0 && html`<h2>Passed on for others</h2>
      <${Table} id="forwarded" rows=${passing} columns=${[word("node", n => nodeName(n.rank)), number("messages", n => n.forwarded.messages), number("bytes", n => n.forwarded.bytes, Bytes),
        number("root bytes", n => n.root_forwarded.bytes, Bytes)]} />`}`;
}
