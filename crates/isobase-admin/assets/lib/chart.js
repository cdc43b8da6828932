// Numbers over time as our own SVG: stacked bars or lines, with the same numbers as a table.

import { h, put, svg } from "./dom.js";
import { count } from "./format.js";
import { button } from "./ui.js";

const [WIDTH, HEIGHT, LEFT, BOTTOM, TOP] = [720, 190, 52, 22, 8];

/**
 * @typedef {{title: string, kind: "bars"|"lines",
 *   buckets: {label: string, values: Record<string, number|null>}[],
 *   series: {name: string, className: string}[], format?: (value: number) => string, least?: number,
 *   onpick?: (from: number, to: number) => void, onreset?: () => void}} Chart
 *   `onpick` is told the first and the last bucket of a stretch that was drawn with the pointer, or
 *   with Enter twice; `onreset` that Escape was pressed
 */

/** @param {Chart} chart */
export function chart({ title, kind, buckets, series, format = count, least = 1, onpick, onreset }) {
  const step = (WIDTH - LEFT) / Math.max(1, buckets.length);
  const sum = ({ values }) => series.reduce((all, { name }) => all + (values[name] ?? 0), 0);
  const most = ({ values }) => Math.max(0, ...series.map(({ name }) => values[name] ?? 0));
  const top = niceTop(Math.max(least, ...buckets.map(kind === "bars" ? sum : most)));
  const y = (value) => TOP + (HEIGHT - BOTTOM - TOP) * (1 - value / top);
  const x = (index) => LEFT + index * step;
  const grid = [0, top / 2, top].map((value) => [
    svg("line.grid", { x1: LEFT, x2: WIDTH, y1: y(value), y2: y(value) }),
    svg("text", { x: LEFT - 6, y: y(value) + 4, "text-anchor": "end" }, format(value)),
  ]);
  const drawn = kind === "bars" ? columns({ buckets, series, x, y, step }) : curves({ buckets, series, x, y, step });
  const every = Math.ceil(buckets.length / 6);
  const labels = buckets.map(({ label }, index) =>
    index % every === 0 && index + every / 2 < buckets.length && svg("text", { x: x(index), y: HEIGHT - 6 }, label));
  const cursor = svg("g", {});
  const drawing = svg("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", "aria-label": title }, grid, drawn, cursor, labels);
  const told = h("p.muted", { role: "status" });
  const tell = (at) => {
    const { label, values } = buckets[at];
    put(told, `${label}: ${series.map(({ name }) => `${name} ${shown(values[name], format)}`).join(", ")}`);
  };
  const plot = h("div.plot", { tabindex: "0", role: "group", "aria-label": `${title}. Arrow keys go through time${onpick ? ", Enter begins and ends a stretch" : ""}.` }, drawing);
  moving(plot, drawing, cursor, { length: buckets.length, x, step, tell, onpick, onreset });
  const legend = h("ul.legend", {}, series.map(({ name, className }) =>
    h("li", {}, h(`span.swatch.${className}`, { "aria-hidden": "true" }), name)));
  const place = h("div", {}, plot, told);
  let asTable = false;
  const swap = button("Show as table", () => {
    asTable = !asTable;
    swap.textContent = asTable ? "Show as chart" : "Show as table";
    put(place, asTable ? numbers(title, buckets, series, format) : [plot, told]);
  }, { "data-testid": "chart-table" });
  return h("figure.chart", {}, h("figcaption", {}, title, swap), place, legend);
}

function shown(value, format) {
  return value === null || value === undefined ? "–" : format(value);
}

function columns({ buckets, series, x, y, step }) {
  return buckets.map(({ values }, index) => {
    let below = 0;
    return svg("g", {}, series.map(({ name, className }) => {
      const value = values[name] ?? 0;
      const part = value > 0 && svg(`rect.${className}`, {
        x: x(index) + step * 0.1,
        width: Math.max(1, step * 0.8),
        y: y(below + value),
        height: Math.max(1, y(below) - y(below + value)),
      });
      below += value;
      return part;
    }));
  });
}

