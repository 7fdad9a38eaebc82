// The graph of layers. dagre says where each lies.
// SPDX-License-Identifier: Apache-2.0
import * as dagre from "@dagrejs/dagre";
import {useEffect, useMemo, useRef, useState} from "preact/hooks";
import {bytes, colourOf, largest, layerOf, percent, readBytes, report, sum, tail} from "./data.js";
import {html} from "./parts.js";
import {Op} from "./op.js";

const wide = 190, tall = 46;

function layOut() {
  const graph = new dagre.graphlib.Graph();
  graph.setGraph({nodesep: 18, ranksep: 34, rankdir: "TB", ranker: report.layers.length > 400 ? "longest-path" : "network-simplex"});
  graph.setDefaultEdgeLabel(() => ({}));
  report.layers.forEach((layer, i) => graph.setNode(String(i), {width: wide, height: tall}));
  const index = new Map(report.layers.map((layer, i) => [layer.op, i]));
  report.layers.forEach((layer, i) => {
    for (const input of layer.inputs || []) if (index.has(input)) graph.setEdge(String(index.get(input)), String(i));
  });
  dagre.layout(graph);
  const {width = wide, height = tall} = graph.graph();
  return {width, height, index, places: report.layers.map((layer, i) => graph.node(String(i))),
    edges: graph.edges().map(edge => ({from: Number(edge.v), to: Number(edge.w), points: graph.edge(edge).points}))};
}

// What crosses for an edge: all that its reader reads of other nodes, or at most what is sent of its source.
function crossing(edge) {
  const reader = report.layers[edge.to], source = report.layers[edge.from];
  return reader.inputs.length === 1 ? readBytes(reader) : Math.min(readBytes(reader), sum(source.nodes.map(n => n.send_bytes)));
}

function Layer({layer, place, found, chosen, open}) {
  const whole = sum(layer.nodes.map(n => n.macs)) || sum(layer.nodes.map(n => n.channels)) || 1;
  const value = n => (layer.macs ? n.macs : n.channels);
  let x = 0;
  const label = layer.op + ", " + layer.type + ", " + layer.nodes.map(n => "node " + n.rank + " " + percent(value(n), whole)).join(", ") + ", reads " + bytes(readBytes(layer));
  return html`<g class=${"layer" + (found ? " found" : "") + (chosen ? " chosen" : "")} transform=${`translate(${place.x - wide / 2} ${place.y - tall / 2})`}
      tabIndex="0" role="button" aria-label=${label} onClick=${() => open(layer.op)}
      onKeyDown=${event => { if (event.key === "Enter" || event.key === " ") { event.preventDefault(); open(layer.op); } }}>
    <title>${label}</title>
    <rect class="box" width=${wide} height=${tall} rx="5" />
    <text x="8" y="15" font-weight="600">${tail(layer.type, 24)}</text>
    <text class="small" x="8" y="28">${tail(layer.op, 30)}</text>
    ${layer.nodes.map(n => {
      const width = ((wide - 16) * value(n)) / whole, left = x;
      x += width;
      return width > 0 && html`<rect x=${8 + left} y="33" width=${Math.max(0.5, width - 1)} height="9" fill=${colourOf(n.rank)} />
        ${width > 12 && html`<text class="inside" x=${8 + left + width / 2} y="41" text-anchor="middle">${n.rank}</text>`}`;
    })}</g>`;
}

