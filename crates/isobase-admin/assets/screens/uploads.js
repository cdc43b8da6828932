// Files that were uploaded: find, look at, bring in, delete.

import { ask, get, path } from "../lib/api.js";
import { h } from "../lib/dom.js";
import { may } from "../lib/may.js";
import { bytes, count, timeOf } from "../lib/format.js";
import { Region, button, buttonFor, confirm, empty, field, once, table, toast } from "../lib/ui.js";
import { change, values } from "../lib/url.js";

const BASE = "/api/v1/uploads";

export function open() {
  const page = new Region("section");
  const update = () => page.show((signal) => listing(signal, update));
  const pick = field("Upload files", {
    type: "file",
    multiple: true,
    onchange: once(async (event) => {
      const files = [...event.target.files];
      for (const file of files) {
        const form = new FormData();
        form.append("file", file);
        await ask("POST", "/api/upload", { raw: form });
      }
      event.target.value = "";
      update();
      toast(`${count(files.length)} uploaded`);
    }),
  });
  return { element: h("div", {}, h("div.filters", {}, may("uploads:write") && pick), page.element), update, close: () => page.stop() };
}

async function listing(signal, again) {
  const { cursor } = values();
  const { uploads, next } = await get(BASE, { limit: 50, cursor }, { signal });
  if (uploads.length === 0) return empty("Nothing has been uploaded yet.");
  return [
    table("Uploads", [
      { title: "Name", cell: (file) => h("a", { href: file.url, target: "_blank", rel: "noopener" }, file.original || file.filename) },
      { title: "Owner", cell: (file) => file.owner },
      { title: "Type", cell: (file) => file.content_type },
      { title: "Size", cell: (file) => bytes(file.size), className: "number" },
      { title: "Created", cell: (file) => timeOf(file.created_at) },
      {
        title: "",
        cell: (file) => buttonFor("uploads:write", "Delete", once(async () => {
          const sure = await confirm({ title: `Delete ${file.original || file.filename}`, text: "Links to it stop working.", action: "Delete" });
          if (!sure) return;
          await ask("DELETE", BASE + path(file.filename));
          again();
          toast("Deleted");
        }), { kind: "danger", "aria-label": `Delete ${file.original || file.filename}` }),
      },
    ], uploads, { testId: (file) => `upload-row-${file.filename}` }),
    h("div.actions", {},
      cursor && button("Newest", () => change({}, { reset: ["cursor"] })),
      next && button("Older", () => change({ cursor: next }))),
  ];
}
