// One op: what it is, who computes what of it, and its mask as a picture.
// SPDX-License-Identifier: Apache-2.0
import {bytes, colourOf, largest, masksOf, nodeName, percent, readBytes, readersOf, report, runsOf, setText, sizeOf} from "./data.js";
import {Bytes, Count, Table, barred, html, number} from "./parts.js";

// A row a reading node, a column a channel: what it has itself, what it is sent and by whom, what it never reads.
function Mask({layer}) {
  const entries = masksOf(layer.op);
  if (!entries.length) return null;
  const channels = 1 + largest(entries.flatMap(entry => runsOf(entry.channels).map(run => run[1])));
  const rows = [...new Set(entries.map(entry => entry.to))].sort((a, b) => a - b);
  const wide = 720, tall = rows.length > 16 ? 10 : 22, left = 62;
  const x = channel => (wide * channel) / channels;
  const sent = entry => entry.from !== entry.to;
  // A contraction is divided by its inputs between all nodes or none: then no feature is sent for it, but sums.
  const summed = layer.received_bytes.partial_sums > 0;
  const says = (entry, first, last) => {
    const which = " channels " + first + " to " + last;
    if (!sent(entry)) return nodeName(entry.to) + " has itself" + which;
    return summed ? nodeName(entry.from) + " sums its" + which + " for " + nodeName(entry.to) + ", and sends the sums" : nodeName(entry.from) + " sends " + nodeName(entry.to) + which;
  };
  return html`<h3>Mask</h3>
    <p class="note">Columns are the ${channels} channels that the op reads, a row is a node that computes:${" "}
      <span class="key own"></span> its own,${" "}
      ${summed ? html`<span class="key sum"></span> summed for it by their owner (Σ and its number), which sends the partial sums` : html`<span class="key sent"></span> sent to it (the number says by whom)`},${" "}
      <span class="key"></span> zero: never read.</p>
    <svg class="mask" viewBox=${[0, 0, left + wide + 2, rows.length * (tall + 4) + 2].join(" ")} style=${{maxWidth: left + wide + "px"}}
        role="img" aria-label=${"mask of " + channels + " channels for " + rows.length + " nodes"}>
      <defs>${[...new Set(entries.map(entry => entry.from))].map(from => html`<pattern id=${"own" + from} width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">
        <rect width="2" height="6" fill=${colourOf(from)} /></pattern>`)}</defs>
      ${rows.map((to, row) => html`<text class="small" x="0" y=${row * (tall + 4) + tall * 0.7}>node ${to}</text>
        <rect class="zero" x=${left} y=${row * (tall + 4) + 1} width=${wide} height=${tall}><title>${"zero: node " + to + " never reads these"}</title></rect>`)}
      ${entries.flatMap(entry => runsOf(entry.channels).map(([first, last]) => {
        const y = rows.indexOf(entry.to) * (tall + 4) + 1, width = x(last + 1) - x(first);
        return html`<rect class=${!sent(entry) ? "own" : summed ? "sum" : "sent"} stroke=${colourOf(entry.from)} x=${left + x(first)} y=${y} width=${Math.max(width, 0.5)} height=${tall}
          fill=${sent(entry) ? colourOf(entry.from) : `url(#own${entry.from})`}><title>${says(entry, first, last)}</title></rect>
          ${sent(entry) && width > 9 && html`<text class="inside" x=${left + x(first) + width / 2} y=${y + tall * 0.7} text-anchor="middle">${summed ? "Σ" : ""}${entry.from}</text>`}`;
      }))}
    </svg>
    <${Table} id="mask-table" rows=${entries.filter(entry => sent(entry) && entry.channels.length)} most=${12} columns=${[number("from", entry => entry.from), number("to", entry => entry.to),
      number("channels", entry => sizeOf(entry.channels)), {title: "which", word: true, cell: entry => html`<span class="name">${setText(entry.channels)}</span>`}]} />`;
}

