// Archives in the folder of backups: made, verified, taken along, put back, deleted.

import { apiKey, ask, get, path } from "../lib/api.js";
import { h, put } from "../lib/dom.js";
import { bytes, count, duration, timeOf } from "../lib/format.js";
import { begin, following, resultView } from "../lib/jobs.js";
import { may } from "../lib/may.js";
import { sendFile } from "../lib/upload.js";
import { Region, badge, button, confirm, dialog, empty, facts, field, form, inputOf, once, panel, table, toast } from "../lib/ui.js";
import { change, values } from "../lib/url.js";

export const PARAMETERS = ["name", "job"];

const BASE = "/api/v1/backups";

export function open() {
  const page = new Region("section");
  const side = h("div");
  let watched = new AbortController();
  const make = once(async () => {
    const job = await begin("backup");
    change({ job: job.id, name: null });
  });
  const bar = h("div.filters", {}, may("operations:write") && button("Back up now", make, { kind: "primary", "data-testid": "backup-now" }),
    may("admin") && button("Upload…", once(() => upload(update)), { "data-testid": "backup-upload" }));
  function update() {
    watched.abort();
    watched = new AbortController();
    const { name, job } = values();
    page.show(async (signal) => {
      const answer = await get(BASE, {}, { signal });
      const one = answer.backups.find((backup) => backup.name === name);
      if (name) put(side, one ? detail(one, update) : null);
      return content(answer);
    });
    if (job) put(side, panel("Job", () => change({ job: null }), following(job, { signal: watched.signal, ended: (done) => { queueMicrotask(refresh); return resultView(done); } })));
    else if (!name) put(side);
  }
  const content = ({ backups, every_s: every, files, remote }) => [
    h("p.muted", {}, every ? `The service makes one every ${duration(every * 1000)}.` : "The service makes none by itself: the setting backups.every lets it.",
      files ? " Uploaded files are in them." : " Uploaded files are not in them: the setting backups.files takes them along.",
      remote ? ` Good ones are copied to ${remote}, too.` : " They are on this machine alone: the setting backups.remote copies them elsewhere."),
    remote && may("operations:write") && h("div.actions", {}, button("Test the other place", once(tryRemote), { "data-testid": "backup-trial" })),
    backups.length === 0 ? empty("There are no backups yet.", may("operations:write") && button("Back up now", make)) : list(backups, values().name),
  ];
  const refresh = () => page.show(async (signal) => content(await get(BASE, {}, { signal })));
  return {
    element: h("div.split", {}, h("div", {}, bar, page.element), side),
    update,
    close() {
      watched.abort();
      page.stop();
    },
  };
}

function list(backups, name) {
  return table("Backups", [
    { title: "Made", cell: (one) => timeOf(one.created_at) },
    { title: "Name", cell: (one) => one.name },
    { title: "Whole", cell: wholeness },
    { title: "Documents", cell: (one) => count(one.documents), className: "number" },
    { title: "Size", cell: (one) => bytes(one.bytes), className: "number" },
    { title: "By", cell: (one) => (one.scheduled ? "the schedule" : "hand") },
  ], backups, {
    open: (one) => change({ name: one.name, job: null }),
    isOpen: (one) => one.name === name,
    testId: (one) => `backup-row-${one.name}`,
  });
}

function wholeness(one) {
  if (one.verified === true && one.restored === false) return badge("not restorable", "bad");
  if (one.verified === true) return badge(one.restored ? "verified, restored" : "verified", "good");
  return one.verified === false ? badge("not whole", "bad") : badge("not looked at", "warn");
}

function detail(one, again) {
  const job = (kind, body) => once(async () => {
    const begun = await begin(kind, body);
    change({ job: begun.id, name: null });
  });
  return panel(one.name, () => change({ name: null }),
    facts([
      ["State", wholeness(one)],
      one.encrypted && ["Encrypted", "yes, with the setting backups.passphrase"],
      one.error && ["Trouble", one.error],
      ["Made", timeOf(one.created_at)],
      ["Verified", timeOf(one.verified_at)],
      ["Engine", one.engine],
      ["Documents", count(one.documents)],
      ["Of one moment", one.one_moment === null ? "–" : one.one_moment ? "yes" : "no"],
      one.remote !== null && ["At the other place", one.remote ? badge("yes", "good") : [badge("no", "bad"), ` ${one.remote_error}`]],
      ["Size", bytes(one.bytes)],
      ["Took", one.seconds === null ? "–" : duration(one.seconds * 1000)],
    ].filter(Boolean)),
    h("div.actions", {},
      may("operations:write") && [
        button("Verify", job("verify", { backup: one.name }), { "data-testid": "backup-verify" }),
        button("Verify by restoring", job("verify", { backup: one.name, restore: true })),
      ],
      may("admin") && [
        taking(one),
        button("Restore…", once(() => restore(one))),
        button("Delete", once(async () => {
          const sure = await confirm({ title: `Delete ${one.name}`, text: "The archive is gone for good.", action: "Delete", word: one.name });
          if (!sure) return;
          await ask("DELETE", BASE + path(one.name));
          change({ name: null });
          again();
          toast("Deleted");
        }), { kind: "danger", "data-testid": "backup-delete" }),
      ]));
}

/** A link where the browser signs in by itself; with a key of this tab the file is fetched first. */
function taking(one) {
  const address = BASE + path(one.name);
  if (!apiKey()) return h("a", { href: address, download: one.name, "data-testid": "backup-download" }, "Download");
  return button("Download", once(async () => {
    const response = await fetch(address, { headers: { authorization: `Bearer ${apiKey()}` } });
    if (!response.ok) throw new Error(`The service answered ${response.status}.`);
    const local = URL.createObjectURL(await response.blob());
    h("a", { href: local, download: one.name }).click();
    URL.revokeObjectURL(local);
  }));
}

async function tryRemote() {
  const { data: { remote, usable, error } } = await ask("POST", `${BASE}/trial`);
  toast(usable ? `${remote} can be written and read.` : `${remote}: ${error}.`).classList.toggle("bad", !usable);
}

/** An archive from elsewhere; it is verified at once. */
function upload(again) {
  return dialog("Upload a backup", (close) => {
    const file = field("Archive", { type: "file", accept: ".isobase,.age", required: true });
    const bar = h("progress", { value: 0, hidden: true, "aria-label": "Bytes that are sent" });
    return form([file, bar], "Upload", async () => {
      const [chosen] = inputOf(file).files;
      Object.assign(bar, { max: chosen.size, hidden: false });
      // Another ending is none of a backup: the service finds a name.
      const { name } = await sendFile(BASE, /^[\w-][\w.-]*\.isobase$/.test(chosen.name) ? chosen : new File([chosen], ""), (done) => { bar.value = done; });
      close(true);
      again();
      const job = await begin("verify", { backup: name });
      change({ job: job.id, name: null });
    }, close);
  });
}

function restore(one) {
  return dialog(`Restore ${one.name}`, (close) => {
    const to = field("Into the empty database", { required: true, autocomplete: "off", placeholder: "sqlite:///srv/restored.db" },
      "A URL, as isobase restore --url takes it. Never the database of this service: to go back, restore into a new one and start the service with it.");
    return form(to, "Restore", async () => {
      const job = await begin("restore", { backup: one.name, to: inputOf(to).value.trim() });
      close(true);
      change({ job: job.id, name: null });
    }, close);
  });
}
