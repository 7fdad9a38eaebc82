// When what happens: a row a node and a row a link, drawn on a canvas. No library draws tracks without a network.
// SPDX-License-Identifier: Apache-2.0
import {useEffect, useMemo, useRef, useState} from "preact/hooks";
import {bytes, clocks, colourOf, count, duration, measured, nodeName, report} from "./data.js";
import {Table, html, number, word} from "./parts.js";

const rowTall = 22, head = 150, top = 24;

// Sets of events with the same form: what is computed, and under it what was measured.
const sets = [{title: "planned", schedule: report.schedule}, {title: "measured", schedule: measured}].filter(set => set.schedule?.events.length)
  .map(set => ({...set, known: set.schedule.events.every(event => event.start_ns !== undefined)}));
const known = sets.some(set => set.known);
const knownEnd = Math.max(1, ...sets.filter(set => set.known).map(set => set.schedule.events.reduce((end, event) => Math.max(end, event.end_ns), 0)));

// How much earlier or later the measured times of an event may be: both ends of a message have a clock. null: by any time.
function around(event) {
  if (event.set.title !== "measured" || !clocks) return 0;
  const both = event.kind === "transfer" ? [clocks[event.node], clocks[event.to]] : [clocks[event.node]];
  return both.includes(null) ? null : Math.max(...both);
}
const aroundText = most => (most === null ? "its clock is not known: perhaps much earlier or later" : "give or take " + duration(most));

// Where no times are known the order is left: every event is a column, as wide as leaves room for all under what was measured.
function timed(set) {
  const wide = known ? knownEnd / set.schedule.events.length : 1;
  return set.schedule.events.map((event, i) => ({...event, set, start: set.known ? event.start_ns : i * wide, end: set.known ? event.end_ns : (i + 1) * wide}));
}

// From the last event back to what each waited for: what ended last, of all that it needed.
function criticalPath(events) {
  const of = new Map(); // by node or link, in the order of their ends
  const add = (key, event) => of.get(key)?.push(event) || of.set(key, [event]);
  for (const event of [...events].sort((a, b) => a.end - b.end)) {
    if (event.kind === "compute") add("node " + event.node, event);
    if (event.kind !== "transfer") continue;
    add("to " + event.to, event);
    add("from " + event.node, event);
  }
  const path = new Set();
  // The last of a list that ended before the event began, and is not on the path yet.
  const before = (key, event) => {
    const list = of.get(key) || [];
    let low = 0, high = list.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (list[middle].end <= event.start) low = middle + 1;
      else high = middle;
    }
    while (low > 0 && path.has(list[low - 1])) --low;
    return list[low - 1];
  };
  let now = events.filter(event => event.kind !== "wait").reduce((last, event) => (!last || event.end > last.end ? event : last), null);
  while (now && !path.has(now)) {
    path.add(now);
    const keys = now.kind === "compute" ? ["node " + now.node, "to " + now.node] : ["node " + now.node, "node " + now.to, "from " + now.node, "to " + now.to];
    now = keys.map(key => before(key, now)).filter(Boolean).reduce((best, event) => (!best || event.end > best.end ? event : best), null);
  }
  return path;
}

function rowsOf(events, title, links) {
  const unsure = rank => (title === "measured" && clocks && clocks[rank] !== 0 ? (clocks[rank] === null ? " ?" : " ±") : "");
  const list = report.nodes.map(node => ({key: "n" + node.rank, label: nodeName(node.rank) + (sets.length > 1 ? ", " + title : "") + unsure(node.rank), events: []}));
  const byKey = new Map(list.map(row => [row.key, row]));
  const transfers = [...new Set(events.filter(e => e.kind === "transfer").map(e => e.node * 65536 + e.to))].sort((a, b) => a - b);
  if (links)
    for (const pair of transfers) {
      const [from, to] = [Math.floor(pair / 65536), pair % 65536];
      const row = {key: "l" + from + " " + to, label: from + " → " + to + (sets.length > 1 ? ", " + title : ""), link: true, events: []};
      byKey.set(row.key, row);
      list.push(row);
    }
  for (const event of events) byKey.get(event.kind === "transfer" ? "l" + event.node + " " + event.to : "n" + event.node)?.events.push(event);
  return list;
}

