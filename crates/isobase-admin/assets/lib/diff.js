// What differs between two texts or JSON values, line by line.

import { h } from "./dom.js";

/** Lines that are compared one with another; what is beyond is told as a whole. */
const LINES_MAX = 1_500;
/** Equal lines that stay around a difference. */
const AROUND = 3;

/** A value as the lines that are compared. */
function linesOf(value) {
  if (value === undefined) return [];
  const text = typeof value === "string" ? value : JSON.stringify(value, null, 2);
  return text.split("\n");
}

/**
 * The lines of both, in order.
 * @returns {{kind: "same"|"gone"|"new", text: string}[]}
 */
export function differences(before, after) {
  const [one, other] = [linesOf(before), linesOf(after)];
  let begin = 0;
  while (begin < one.length && begin < other.length && one[begin] === other[begin]) begin += 1;
  let end = 0;
  while (end < one.length - begin && end < other.length - begin && one.at(-1 - end) === other.at(-1 - end)) end += 1;
  const same = (lines) => lines.map((text) => ({ kind: "same", text }));
  const middle = compare(one.slice(begin, one.length - end), other.slice(begin, other.length - end));
  return [...same(one.slice(0, begin)), ...middle, ...same(one.slice(one.length - end))];
}

/** The longest common subsequence, as long as both are short enough to look for it. */
function compare(one, other) {
  const gone = (text) => ({ kind: "gone", text });
  const came = (text) => ({ kind: "new", text });
  if (one.length > LINES_MAX || other.length > LINES_MAX) return [...one.map(gone), ...other.map(came)];
  const width = other.length + 1;
  const longest = new Uint16Array((one.length + 1) * width);
  for (let i = one.length - 1; i >= 0; i -= 1) {
    for (let j = other.length - 1; j >= 0; j -= 1) {
      longest[i * width + j] = one[i] === other[j]
        ? longest[(i + 1) * width + j + 1] + 1
        : Math.max(longest[(i + 1) * width + j], longest[i * width + j + 1]);
    }
  }
  const lines = [];
  let [i, j] = [0, 0];
  while (i < one.length || j < other.length) {
    if (i < one.length && j < other.length && one[i] === other[j]) {
      lines.push({ kind: "same", text: one[i] });
      i += 1;
      j += 1;
    } else if (j >= other.length || (i < one.length && longest[(i + 1) * width + j] >= longest[i * width + j + 1])) {
      lines.push(gone(one[i]));
      i += 1;
    } else {
      lines.push(came(other[j]));
      j += 1;
    }
  }
  return lines;
}

/** The lines of both in pairs: what is gone stands beside what came in its place. */
function pairsOf(lines) {
  const pairs = [];
  for (let at = 0; at < lines.length;) {
    if (lines[at].kind === "same") {
      pairs.push([lines[at], lines[at]]);
      at += 1;
      continue;
    }
    const end = lines.findIndex(({ kind }, index) => index > at && kind === "same");
    const some = lines.slice(at, end < 0 ? lines.length : end);
    const [gone, came] = ["gone", "new"].map((wanted) => some.filter(({ kind }) => kind === wanted));
    for (let index = 0; index < Math.max(gone.length, came.length); index += 1) pairs.push([gone[index], came[index]]);
    at += some.length;
  }
  return pairs;
}

/**
 * Both in two columns, line beside line; below each other where it is narrow. Longer equal parts are left out.
 * @param {{titles: [string, string], label: string}} of
 */
export function besideView(before, after, { titles, label }) {
  const lines = differences(before, after);
  if (lines.every(({ kind }) => kind === "same")) return h("p.muted", {}, before === "" ? "Neither is kept." : "Nothing differs.");
  if (matchMedia("(max-width: 720px)").matches) return diffView(before, after, label);
  const pairs = pairsOf(lines);
  const near = nearby(pairs, ([one, other]) => one !== other);
  const side = (line) => h("td", {}, line && (line.kind === "same" ? line.text : h(line.kind === "gone" ? "del" : "ins", {}, MARKS[line.kind], line.text)));
  const rows = withGaps(pairs, near, ([one, other]) => h("tr", {}, side(one), side(other)),
    (left) => h("tr", {}, h("td.muted", { colspan: 2 }, `… ${left} equal ${left === 1 ? "line" : "lines"}`)));
  return h("div.beside", { tabindex: "0", role: "region", "aria-label": label },
    h("table", {}, h("caption.hidden", {}, label),
      h("thead", {}, h("tr", {}, titles.map((title) => h("th", { scope: "col" }, title)))), h("tbody", {}, rows)));
}

/** Places that differ, and those around them. */
function nearby(all, differs) {
  const near = new Set();
  all.forEach((one, at) => {
    if (!differs(one)) return;
    for (let index = at - AROUND; index <= at + AROUND; index += 1) near.add(index);
  });
  return near;
}

/** What is near, with a word for what is left out between. */
function withGaps(all, near, show, gap) {
  const shown = [];
  let left = 0;
  const leave = () => {
    if (left > 0) shown.push(gap(left));
    left = 0;
  };
  all.forEach((one, at) => {
    if (!near.has(at)) left += 1;
    else {
      leave();
      shown.push(show(one));
    }
  });
  leave();
  return shown;
}

const MARKS = { same: "  ", gone: "− ", new: "+ " };

/** Both as one text, with a sign before each line that differs; longer equal parts are left out. */
export function diffView(before, after, label = "Differences") {
  const lines = differences(before, after);
  if (lines.every(({ kind }) => kind === "same")) return h("p.muted", {}, "Nothing differs.");
  const near = nearby(lines, ({ kind }) => kind !== "same");
  const shown = withGaps(lines, near, ({ kind, text }) => {
    const line = `${MARKS[kind]}${text}\n`;
    return kind === "same" ? line : h(kind === "gone" ? "del" : "ins", {}, line);
  }, (left) => h("span.muted", {}, `  … ${left} equal ${left === 1 ? "line" : "lines"}\n`));
  return h("pre.diff", { tabindex: "0", role: "region", "aria-label": label }, shown);
}
