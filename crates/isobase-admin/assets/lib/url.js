// What is shown is said by the address: filters, order, pages, the open row.

/** The values of the query string. @returns {Record<string, string>} */
export function values() {
  return Object.fromEntries(new URLSearchParams(location.search));
}

/**
 * Changes values of the query string; an empty one is removed. What follows from them, such as
 * a page, is named in `reset`.
 */
export function change(changes, { replace = false, reset = [] } = {}) {
  const search = new URLSearchParams(location.search);
  for (const name of reset) search.delete(name);
  for (const [name, value] of Object.entries(changes)) {
    if (value === null || value === undefined || value === "") search.delete(name);
    else search.set(name, String(value));
  }
  const text = search.toString();
  go(location.pathname + (text && `?${text}`), { replace });
}

/** Shows another address. */
export function go(address, { replace = false } = {}) {
  history[replace ? "replaceState" : "pushState"](null, "", address);
  dispatchEvent(new Event("isobase:address"));
}

/**
 * Leaves only these parameters in the address: what a screen does not know says nothing.
 * @param {string[] | undefined} names those that the screen knows; without them all stay
 */
export function keepOnly(names) {
  if (!names) return;
  const search = new URLSearchParams(location.search);
  const unknown = [...search.keys()].filter((name) => !names.includes(name));
  if (unknown.length === 0) return;
  for (const name of unknown) search.delete(name);
  const text = search.toString();
  history.replaceState(null, "", location.pathname + (text && `?${text}`));
}

/** Links within the site are followed without loading it again. */
export function followLinks() {
  document.addEventListener("click", (event) => {
    const link = event.target.closest?.("a[href]");
    const plain = !(event.metaKey || event.ctrlKey || event.shiftKey || event.altKey || event.button);
    if (!link || !plain || event.defaultPrevented || link.target || link.hasAttribute("download")) return;
    const address = new URL(link.href);
    if (address.origin !== location.origin || !/^\/admin(\/|$)/.test(address.pathname)) return;
    if (address.hash) return;
    event.preventDefault();
    go(address.pathname + address.search);
  });
}
