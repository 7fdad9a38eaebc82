// The page: its head, its tabs, and which view is open. The part behind # of its address says so.
// SPDX-License-Identifier: Apache-2.0
import {render} from "preact";
import {useEffect, useState} from "preact/hooks";
import {against, layerOf, report} from "./data.js";
import {Compare} from "./compare.js";
import {html} from "./parts.js";
import {Layers} from "./layers.js";
import {Memory} from "./memory.js";
import {Network} from "./network.js";
import {Summary} from "./summary.js";
import {Timeline} from "./timeline.js";
import {Traffic} from "./traffic.js";

const views = {Summary, Network, Traffic, Timeline, Memory, Layers, ...(against ? {Compare} : {})};
const names = Object.keys(views);

function readAddress() {
  const [name, ...op] = location.hash.slice(1).split("/");
  let chosen;
  try {
    chosen = layerOf.get(decodeURIComponent(op.join("/")));
  } catch { /* an address that somebody typed */ }
  return {name: views[name] ? name : "Summary", chosen};
}
const go = (name, op) => { location.hash = name + (op ? "/" + encodeURIComponent(op) : ""); };

function Page() {
  const [{name, chosen}, setAddress] = useState(readAddress);
  useEffect(() => {
    const changed = () => setAddress(readAddress());
    addEventListener("hashchange", changed);
    return () => removeEventListener("hashchange", changed);
  }, []);
  const walk = event => {
    const step = {ArrowRight: 1, ArrowLeft: -1}[event.key];
    if (!step) return;
    const next = names[(names.indexOf(name) + step + names.length) % names.length];
    go(next);
    document.getElementById("tab-" + next).focus();
  };
  const open = op => go(name === "Network" ? "Network" : "Layers", op);
  const View = views[name];
  return html`
    <h1 dir="auto">${report.model}</h1>
    <p class="note">${report.nodes.length} ${report.nodes.length === 1 ? "node" : "nodes"}, ${report.layers.length} layers, discoc ${report.compiler}</p>
    <nav role="tablist">${names.map(other => html`<button role="tab" id=${"tab-" + other} aria-selected=${String(other === name)} aria-controls="view"
      tabIndex=${other === name ? 0 : -1} onClick=${() => go(other)} onKeyDown=${walk}>${other}</button>`)}</nav>
    <main id="view" class=${"view-" + name} role="tabpanel" aria-labelledby=${"tab-" + name}><${View} open=${open} chosen=${chosen} go=${go} /></main>`;
}

render(html`<${Page} />`, document.getElementById("page"));
