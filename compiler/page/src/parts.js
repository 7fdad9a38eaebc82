// Parts of several views: values, bars, tables that sort.
// SPDX-License-Identifier: Apache-2.0
import {html} from "htm/preact";
import {useState} from "preact/hooks";
import {colourOf, bytes, count, largest, sum} from "./data.js";

export {html};
// The exact number stands in the element, and in its title.
export const Exact = ({value, show, unit = ""}) =>
  html`<data value=${value} title=${value.toLocaleString("en") + unit}>${show(value)}</data>`;
export const Bytes = ({value}) => html`<${Exact} value=${value} show=${bytes} unit=" bytes" />`;
export const Count = ({value}) => html`<${Exact} value=${value} show=${count} />`;

export function Bar({part, whole}) {
  const width = whole > 0 ? 100 * Math.min(1, part / whole) : 0;
  return html`<span class="bar" aria-hidden="true"><i style=${{width: width + "%"}}></i></span>`;
}

// Who has how much, side by side: a colour and the rank of each.
export function Shares({parts, label}) {
  const whole = sum(parts.map(part => part.value));
  if (!whole) return null;
  const text = parts.map(part => "node " + part.rank + ": " + ((100 * part.value) / whole).toFixed(1) + " %").join(", ");
  return html`<span class="shares" role="img" aria-label=${(label ? label + ": " : "") + text} title=${text}>
    ${parts.filter(part => part.value > 0).map(part =>
      html`<i style=${{width: (100 * part.value) / whole + "%", background: colourOf(part.rank)}}>${part.value / whole > 0.06 ? part.rank : ""}</i>`)}
  </span>`;
}

const compare = (a, b) => (a < b ? -1 : a > b ? 1 : 0);

// A column: title, cell(row), key(row) to sort by; `word` is aligned left. A heading sorts: numbers begin with the largest.
export function Table({columns, rows, open, id, most}) {
  const [order, setOrder] = useState({at: -1, down: false});
  const [whole, setWhole] = useState(false);
  const key = columns[order.at]?.key;
  let shown = key ? [...rows].sort((a, b) => compare(key(a), key(b)) * (order.down ? -1 : 1)) : rows;
  const left = most && !whole ? Math.max(0, shown.length - most) : 0;
  if (left) shown = shown.slice(0, most);
  const sort = at => setOrder({at, down: order.at === at ? !order.down : !columns[at].word});
  const press = row => event => {
    if (event.target === event.currentTarget && (event.key === "Enter" || event.key === " ")) {
      event.preventDefault();
      open(row);
    }
  };
  const heading = (column, at) => {
    const sorted = order.at === at ? (order.down ? "descending" : "ascending") : undefined;
    const mark = sorted ? (order.down ? " ▼" : " ▲") : "";
    return html`<th scope="col" class=${column.word ? "word" : ""} aria-sort=${sorted}>
      ${column.key ? html`<button onClick=${() => sort(at)}>${column.title}${mark}</button>` : column.title}</th>`;
  };
  const row = row => html`<tr ...${open ? {class: "choice", tabIndex: 0, onClick: () => open(row), onKeyDown: press(row)} : {}}>
    ${columns.map(column => html`<td class=${column.word ? "word" : ""} dir=${column.word ? "auto" : undefined}>${column.cell(row)}</td>`)}</tr>`;
  return html`<div class="scroll" tabIndex="0" role="region" aria-label=${id || "table"}><table id=${id}>
      <thead><tr>${columns.map(heading)}</tr></thead>
      <tbody>${shown.map(row)}</tbody></table></div>
    ${left > 0 && html`<button onClick=${() => setWhole(true)}>Show ${left} more</button>`}`;
}

// Columns of the kinds that most tables have.
export const word = (title, value) => ({title, word: true, key: value, cell: row => html`<span class="name" title=${value(row)}>${value(row)}</span>`});
export const number = (title, value, Kind = Count) => ({title, key: value, cell: row => html`<${Kind} value=${value(row)} />`});
export const plain = (title, value) => ({title, key: value, cell: row => html`<data value=${value(row)}>${value(row)}</data>`});
export function barred(title, value, rows, Kind = Count) {
  const most = largest(rows.map(value));
  return {title, key: value, cell: row => html`<${Kind} value=${value(row)} /><${Bar} part=${value(row)} whole=${most} />`};
}
