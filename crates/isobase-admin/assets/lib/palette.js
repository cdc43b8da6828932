// Jump to a screen, a collection or a licence by a few letters.

import { get } from "./api.js";
import { h, put } from "./dom.js";
import { dialog, inputOf, field } from "./ui.js";
import { go } from "./url.js";
import { savedViews } from "./views.js";

/** @param {{title: string, address: string}[]} screens */
export function openPalette(screens) {
  if (document.querySelector("dialog[open]")) return;
  dialog("Jump to…", (close) => {
    let targets = screens;
    let at = 0;
    const list = h("ul.palette", { role: "listbox", id: "palette-list", "aria-label": "Targets" });
    const found = () => {
      const typed = input.value.trim().toLowerCase();
      const hits = targets.filter(({ title }) => title.toLowerCase().includes(typed)).slice(0, 12);
      if (typed.includes("@") || typed.includes("-")) {
        hits.push({ title: `Licences with “${input.value}”`, address: `/admin/licenses?q=${encodeURIComponent(input.value)}` });
      }
      return hits;
    };
    const jump = (target) => {
      close();
      if (target) go(target.address);
    };
    const draw = () => {
      at = Math.max(0, Math.min(at, found().length - 1));
      put(list, found().map((target, index) =>
        h("li", {
          role: "option",
          id: `palette-${index}`,
          "aria-selected": String(index === at),
          onclick: () => jump(target),
        }, target.title)));
      input.setAttribute("aria-activedescendant", `palette-${at}`);
    };
    const box = field("Screen, collection or licence", {
      type: "search",
      autocomplete: "off",
      role: "combobox",
      "aria-expanded": "true",
      "aria-controls": "palette-list",
      oninput: () => {
        at = 0;
        draw();
      },
      onkeydown: (event) => {
        if (event.key === "Enter") jump(found()[at]);
        const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
        if (!step) return;
        event.preventDefault();
        at += step;
        draw();
      },
    });
    const input = inputOf(box);
    draw();
    const more = (added) => {
      targets = [...targets, ...added];
      draw();
    };
    get("/collections", {}, { quiet: true }).then(({ collections }) =>
      more(collections.map((name) => ({ title: `Data: ${name}`, address: `/admin/data/${encodeURIComponent(name)}` }))), () => {});
    savedViews().then((views) => more(views.map(({ name, address }) => ({ title: `View: ${name}`, address }))), () => {});
    return [box, list];
  });
}
