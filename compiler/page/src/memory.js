// The arena of each node, offset by time; the memories of boards as nested rectangles, which d3-hierarchy places.
// SPDX-License-Identifier: Apache-2.0
import {hierarchy, treemap} from "d3-hierarchy";
import {useState} from "preact/hooks";
import {bytes, largest, nodeName, percent, report, sum, tail} from "./data.js";
import {Bar, Bytes, Table, html, number, plain, word} from "./parts.js";

const fills = {tensor: "#0072b2", input: "#009e73", state: "#56b4e9", received: "#e69f00", sent: "#cc79a7", scratch: "#7f7f7f"};
const parts = {code: "#7f7f7f", weights: "#0072b2", data: "#56b4e9", arena: "#009e73", buffers: "#e69f00", stack: "#cc79a7"};

function Arena({node}) {
  const [only, setOnly] = useState(null);
  const buffers = node.buffers || [];
  if (!buffers.length) return html`<p class="note">${node.arena_bytes ? "This report does not list buffers." : "Its arena is empty."}</p>`;
  // Steps at which nothing begins or ends take no room.
  const steps = [...new Set(buffers.flatMap(b => [b.first, b.last + 1]).concat(node.peak_step ?? []))].sort((a, b) => a - b);
  const at = new Map(steps.map((step, i) => [step, i]));
  const wide = 900, tall = 340, columns = Math.max(1, steps.length - 1);
  const x = step => (wide * at.get(step)) / columns, y = offset => tall - (tall * offset) / node.arena_bytes;
  const peak = node.peak_step !== undefined ? x(node.peak_step) : null;
  const text = b => b.name + ", " + b.use + ": " + bytes(b.bytes) + " at " + b.offset + ", steps " + b.first + " to " + b.last;
  return html`
    <p class="note">Each rectangle is a buffer: from left to right the steps of the node's program, from bottom to top its place in the arena of <${Bytes} value=${node.arena_bytes} />.${" "}
      ${Object.entries(fills).filter(([use]) => buffers.some(b => b.use === use)).map(([use, fill]) => html`<span class="legend"><i class="key" style=${{background: fill}}></i> ${use}</span> `)}</p>
    ${node.peak_op && html`<p>Most is needed at <b dir="auto">${tail(node.peak_op, 80)}</b> (dashed line): <${Bytes} value=${node.live_bytes} />, of which <${Bytes} value=${node.peak_received_bytes || 0} /> came from other nodes.</p>`}
    <p class="said" aria-live="polite">${only ? text(only) : "Point at a buffer."}</p>
    <svg class="arena" id="arena" viewBox=${[-2, -4, wide + 4, tall + 8].join(" ")} role="img" aria-label=${buffers.length + " buffers of " + nodeName(node.rank) + "; they are listed below"} onPointerLeave=${() => setOnly(null)}>
      <rect class="track" width=${wide} height=${tall} />
      ${buffers.map(b => {
        const left = x(b.first), width = x(b.last + 1) - left, high = (tall * b.bytes) / node.arena_bytes;
        return html`<g onPointerEnter=${() => setOnly(b)}><rect x=${left} y=${y(b.offset + b.bytes)} width=${Math.max(1, width)} height=${Math.max(0.7, high)} fill=${fills[b.use] || "#000"} class="buffer"><title>${text(b)}</title></rect>
          ${width > 40 && high > 11 && html`<text class="inside" x=${left + 4} y=${y(b.offset + b.bytes / 2) + 3}>${tail(b.name, Math.floor(width / 6.2))}</text>`}</g>`;
      })}
      ${peak !== null && html`<line class="peak" x1=${peak + wide / columns / 2} x2=${peak + wide / columns / 2} y1="-4" y2=${tall + 4} />`}
    </svg>
    <${Table} id="buffers" rows=${buffers} most=${12} columns=${[word("name", b => b.name), word("use", b => b.use), number("bytes", b => b.bytes, Bytes), plain("offset", b => b.offset),
      plain("first step", b => b.first), plain("last step", b => b.last)]} />`;
}