function useScene(links) {
  return useMemo(() => {
    const rows = [], messages = new Map();
    let end = 1, path = new Set();
    for (const set of sets) {
      const events = timed(set);
      for (const event of events) {
        end = Math.max(end, event.end);
        if (event.kind === "transfer") messages.set(event.message, event);
      }
      if (set.known) path = new Set([...path, ...criticalPath(events)]);
      rows.push(...rowsOf(events, set.title, links));
    }
    return {rows, messages, end, path};
  }, [links]);
}

const describe = (event, scene, times = true) => {
  const most = around(event);
  const took = event.set.known && times ? duration(event.end - event.start) + " from " + duration(event.start) + (most === 0 ? "" : ", " + aroundText(most)) : "";
  if (event.kind === "compute") return nodeName(event.node) + " computes " + event.op.slice(0, 120) + (took && ", " + took);
  const message = "message " + event.message;
  if (event.kind === "transfer") return message + " from " + event.node + " to " + event.to + ", " + bytes(event.bytes) + (event.op ? " of " + event.op.slice(0, 120) : "") + (took && ", " + took);
  const cause = scene.messages.get(event.message);
  if (!cause) return nodeName(event.node) + " waits for " + message + (took && ", " + took);
  return nodeName(event.node) + (cause.to === event.node ? " waits for " + message + " from node " + cause.node : " waits until " + message + " to node " + cause.to + " has left")
    + ", " + bytes(cause.bytes) + (cause.op ? " of " + cause.op.slice(0, 120) : "") + (took && ", " + took);
};

function hatch(context, colour) {
  const tile = document.createElement("canvas");
  tile.width = tile.height = 6;
  const pen = tile.getContext("2d");
  pen.strokeStyle = colour;
  pen.beginPath();
  pen.moveTo(0, 6);
  pen.lineTo(6, 0);
  pen.stroke();
  return context.createPattern(tile, "repeat");
}

