// The order of texts by the bytes of their UTF-8, which both databases have for ids.
'use strict';

/** The order of UTF-8, which differs from that of JavaScript where a surrogate meets U+E000 and above. */
function compareText(a, b) {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) {
    let x = a.charCodeAt(i), y = b.charCodeAt(i);
    if (x === y) continue;
    if (x >= 0xd800 && y >= 0xd800) {
      x = x >= 0xe000 ? x - 0x800 : x + 0x2000;
      y = y >= 0xe000 ? y - 0x800 : y + 0x2000;
    }
    return x - y;
  }
  return a.length - b.length;
}

/** Where an id stands in a sorted list, or would stand. */
function place(ids, id) {
  let low = 0, high = ids.length;
  // Most ids come in order.
  if (high > 0 && compareText(ids[high - 1], id) < 0) return high;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (compareText(ids[middle], id) < 0) low = middle + 1;
    else high = middle;
  }
  return low;
}

module.exports = { compareText, place };