// A memory is nested in parts, a part in what the report knows of it.
function treeOf(node, memory) {
  const weights = report.layers.map(layer => ({name: layer.op, value: layer.nodes.find(n => n.rank === node.rank)?.weight_bytes || 0})).filter(item => item.value > 0);
  const inside = use => (use.part === "weights" ? weights : Object.entries(use.items || {}).map(([name, value]) => ({name, value})));
  return {name: memory, children: node.memory.filter(use => use.memory === memory && use.bytes > 0).map(use => {
    const items = inside(use), rest = use.bytes - items.reduce((a, item) => a + item.value, 0);
    return {name: use.part, use, children: [...items, ...(rest > 0 || !items.length ? [{name: items.length ? "rest" : use.part, value: Math.max(rest, 1)}] : [])]};
  })};
}

function Board({node}) {
  const memories = [...new Set(node.memory.filter(use => use.bytes > 0).map(use => use.memory))];
  const wide = 900, tall = 220;
  return memories.map(memory => {
    const root = treemap().size([wide, tall]).paddingInner(1).paddingOuter(2).paddingTop(15)(hierarchy(treeOf(node, memory)).sum(item => item.value || 0).sort((a, b) => b.value - a.value));
    const size = node.memory_sizes?.[memory], used = sum(node.memory.filter(use => use.memory === memory).map(use => use.bytes));
    return html`<h3>${memory}: <${Bytes} value=${used} />${size && html` of <${Bytes} value=${size} /> (${percent(used, size)}) <${Bar} part=${used} whole=${size} />`}</h3><svg class="nested" viewBox=${[0, 0, wide, tall].join(" ")} role="img" aria-label=${memory + " of " + nodeName(node.rank) + ", as nested rectangles; the parts are listed below"}>
      ${root.descendants().map(item => {
        const w = item.x1 - item.x0, h = item.y1 - item.y0, part = item.ancestors().find(up => up.depth === 1)?.data.name;
        const label = item.depth === 2 ? item.data.name : item.data.name + " " + bytes(item.data.use ? item.data.use.bytes : item.value);
        return html`<g><rect x=${item.x0} y=${item.y0} width=${Math.max(0, w)} height=${Math.max(0, h)} class=${"level" + item.depth} fill=${item.depth ? parts[part] || "#000" : undefined}>
            <title>${item.ancestors().reverse().map(up => up.data.name).join(" / ") + ": " + bytes(item.value)}</title></rect>
          ${w > 26 && h > 13 && html`<text class=${item.depth ? "inside" : "small"} x=${item.x0 + 4} y=${item.y0 + 11}>${tail(label, Math.max(2, Math.floor((w - 6) / 5.8)))}</text>`}</g>`;
      })}</svg>`;
  });
}

export function Memory() {
  const [rank, setRank] = useState(0);
  const node = report.nodes[rank], most = largest(report.nodes.map(n => n.arena_bytes));
  return html`
    <p class="tools"><label>Node <select id="node" value=${rank} onChange=${event => setRank(Number(event.target.value))}>
      ${report.nodes.map(n => html`<option value=${n.rank}>${nodeName(n.rank).slice(0, 60)}: arena ${bytes(n.arena_bytes)}${n.arena_bytes === most ? " (the largest)" : ""}</option>`)}</select></label></p>
    <h2>Arena</h2>
    <${Arena} key=${rank} node=${node} />
    ${node.memory && html`<h2>Memories of the board</h2><${Board} node=${node} />
      <${Table} id="memory-parts" rows=${node.memory} columns=${[word("part", use => use.part), word("memory", use => use.memory), number("bytes", use => use.bytes, Bytes),
        word("", use => (use.exact ? "exact" : "at most"))]} />`}`;
}