function draw(canvas, scene, view) {
  const style = getComputedStyle(document.documentElement), colour = name => style.getPropertyValue(name);
  const wide = canvas.clientWidth, tall = top + scene.rows.length * rowTall, ratio = devicePixelRatio || 1;
  canvas.width = wide * ratio;
  canvas.height = tall * ratio;
  const pen = canvas.getContext("2d");
  pen.scale(ratio, ratio);
  pen.font = "11px system-ui, sans-serif";
  const left = wide < 500 ? 70 : head;
  const x = time => left + ((time - view.from) / (view.to - view.from)) * (wide - left);
  const waiting = hatch(pen, colour("--dim"));
  pen.fillStyle = pen.strokeStyle = colour("--line");
  for (let i = 0; i <= 5; ++i) {
    const time = view.from + ((view.to - view.from) * i) / 5;
    pen.fillStyle = colour("--line");
    pen.fillRect(Math.min(x(time), wide - 1), top - 4, 1, tall);
    pen.fillStyle = colour("--dim");
    pen.textAlign = i === 5 ? "right" : i ? "center" : "left";
    if (wide > 500 || i % 5 === 0) pen.fillText(known ? duration(Math.round(time)) : count(Math.round(time)), x(time), 12);
  }
  pen.textAlign = "left";
  scene.rows.forEach((row, at) => {
    const y = top + at * rowTall;
    if (at % 2) { pen.globalAlpha = 0.35; pen.fillStyle = colour("--track"); pen.fillRect(0, y, wide, rowTall); pen.globalAlpha = 1; }
    pen.save();
    pen.beginPath();
    pen.rect(left, y, wide - left, rowTall);
    pen.clip();
    for (const event of row.events) {
      if (event.end < view.from || event.start > view.to) continue;
      const from = x(event.start), width = Math.max(1, x(event.end) - from - 0.5);
      pen.fillStyle = event.kind === "wait" ? waiting : colourOf(event.node);
      const thin = event.kind === "transfer" ? 6 : 3;
      // What may lie elsewhere in time is pale, with as much beside it as it may be off.
      const most = around(event), reach = most === null ? 0 : (most / (view.to - view.from)) * (wide - left);
      if (most !== 0) {
        pen.globalAlpha = 0.3;
        pen.fillRect(from - reach, y + thin + 5, width + 2 * reach, rowTall - 2 * thin - 10);
        pen.globalAlpha = most === null ? 0.45 : 1;
      }
      pen.fillRect(from, y + thin, width, rowTall - 2 * thin);
      pen.globalAlpha = 1;
      if (most === null) { pen.strokeStyle = colour("--text"); pen.lineWidth = 1; pen.setLineDash([3, 2]); pen.strokeRect(from + 0.5, y + thin + 0.5, Math.max(1, width - 1), rowTall - 2 * thin - 1); pen.setLineDash([]); }
      if (scene.path.has(event)) { pen.strokeStyle = colour("--text"); pen.lineWidth = 2; pen.strokeRect(from + 1, y + thin, Math.max(1, width - 2), rowTall - 2 * thin); }
      if (width > 46 && event.kind !== "wait") {
        const text = event.kind === "compute" ? event.op.slice(-80) : bytes(event.bytes);
        const most = Math.floor(width / 6.5);
        pen.fillStyle = "#fff";
        pen.strokeStyle = "#000a";
        pen.lineWidth = 2.5;
        const shown = text.length > most ? "…" + text.slice(-most + 1) : text;
        pen.strokeText(shown, from + 4, y + 15);
        pen.fillText(shown, from + 4, y + 15);
      }
    }
    pen.restore();
    pen.fillStyle = colour("--text");
    pen.fillText(row.label.slice(0, left / 6), row.link ? 14 : 2, y + 15);
  });
}

// Which clocks are not known to the nanosecond, in words.
function Clocks() {
  if (!measured || !clocks) return null;
  const open = clocks.flatMap((most, rank) => (most === null ? [rank] : [])), within = clocks.flatMap((most, rank) => (most ? [rank] : []));
  if (!open.length && !within.length) return null;
  return html`<p class="note" id="clocks">${within.length > 0 && "± Times of " + within.map(rank => nodeName(rank) + " within " + duration(clocks[rank])).join(", ") + ": drawn as a thin bar beside each event. "}
    ${open.length > 0 && "? The clock of " + open.map(nodeName).join(", ") + " is bounded by messages from one side at most: what is dashed and pale may have been earlier or later."}</p>`;
}

// The longest waits, in words: the picture for those who do not see it.
function Waits({scene}) {
  const waits = scene.rows.flatMap(row => row.events).filter(event => event.set.known && event.kind === "wait" && event.end > event.start).sort((a, b) => b.end - b.start - (a.end - a.start));
  if (!waits.length) return null;
  return html`<h2>The longest waits</h2><${Table} id="waits" rows=${waits} most=${12} columns=${[...(sets.length > 1 ? [word("set", w => w.set.title)] : []), number("node", w => w.node),
    {title: "waits", key: w => w.end - w.start, cell: w => html`<data value=${w.end - w.start}>${duration(w.end - w.start)}</data>`},
    number("message", w => w.message), word("for what", w => describe(w, scene, false).replace(/^.*? waits /, ""))]} />`;
}

