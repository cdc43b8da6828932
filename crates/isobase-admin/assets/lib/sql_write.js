// Whether the database is changed or only looked at: read-only until its name is typed, in this tab and
// until it is loaded again. No address switches it.

import { ask } from "./api.js";
import { h, put } from "./dom.js";
import { badge, confirm } from "./ui.js";

/** Asks one of its routes. */
export async function askSql(what, body, signal) {
  return (await ask("POST", `/api/v1/sql/${what}`, { body, signal })).data;
}

/** The name that was typed. */
let typed = null;
const listeners = new Set();

/** The name of the database while it may be changed; else null. */
export function writing() {
  return typed;
}

/** Is told when it is switched; gives what ends that. */
export function onWriting(run) {
  listeners.add(run);
  return () => listeners.delete(run);
}

function turn(name) {
  typed = name;
  for (const run of listeners) run();
}

/** The switch, where there is something to switch. */
export function writeSwitch(database) {
  if (database === null) return badge("read-only", "good");
  const box = h("span.check");
  const draw = () => {
    const input = h("input", {
      type: "checkbox", checked: typed === null, "data-testid": "sql-read-only",
      onchange: async () => {
        if (typed !== null) turn(null);
        else if (await confirm({
          title: `Change ${database}`,
          text: "Statements that change something are shown with what they would do before they do it. What is committed cannot be taken back here.",
          action: "Allow changes",
          word: database,
        })) turn(database);
        draw();
        box.querySelector("input").focus();
      },
    });
    put(box, h("label", {}, input, "Read-only"), typed !== null && badge("changes are allowed", "bad"));
  };
  draw();
  return box;
}