// How much of the weights is left: the darker a tile, the more.
function Density({density}) {
  const {rows, columns, tiles} = density, high = tiles.length, wide = tiles[0].length / 2;
  const side = Math.max(5, Math.min(16, Math.floor(480 / Math.max(wide, high))));
  const span = (at, count, whole) => Math.ceil((at * whole) / count) + " to " + (Math.ceil(((at + 1) * whole) / count) - 1);
  return html`<h3>Weights that are left</h3>
    <p class="note">Rows are the ${rows} outputs, columns the ${columns} inputs${high < rows || wide < columns ? ", in tiles" : ""}: full where every weight is left, empty where none is.</p>
    <svg class="density" viewBox=${[0, 0, wide * side, high * side].join(" ")} style=${{maxWidth: wide * side + "px"}} role="img" aria-label=${"weights of " + rows + " outputs and " + columns + " inputs"}>
      <rect class="track" width=${wide * side} height=${high * side} />
      ${tiles.flatMap((row, y) => Array.from({length: wide}, (_, x) => {
        const part = parseInt(row.slice(2 * x, 2 * x + 2), 16) / 255;
        return html`<rect class="tile" x=${x * side} y=${y * side} width=${side} height=${side} fill-opacity=${part.toFixed(3)}>
          <title>${"outputs " + span(y, high, rows) + ", inputs " + span(x, wide, columns) + ": " + percent(part, 1) + " left"}</title></rect>`;
      }))}</svg>`;
}

const Names = ({names, open}) => (names.length ? names.map(name => html`<button class="op" dir="auto" onClick=${() => open(name)}>${name}</button> `) : "none");

export function Op({layer, open}) {
  const kinds = layer.received_bytes;
  const replicated = layer.replicated_macs > 0 || layer.replicated_weight_bytes > 0;
  return html`<section class="detail" id="op" aria-live="polite">
    <button class="close" aria-label="close" onClick=${() => open("")}>×</button>
    <h2 dir="auto" class="long">${layer.op}</h2>
    <dl><dt>type</dt><dd dir="auto">${layer.type}</dd>
      <dt>result</dt><dd>${layer.shape ? layer.shape.join(" × ") || "a scalar" : "not in this report"}</dd>
      <dt>kernel</dt><dd>${(layer.kernels || []).join(", ") || "the only one of its type"}</dd>
      <dt>MACs</dt><dd><${Count} value=${layer.macs} />, before any mask <${Count} value=${layer.dense_macs} /></dd>
      <dt>weights</dt><dd><${Bytes} value=${layer.weight_bytes} />, before any mask <${Bytes} value=${layer.dense_weight_bytes} /></dd>
      <dt>read</dt><dd><${Bytes} value=${readBytes(layer)} />: ${bytes(kinds.features)} of features, ${bytes(kinds.partial_sums)} of partial sums,${" "}
        ${bytes(kinds.statistics)} of statistics; dense gather <${Bytes} value=${layer.dense_bytes} /></dd>
      ${replicated && html`<dt>computed more than once</dt><dd><${Count} value=${layer.replicated_macs} /> MACs,
        <${Bytes} value=${layer.replicated_weight_bytes} /> of weights${layer.replicated_reason && ": " + layer.replicated_reason}</dd>`}
      <dt>reads</dt><dd><${Names} names=${layer.inputs || []} open=${open} /></dd>
      <dt>read by</dt><dd><${Names} names=${readersOf(layer)} open=${open} /></dd></dl>
    <h3>Nodes</h3>
    <${Table} id="op-nodes" rows=${layer.nodes} most=${16} columns=${[{title: "node", key: n => n.rank, cell: n => html`<i class="key" style=${{background: colourOf(n.rank)}}></i> ${n.rank}`},
      number("channels", n => n.channels), {title: "which", word: true, cell: n => (n.owned ? html`<span class="name" title=${setText(n.owned)}>${setText(n.owned)}</span>` : "-")},
      barred("MACs", n => n.macs, layer.nodes), number("weights", n => n.weight_bytes, Bytes), number("sends", n => n.send_bytes, Bytes),
      barred("reads", n => n.receive_bytes, layer.nodes, Bytes),
      {title: "from", word: true, cell: n => (n.received_from || []).map(f => f.from + ": " + bytes(f.bytes)).join(", ")}]} />
    <${Mask} layer=${layer} />
    ${layer.density && html`<${Density} density=${layer.density} />`}
  </section>`;
}