export function Timeline() {
  const [links, setLinks] = useState(report.nodes.length <= 8);
  const scene = useScene(links);
  const canvas = useRef(null), drag = useRef(null);
  const [view, setView] = useState({from: 0, to: scene.end});
  const [said, say] = useState("");
  useEffect(() => {
    if (!canvas.current) return;
    const again = () => canvas.current && draw(canvas.current, scene, view);
    again();
    const dark = matchMedia("(prefers-color-scheme: dark)");
    dark.addEventListener("change", again);
    addEventListener("resize", again);
    return () => { dark.removeEventListener("change", again); removeEventListener("resize", again); };
  }, [scene, view]);
  if (!sets.length)
    return html`<p>${report.schedule?.left_out ? "The schedule has " + count(report.schedule.left_out) + " events, too many to be listed in report.json." : "This report has no schedule."}</p>`;
  const span = view.to - view.from;
  const zoom = (factor, at = 0.5) => setView(old => {
    const wide = Math.min(scene.end, Math.max(scene.end / 5000, (old.to - old.from) * factor));
    const from = Math.max(0, Math.min(scene.end - wide, old.from + (old.to - old.from) * at - wide * at));
    return {from, to: from + wide};
  });
  const shift = by => setView(old => {
    const from = Math.max(0, Math.min(scene.end - (old.to - old.from), old.from + by));
    return {from, to: from + old.to - old.from};
  });
  const left = () => (canvas.current.clientWidth < 500 ? 70 : head);
  const timeAt = event => view.from + ((event.offsetX - left()) / (canvas.current.clientWidth - left())) * span;
  const move = event => {
    if (drag.current !== null) {
      shift(((drag.current - event.offsetX) / (canvas.current.clientWidth - left())) * span);
      drag.current = event.offsetX;
      return;
    }
    const row = scene.rows[Math.floor((event.offsetY - top) / rowTall)], time = timeAt(event), slack = span / 400;
    const hit = row?.events.find(e => e.start <= time && time <= e.end) || row?.events.find(e => e.start - slack <= time && time <= e.end + slack);
    say(hit ? describe(hit, scene) : "");
  };
  const step = event => {
    const {key} = event;
    if (key === "ArrowLeft") shift(-span / 8);
    else if (key === "ArrowRight") shift(span / 8);
    else if (key === "+") zoom(0.7);
    else if (key === "-") zoom(1 / 0.7);
    else return;
    event.preventDefault();
  };
  const wheel = event => {
    if (!event.ctrlKey && !event.shiftKey) return;
    event.preventDefault();
    zoom(event.deltaY > 0 ? 1.2 : 1 / 1.2, (event.offsetX - left()) / (canvas.current.clientWidth - left()));
  };
  return html`
    <p class="tools"><button onClick=${() => zoom(0.7)} aria-label="zoom in">+</button><button onClick=${() => zoom(1 / 0.7)} aria-label="zoom out">−</button>
      <button onClick=${() => setView({from: 0, to: scene.end})}>All</button>
      <label><input type="checkbox" id="links" checked=${links} onChange=${event => setLinks(event.target.checked)} /> links</label></p>
    <p class="note">${sets.length > 1 ? "Above what was planned" + (sets[0].known ? "" : " (no speeds are stated: the order alone)") + ", under it what was measured: the inference of median duration. " : ""}${known ? "Filled: a node computes, or a link carries a message (thin). Hatched: a node waits. Outlined: the critical path."
      : "No times are known, since speeds of nodes or links are not stated: the order alone, a column an event."} Drag or arrow keys move, + and − zoom.</p>
    <${Clocks} />
    <p class="said" id="said" aria-live="polite">${said || "Point at an event."}</p>
    <canvas ref=${canvas} id="timeline" tabIndex="0" role="img" aria-label=${"time line of " + scene.rows.length + " rows; the waits are listed below"}
      style=${{height: top + scene.rows.length * rowTall + "px"}} onKeyDown=${step} onWheel=${wheel} onPointerMove=${move}
      onPointerDown=${event => { drag.current = event.offsetX; }} onPointerUp=${() => { drag.current = null; }} onPointerLeave=${() => { drag.current = null; say(""); }}></canvas>
    ${known && html`<${Waits} scene=${scene} />`}`;
}