/** Lines that are broken where nothing is known; a single point is a dot. */
function curves({ buckets, series, x, y, step }) {
  return series.map(({ name, className }) => {
    const runs = [];
    let run = [];
    buckets.forEach(({ values }, index) => {
      const value = values[name];
      if (value === null || value === undefined) run = [];
      else {
        if (run.length === 0) runs.push(run);
        run.push([x(index) + step / 2, y(value)]);
      }
    });
    return svg("g", {}, runs.map((points) => (points.length === 1
      ? svg(`circle.line.${className}`, { cx: points[0][0], cy: points[0][1], r: 2.5 })
      : svg(`polyline.line.${className}`, { points: points.map((point) => point.map((one) => one.toFixed(1)).join(",")).join(" ") }))));
  });
}

function numbers(title, buckets, series, format) {
  return h("div.table", { tabindex: "0", role: "region", "aria-label": title }, h("table", {},
    h("thead", {}, h("tr", {}, h("th", { scope: "col" }, "Time"), series.map(({ name }) => h("th", { scope: "col" }, name)))),
    h("tbody", {}, buckets.map(({ label, values }) =>
      h("tr", {}, h("th", { scope: "row" }, label), series.map(({ name }) => h("td", { "data-label": name }, shown(values[name], format))))))));
}

function niceTop(value) {
  const power = 10 ** Math.floor(Math.log10(value));
  return [1, 2, 5, 10].map((factor) => factor * power).find((top) => top >= value);
}

/** The bucket that the pointer or the keys are at, and the stretch that is drawn. */
function moving(plot, drawing, cursor, { length, x, step, tell, onpick, onreset }) {
  let at = null;
  let from = null;
  const draw = () => {
    const [first, last] = from === null ? [at, at] : [Math.min(from, at), Math.max(from, at)];
    put(cursor,
      from !== null && svg("rect.picked", { x: x(first), y: 0, width: (last - first + 1) * step, height: HEIGHT - BOTTOM }),
      at !== null && svg("line.cursor", { x1: x(at) + step / 2, x2: x(at) + step / 2, y1: 0, y2: HEIGHT - BOTTOM }));
    if (at !== null) tell(at);
  };
  const pick = () => {
    const [first, last] = [Math.min(from, at), Math.max(from, at)];
    from = null;
    draw();
    onpick(first, last);
  };
  const under = (event) => {
    const box = drawing.getBoundingClientRect();
    return Math.min(length - 1, Math.max(0, Math.floor((((event.clientX - box.left) / box.width) * WIDTH - LEFT) / step)));
  };
  if (length === 0) return;
  drawing.addEventListener("pointermove", (event) => { at = under(event); draw(); });
  drawing.addEventListener("pointerleave", () => { if (from === null) { at = null; draw(); } });
  if (onpick) {
    drawing.addEventListener("pointerdown", (event) => {
      at = from = under(event);
      drawing.setPointerCapture(event.pointerId);
      draw();
    });
    drawing.addEventListener("pointerup", (event) => {
      if (from === null) return;
      at = under(event);
      if (at === from && length > 1) {
        // A click is no stretch.
        from = null;
        draw();
      } else pick();
    });
    drawing.addEventListener("pointercancel", () => { from = null; draw(); });
  }
  plot.addEventListener("keydown", (event) => {
    const move = { ArrowRight: 1, ArrowLeft: -1, PageDown: 10, PageUp: -10, Home: -length, End: length }[event.key];
    if (move) {
      at = at === null ? (move > 0 ? 0 : length - 1) : Math.min(length - 1, Math.max(0, at + move));
    } else if (event.key === "Enter" && onpick && at !== null) {
      if (from !== null) {
        event.preventDefault();
        pick();
        return;
      }
      from = at;
    } else if (event.key === "Escape" && from !== null) {
      from = null;
    } else if (event.key === "Escape" && onreset) {
      onreset();
    } else return;
    event.preventDefault();
    draw();
  });
}
