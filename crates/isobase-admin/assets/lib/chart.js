// Stacked bars over time as our own SVG, with the same numbers as a table.

import { h, put, svg } from "./dom.js";
import { count } from "./format.js";
import { button } from "./ui.js";

const [WIDTH, HEIGHT, LEFT, BOTTOM] = [720, 180, 44, 22];

/**
 * @param {{title: string, buckets: {label: string, values: Record<string, number>}[],
 *   series: {name: string, className: string}[], onpick?: (from: number, to: number) => void}} data
 *   `onpick` is told the first and the last bar of a stretch that was drawn with the pointer
 */
export function bars({ title, buckets, series, onpick }) {
  const totals = buckets.map(({ values }) => series.reduce((sum, { name }) => sum + (values[name] ?? 0), 0));
  const top = niceTop(Math.max(1, ...totals));
  const step = (WIDTH - LEFT) / Math.max(1, buckets.length);
  const y = (value) => (HEIGHT - BOTTOM) * (1 - value / top);
  const grid = [0, top / 2, top].map((value) => [
    svg("line.grid", { x1: LEFT, x2: WIDTH, y1: y(value), y2: y(value) }),
    svg("text", { x: LEFT - 6, y: y(value) + 4, "text-anchor": "end" }, count(value)),
  ]);
  const columns = buckets.map(({ label, values }, index) => {
    let below = 0;
    const parts = series.map(({ name, className }) => {
      const value = values[name] ?? 0;
      const part = value > 0 && svg(`rect.${className}`, {
        x: LEFT + index * step + step * 0.1,
        width: Math.max(1, step * 0.8),
        y: y(below + value),
        height: Math.max(1, y(below) - y(below + value)),
      });
      below += value;
      return part;
    });
    const told = series.map(({ name }) => `${name}: ${count(values[name] ?? 0)}`).join(", ");
    return svg("g", {}, svg("title", {}, `${label} · ${told}`), parts);
  });
  const every = Math.ceil(buckets.length / 6);
  const labels = buckets.map(({ label }, index) =>
    index % every === 0 && svg("text", { x: LEFT + index * step, y: HEIGHT - 6 }, label));
  const drawing = svg("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", "aria-label": title }, grid, columns, labels);
  if (onpick) pick(drawing, step, buckets.length, onpick);
  const legend = h("ul.legend", {}, series.map(({ name, className }) =>
    h("li", {}, h(`span.swatch.${className}`, { "aria-hidden": "true" }), name)));
  const place = h("div", {}, drawing);
  let asTable = false;
  const swap = button("Show as table", () => {
    asTable = !asTable;
    swap.textContent = asTable ? "Show as chart" : "Show as table";
    put(place, asTable ? numbers(title, buckets, series) : drawing);
  });
  return h("figure.chart", {}, h("figcaption", {}, title, swap), place, legend);
}

function numbers(title, buckets, series) {
  return h("div.table", { tabindex: "0", role: "region", "aria-label": title }, h("table", {},
    h("thead", {}, h("tr", {}, h("th", { scope: "col" }, "Time"), series.map(({ name }) => h("th", { scope: "col" }, name)))),
    h("tbody", {}, buckets.map(({ label, values }) =>
      h("tr", {}, h("th", { scope: "row" }, label), series.map(({ name }) => h("td", {}, count(values[name] ?? 0))))))));
}

function niceTop(value) {
  const power = 10 ** Math.floor(Math.log10(value));
  return [1, 2, 5, 10].map((factor) => factor * power).find((top) => top >= value);
}

function pick(drawing, step, length, onpick) {
  let from = null;
  const at = (event) => {
    const box = drawing.getBoundingClientRect();
    const x = ((event.clientX - box.left) / box.width) * WIDTH;
    return Math.min(length - 1, Math.max(0, Math.floor((x - LEFT) / step)));
  };
  drawing.addEventListener("pointerdown", (event) => { from = at(event); });
  drawing.addEventListener("pointerup", (event) => {
    if (from === null) return;
    const to = at(event);
    onpick(Math.min(from, to), Math.max(from, to));
    from = null;
  });
}
