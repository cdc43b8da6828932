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

const MARKS = { same: "  ", gone: "− ", new: "+ " };

/** Both as one text, with a sign before each line that differs; longer equal parts are left out. */
export function diffView(before, after, label = "Differences") {
  const lines = differences(before, after);
  if (lines.every(({ kind }) => kind === "same")) return h("p.muted", {}, "Nothing differs.");
  const near = new Set();
  lines.forEach(({ kind }, at) => {
    if (kind === "same") return;
    for (let index = at - AROUND; index <= at + AROUND; index += 1) near.add(index);
  });
  const shown = [];
  let left = 0;
  const leave = () => {
    if (left > 0) shown.push(h("span.muted", {}, `  … ${left} equal ${left === 1 ? "line" : "lines"}\n`));
    left = 0;
  };
  lines.forEach(({ kind, text }, at) => {
    if (!near.has(at)) {
      left += 1;
      return;
    }
    leave();
    const line = `${MARKS[kind]}${text}\n`;
    shown.push(kind === "same" ? line : h(kind === "gone" ? "del" : "ins", {}, line));
  });
  leave();
  return h("pre.diff", { tabindex: "0", role: "region", "aria-label": label }, shown);
}