export function Network({open, chosen}) {
  const plan = useMemo(layOut, []);
  const box = useRef(null), drag = useRef(null);
  const whole = {x: -20, y: -20, w: plan.width + 40, h: plan.height + 40};
  // A long network begins at its top, at a size that can be read.
  const start = {x: plan.width / 2 - Math.min(plan.width + 40, 1000) / 2, y: -20, w: Math.min(plan.width + 40, 1000), h: 600};
  const [view, setView] = useState(start);
  const [search, setSearch] = useState("");
  const wanted = search.toLowerCase();
  const found = wanted ? report.layers.map((layer, i) => i).filter(i => (report.layers[i].op + "\n" + report.layers[i].type).toLowerCase().includes(wanted)) : [];
  const centre = i => setView(old => ({...old, x: plan.places[i].x - old.w / 2, y: plan.places[i].y - old.h / 2}));
  const zoom = (factor, cx = 0.5, cy = 0.5) => setView(old => ({x: old.x + old.w * cx * (1 - factor), y: old.y + old.h * cy * (1 - factor), w: old.w * factor, h: old.h * factor}));
  useEffect(() => { if (found.length) centre(found[0]); }, [search]);
  useEffect(() => { if (chosen) centre(plan.index.get(chosen.op)); }, [chosen]);
  const wheel = event => {
    if (!event.ctrlKey && !event.shiftKey) return; // the page scrolls
    event.preventDefault();
    const area = box.current.getBoundingClientRect();
    zoom(event.deltaY > 0 ? 1.15 : 1 / 1.15, (event.clientX - area.left) / area.width, (event.clientY - area.top) / area.height);
  };
  const scale = () => view.w / box.current.getBoundingClientRect().width;
  const move = event => {
    if (!drag.current) return;
    const [x, y] = drag.current;
    drag.current = [event.clientX, event.clientY];
    setView(old => ({...old, x: old.x - (event.clientX - x) * scale(), y: old.y - (event.clientY - y) * scale()}));
  };
  const step = event => {
    const by = {ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1]}[event.key];
    if (by) setView(old => ({...old, x: old.x + by[0] * old.w * 0.15, y: old.y + by[1] * old.h * 0.15}));
    else if (event.key === "+") zoom(1 / 1.25);
    else if (event.key === "-") zoom(1.25);
    else return;
    event.preventDefault();
  };
  const widest = largest(plan.edges.map(crossing)) || 1;
  const seen = item => item.x > view.x - wide && item.x < view.x + view.w + wide && item.y > view.y - tall - 60 && item.y < view.y + view.h + tall + 60;
  return html`
    <p class="tools"><label>Search <input type="search" id="search" placeholder="op or type" value=${search} onInput=${event => setSearch(event.target.value)} /></label>
      ${wanted && html`<span role="status" id="found">${found.length} found</span>`}
      <button onClick=${() => zoom(1 / 1.25)} aria-label="zoom in">+</button> <button onClick=${() => zoom(1.25)} aria-label="zoom out">−</button>
      <button id="whole" onClick=${() => setView(whole)}>All</button> <button onClick=${() => setView(start)}>Top</button></p>
    <p class="note">Coloured parts with ranks: who computes which share. A line's width: bytes that cross for the op below. Drag or arrow keys move, + and − zoom; a click, or Enter, opens an op.</p>
    <div class="beside">
    <svg class="network" id="network" ref=${box} viewBox=${[view.x, view.y, view.w, view.h].join(" ")} tabIndex="0" aria-label="graph of layers" onKeyDown=${step} onWheel=${wheel}
        onPointerDown=${event => { drag.current = [event.clientX, event.clientY]; }} onPointerMove=${move} onPointerUp=${() => { drag.current = null; }} onPointerLeave=${() => { drag.current = null; }}>
      ${plan.edges.filter(edge => edge.points.some(seen)).map(edge => {
        const crosses = crossing(edge);
        return html`<polyline class=${crosses ? "edge crosses" : "edge"} points=${edge.points.map(p => p.x + "," + p.y).join(" ")} stroke-width=${1 + (7 * crosses) / widest}>
          <title>${(crosses ? bytes(crosses) + " cross" : "nothing crosses") + " for " + report.layers[edge.to].op}</title></polyline>`;
      })}
      ${report.layers.map((layer, i) => seen(plan.places[i]) && html`<${Layer} key=${i} layer=${layer} place=${plan.places[i]} found=${found.includes(i)} chosen=${chosen === layer} open=${open} />`)}
    </svg>
    ${chosen && html`<${Op} layer=${chosen} open=${open} />`}
    </div>`;
}
