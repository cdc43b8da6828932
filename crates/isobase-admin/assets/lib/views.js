// Views that people keep: an address of the site under a name, for each account.

import { ask, get, path } from "./api.js";
import { h, put } from "./dom.js";
import { button, dialog, empty, field, inputOf, once, toast } from "./ui.js";
import { go } from "./url.js";

const VIEWS = "/admin/api/views";

/** @returns {Promise<{name: string, address: string}[]>} */
export async function savedViews() {
  return (await get(VIEWS, {}, { quiet: true })).views;
}

const keep = (name, address) => ask("PUT", VIEWS + path(name), { body: { address } });

/** A button that keeps what is shown, and leads to what was kept. */
export function viewsButton() {
  return button("Views…", once(open), { "data-testid": "views-open" });
}

async function open() {
  const here = location.pathname + location.search;
  let views = await savedViews();
  await dialog("Views", (close) => {
    const list = h("div");
    const told = h("div", { role: "alert" });
    const draw = () => put(list, views.length === 0
      ? empty("No views are kept yet. A view is what the address says: filters, order, columns, the open row.")
      : h("ul.plain", { "data-testid": "views-list" }, views.map(({ name, address }) => h("li", {},
        h("a", { href: address, onclick: (event) => { event.preventDefault(); close(true); go(address); } }, name),
        button("Delete", once(async () => {
          const former = address;
          ({ data: { views } } = await ask("DELETE", VIEWS + path(name)));
          draw();
          toast(`The view “${name}” is deleted.`, async () => keep(name, former));
        }), { "aria-label": `Delete the view ${name}` })))));
    const name = field("Name", { required: true, maxlength: 100, autocomplete: "off" }, "One that is taken is written over.");
    draw();
    return [list, h("form", {
      onsubmit: async (event) => {
        event.preventDefault();
        try {
          ({ data: { views } } = await keep(inputOf(name).value.trim(), here));
          inputOf(name).value = "";
          put(told);
          draw();
        } catch (error) {
          put(told, h("p.bad", {}, error.message));
        }
      },
    }, h("h3", {}, "Keep what is shown"), name, told,
    h("div.actions", {}, button("Close", () => close(false)), h("button.primary", { type: "submit", "data-testid": "view-keep" }, "Keep")))];
  });
}
