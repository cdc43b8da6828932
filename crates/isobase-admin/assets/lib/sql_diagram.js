// How tables refer to each other, as our own drawing, with the same as a list.

import { get } from "./api.js";
import { h, put, svg } from "./dom.js";
import { button, empty, field, inputOf, table } from "./ui.js";

const BASE = "/api/v1/sql";
const [WIDTH, LINE, HEAD, GAP_X, GAP_Y, MARGIN] = [200, 18, 26, 90, 24, 12];
/** More tables than these are not drawn: no one could read it. */
const TABLES_MAX = 150;
const ZOOMS = [0.25, 0.5, 0.75, 1, 1.5, 2];

/** The drawing of all tables that refer or are referred to. */
export async function diagram(signal) {
  const { references } = await get(`${BASE}/references`, {}, { signal });
  if (references.length === 0) return empty("No table refers to another one.", h("a", { href: "/admin/sql?view=tables" }, "To the tables"));
  const box = h("div.diagram", { tabindex: "0", role: "region", "aria-label": "Diagram" });
  const told = h("p.muted", { role: "status" });
  const search = field("Table", { type: "search", oninput: () => draw() });
  let zoom = ZOOMS.indexOf(1);
  function draw() {
    const wanted = inputOf(search).value.trim().toLowerCase();
    const about = ({ table: own, other_table: other }) => [own, other].some((name) => name.toLowerCase().includes(wanted));
    const found = references.filter(about);
    const placed = layout(found);
    put(told, placed.left ? `${placed.left} more tables are not drawn; search for one.` : "");
    put(box, found.length === 0 ? empty("No table is called like that.") : drawing(placed, found, ZOOMS[zoom]));
  }
  const by = (step) => () => {
    zoom = Math.max(0, Math.min(ZOOMS.length - 1, zoom + step));
    draw();
  };
  draw();
  return [
    h("div.filters", {}, search, button("Smaller", by(-1)), button("Larger", by(1))), told, box,
    h("h2", {}, "As a list"),
    table("References", [
      { title: "Column", cell: (one) => `${one.schema}.${one.table}.${one.column}` },
      { title: "Refers to", cell: (one) => h("a", { href: `/admin/sql?${new URLSearchParams({ view: "tables", schema: one.other_schema, table: one.other_table })}` }, `${one.other_schema}.${one.other_table}${one.other_column ? `.${one.other_column}` : ""}`) },
    ], references),
  ];
}

const nameOf = (schema, name) => JSON.stringify([schema, name]);

/** A table stands one column to the right of those that it refers to; circles end where they began. */
function layout(references) {
  const nodes = new Map();
  const node = (schema, name) => {
    const key = nameOf(schema, name);
    if (!nodes.has(key)) nodes.set(key, { key, name, schema, columns: [], to: new Set() });
    return nodes.get(key);
  };
  for (const one of references) {
    const own = node(one.schema, one.table);
    own.columns.push(one.column);
    own.to.add(node(one.other_schema, one.other_table));
  }
  const left = Math.max(0, nodes.size - TABLES_MAX);
  const drawn = [...nodes.values()].slice(0, TABLES_MAX);
  const level = (one, path = new Set()) => {
    if (one.level !== undefined || path.has(one)) return one.level ?? 0;
    path.add(one);
    const above = [...one.to].filter((other) => other !== one && drawn.includes(other)).map((other) => level(other, path) + 1);
    path.delete(one);
    one.level = Math.max(0, ...above);
    return one.level;
  };
  const heights = [];
  for (const one of drawn) {
    level(one);
    one.height = HEAD + one.columns.length * LINE + 6;
    one.x = MARGIN + one.level * (WIDTH + GAP_X);
    one.y = heights[one.level] ?? MARGIN;
    heights[one.level] = one.y + one.height + GAP_Y;
  }
  const width = Math.max(...drawn.map(({ x }) => x)) + WIDTH + MARGIN;
  return { nodes: drawn, left, width, height: Math.max(...heights.filter(Boolean)) };
}

function drawing({ nodes, width, height }, references, zoom) {
  const byKey = new Map(nodes.map((node) => [node.key, node]));
  const boxes = nodes.map((node) => svg("g", {},
    svg("rect.box", { x: node.x, y: node.y, width: WIDTH, height: node.height, rx: 6 }),
    svg("text.name", { x: node.x + 10, y: node.y + 18 }, short(node.name)),
    node.columns.map((column, at) => svg("text", { x: node.x + 10, y: node.y + HEAD + 14 + at * LINE }, short(column)))));
  const seen = new Map();
  const lines = references.map((one) => {
    const [own, other] = [byKey.get(nameOf(one.schema, one.table)), byKey.get(nameOf(one.other_schema, one.other_table))];
    const at = seen.get(own) ?? 0;
    seen.set(own, at + 1);
    if (!own || !other) return null;
    const [x1, y1, x2, y2] = [own.x, own.y + HEAD + 9 + at * LINE, other.x + WIDTH, other.y + 13];
    const bend = Math.max(30, Math.abs(x1 - x2) / 2);
    return svg("path.line", { d: `M${x1} ${y1} C${x1 - bend} ${y1} ${x2 + bend} ${y2} ${x2} ${y2}`, "marker-end": "url(#arrow)" });
  });
  return svg("svg", {
    width: width * zoom, height: height * zoom, viewBox: `0 0 ${width} ${height}`, role: "img",
    "aria-label": `${nodes.length} tables and how they refer to each other; the list below says the same`,
  }, svg("defs", {}, svg("marker", { id: "arrow", viewBox: "0 0 8 8", refX: 8, refY: 4, markerWidth: 8, markerHeight: 8, orient: "auto-start-reverse" }, svg("path", { d: "M0 0 L8 4 L0 8 z" }))), lines, boxes);
}

function short(text) {
  return text.length > 26 ? `${text.slice(0, 25)}…` : text;
}
