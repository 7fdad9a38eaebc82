// Whether dividing this model pays, in words and in a drawing.
// SPDX-License-Identifier: Apache-2.0
import {bytes, colourOf, duration, largest, nodeName, pairs, percent, report, sentences, sum, tail} from "./data.js";
import {Bytes, Count, Table, barred, html, number, word} from "./parts.js";

const {cluster, largest_node: most, one_node: one, dense_gather: dense, schedule} = report;

// Of the busiest node, nanoseconds of arithmetic: what would be left if messages took no time.
function busiestComputing() {
  const busy = report.nodes.map(() => 0);
  for (const event of schedule?.events || [])
    if (event.kind === "compute" && event.end_ns !== undefined) busy[event.node] += event.end_ns - event.start_ns;
  return largest(busy);
}

function Ratio({title, value, note}) {
  return html`<div class="ratio"><b>${value}</b><span>${title}</span><small>${note}</small></div>`;
}

function Ratios() {
  const computing = busiestComputing(), latency = schedule?.latency_ns;
  const quicker = most.macs > 0 ? (one.macs / most.macs).toFixed(2) : "-";
  return html`<div class="ratios">
    <${Ratio} title="of the arithmetic of one node, on the busiest" value=${percent(most.macs, one.macs)}
      note=${"at most " + quicker + " times as fast as one node"} />
    <${Ratio} title="of the bytes of dense gather" value=${percent(cluster.exchanged.bytes, dense.exchanged.bytes)}
      note=${bytes(cluster.exchanged.bytes) + " of " + bytes(dense.exchanged.bytes)} />
    <${Ratio} title="of the time is arithmetic: the rest is communication" value=${latency && computing ? percent(computing, latency) : "not known"}
      note=${latency && computing ? duration(computing) + " of " + duration(latency) + " if messages took no time" : "speeds of nodes or links are not stated"} />
  </div>`;
}

// Three bars of a node: what the memories of a board hold of what they could, and what a host has, each with its whole.
function filled(node) {
  const used = memory => sum((node.memory || []).filter(use => use.memory === memory).map(use => use.bytes));
  const memories = Object.entries(node.memory_sizes || {}).map(([name, size]) => [name, used(name), size]).filter(([, bytes]) => bytes > 0);
  if (memories.length) return [...memories.sort((a, b) => b[1] / b[2] - a[1] / a[2]).slice(0, 2), ["sends", node.sent.bytes, most.exchanged.bytes]];
  return [["weights", node.weight_bytes, one.weight_bytes], ["arena", node.arena_bytes, Math.max(one.arena_bytes, most.arena_bytes)], ["sends", node.sent.bytes, most.exchanged.bytes]];
}

// Nodes on a circle, and between them what crosses: its width is the bytes both ways.
function Drawing() {
  const nodes = report.nodes, N = nodes.length;
  if (N > 16) return html`<p class="note">${N} nodes: Traffic has their matrix.</p>`;
  const wide = 168, tall = 90, [across, down] = N === 1 ? [0, 0] : N === 2 ? [165, 0] : [Math.max(250, N * 62), Math.max(130, N * 36)];
  const at = rank => {
    const angle = Math.PI + (2 * Math.PI * rank) / N;
    return [Math.cos(angle) * across, Math.sin(angle) * down];
  };
  const links = pairs.filter(pair => pair.from < pair.to || !pairs.some(p => p.from === pair.to && p.to === pair.from))
    .map(pair => ({...pair, both: sum(pairs.filter(p => (p.from === pair.from && p.to === pair.to) || (p.from === pair.to && p.to === pair.from))
      .map(p => p.sent.bytes + p.root.bytes))}));
  const widest = largest(links.map(link => link.both)) || 1;
  const x = across + wide / 2 + 10, y = down + tall / 2 + 12;
  const besides = link => [1, N - 1].includes(Math.abs(link.from - link.to));
  return html`<svg class="drawing" id="drawing" viewBox=${[-x, -y, 2 * x, 2 * y].join(" ")} style=${{maxWidth: 2.2 * x + "px"}}
      role="img" aria-label=${N + " nodes and " + links.length + " pairs that exchange bytes"}>
    ${links.map(link => {
      const [x1, y1] = at(link.from), [x2, y2] = at(link.to);
      return html`<line class="link" x1=${x1} y1=${y1} x2=${x2} y2=${y2} stroke-width=${1 + (9 * link.both) / widest}>
        <title>${"nodes " + link.from + " and " + link.to + ": " + bytes(link.both)}</title></line>`;
    })}
    ${N <= 6 && links.map(link => {
      const [x1, y1] = at(link.from), [x2, y2] = at(link.to), t = besides(link) ? 0.5 : 0.34;
      return html`<text class="on" x=${x1 + (x2 - x1) * t} y=${y1 + (y2 - y1) * t + (N === 2 ? -12 : 4)} text-anchor="middle">${bytes(link.both)}</text>`;
    })}
    ${nodes.map(node => {
      const [cx, cy] = at(node.rank), left = cx - wide / 2, top = cy - tall / 2;
      const bar = (row, name, value, whole) => html`
        <text class="small" x=${left + 8} y=${top + 50 + row * 16}>${name}</text>
        <rect class="track" x=${left + 62} y=${top + 41 + row * 16} width="50" height="9" />
        <rect fill=${colourOf(node.rank)} x=${left + 62} y=${top + 41 + row * 16} width=${whole > 0 ? 50 * Math.min(1, value / whole) : 0} height="9" />
        <text class="small" x=${left + 118} y=${top + 50 + row * 16}>${bytes(value)}</text>`;
      return html`<g><rect class="box" x=${left} y=${top} width=${wide} height=${tall} rx="6" stroke=${colourOf(node.rank)} />
        <text x=${left + 8} y=${top + 19} font-weight="600">${tail(nodeName(node.rank), 20)}<title>${nodeName(node.rank)}</title></text>
        <text class="small" x=${left + 8} y=${top + 33} opacity=".75">${tail(node.board, 26)}</text>
        ${filled(node).map(([name, value, whole], row) => bar(row, tail(name, 9), value, whole))}</g>`;
    })}
  </svg>
  <p class="note">A line's width is the bytes of one inference, both ways, inputs and outputs included. Bars: ${report.nodes.some(node => node.memory_sizes) ? "memories of boards, and how full they are; of hosts " : ""}weights
    of the model's, arena and bytes sent of the largest.</p>`;
}

