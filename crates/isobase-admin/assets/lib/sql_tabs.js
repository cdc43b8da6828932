// The statements that are open, each in a tab of the screen: the address says all of them.

import { h } from "./dom.js";
import { button } from "./ui.js";
import { go } from "./url.js";

/** Longer ones stay out of the address, and in this tab of the browser. */
const [ADDRESS_MAX, ALL_MAX] = [1_500, 6_000];
/** Stands in the address for one that is too long. */
const ELSEWHERE = "…";
const KEPT = "isobase.sql.statements";
export const TABS_MAX = 20;

function kept() {
  try {
    return JSON.parse(sessionStorage.getItem(KEPT)) ?? [];
  } catch {
    return [];
  }
}

/** All statements, and which of them is shown. */
export function openStatements() {
  const search = new URLSearchParams(location.search);
  const long = kept();
  const texts = search.getAll("q").slice(0, TABS_MAX).map((text, at) => (text === ELSEWHERE ? long[at] ?? "" : text));
  if (texts.length === 0) texts.push("");
  return { texts, at: Math.max(0, Math.min(texts.length - 1, Number.parseInt(search.get("tab"), 10) || 0)) };
}

/** The address of these statements, in the view of the statement. */
export function addressOf(texts, at) {
  const search = new URLSearchParams();
  let room = ALL_MAX;
  if (texts.length > 1 || texts[0] !== "") {
    for (const text of texts) {
      const fits = text.length <= ADDRESS_MAX && text.length <= room;
      if (fits) room -= text.length;
      search.append("q", fits ? text : ELSEWHERE);
    }
  }
  if (at > 0) search.set("tab", String(at));
  const query = search.toString();
  return `/admin/sql${query && `?${query}`}`;
}

/** Shows these statements. */
export function showStatements(texts, at, options) {
  sessionStorage.setItem(KEPT, JSON.stringify(texts));
  go(addressOf(texts, at), options);
}

/** Opens a statement beside those that are open, or in the place of an empty one. */
export function openStatement(text) {
  const { texts, at } = openStatements();
  const same = texts.indexOf(text);
  if (same >= 0) showStatements(texts, same);
  else if (texts[at].trim() === "" || texts.length >= TABS_MAX) showStatements(texts.with(at, text), at);
  else showStatements([...texts, text], texts.length);
}

const titleOf = (text) => {
  const line = text.trim().replaceAll(/\s+/g, " ");
  return line.length > 24 ? `${line.slice(0, 23)}…` : line || "empty";
};

/** The tabs, and the buttons for another one and for no longer this one. */
export function tabStrip({ texts, at }, { closed }) {
  return h("div.filters.strip", {},
    h("nav.views", { "aria-label": "Statements" }, texts.map((text, index) => h("a", {
      href: addressOf(texts, index), "aria-current": index === at ? "page" : null, "data-testid": `sql-tab-${index}`,
    }, `${index + 1}: ${titleOf(text)}`))),
    button("New tab", () => showStatements([...texts, ""], texts.length), { disabled: texts.length >= TABS_MAX, "data-testid": "sql-tab-new" }),
    texts.length > 1 && button("Close tab", () => {
      closed(at);
      showStatements(texts.toSpliced(at, 1), Math.max(0, at - 1));
    }, { "data-testid": "sql-tab-close" }));
}