function totals() {
  const row = (name, Kind, field, hasOne, hasDense) => ({name, Kind, most: field(most), all: field(cluster),
    one: hasOne ? field(one) : null, dense: hasDense ? field(dense) : null});
  return [row("MACs", Count, t => t.macs, true, true), row("weights", Bytes, t => t.weight_bytes, true, true),
    row("arena", Bytes, t => t.arena_bytes, one.arena_bytes > 0, false), row("sent", Bytes, t => t.exchanged.bytes, false, true),
    row("messages", Count, t => t.exchanged.messages, false, true)];
}

const times = [["where messages move while nodes compute", "latency_ns"], ["where they move only while both ends wait", "sequential_ns"],
  ["back to back, from end to end", "period_ns"], ["the longest chain of steps that need each other", "chain_ns"]];

function Times() {
  const known = times.filter(([, key]) => schedule && key in schedule);
  if (!known.length) return null;
  return html`<h2>Predicted times of one inference</h2><p class="note">Multiply-accumulates and payload alone, at the speeds that boards and links state.</p>
    <${Table} id="times" rows=${known} columns=${[{title: "where", word: true, cell: row => row[0]},
      {title: "takes", cell: row => html`<data value=${schedule[row[1]]}>${duration(schedule[row[1]])}</data>`}]} />`;
}

export function Summary() {
  const value = (row, of) => (row[of] === null ? "-" : html`<${row.Kind} value=${row[of]} />`);
  return html`
    <p class="limit"><b>What limits:</b> <span id="limit">${sentences.limit}</span></p>
    <${Ratios} />
    <${Drawing} />
    <dl><dt>nodes</dt><dd id="nodes">${sentences.nodes}</dd><dt>exchanged</dt><dd id="exchanged">${sentences.exchanged}</dd>
      ${sentences.undivided && html`<dt>undivided</dt><dd id="undivided">${sentences.undivided}</dd>`}</dl>
    <h2>One inference, against one node and against nodes without masks</h2>
    <${Table} id="totals" rows=${totals()} columns=${[{title: "in all", word: true, cell: row => row.name},
      {title: "largest node", cell: row => value(row, "most")}, {title: "all nodes", cell: row => value(row, "all")},
      {title: "one node", cell: row => value(row, "one")}, {title: "largest / one", cell: row => (row.one === null ? "-" : percent(row.most, row.one))},
      {title: "dense gather", cell: row => value(row, "dense")}, {title: "all / dense", cell: row => (row.dense === null ? "-" : percent(row.all, row.dense))}]} />
    <${Times} />
    <h2>Nodes</h2>
    <${Table} id="node-table" rows=${report.nodes} most=${64} columns=${[number("node", node => node.rank), word("name", node => node.name), word("board", node => node.board),
      barred("MACs", node => node.macs, report.nodes), barred("weights", node => node.weight_bytes, report.nodes, Bytes),
      barred("arena", node => node.arena_bytes, report.nodes, Bytes), number("sends", node => node.sent.bytes, Bytes),
      number("receives", node => node.received.bytes, Bytes)]} />`;
}
