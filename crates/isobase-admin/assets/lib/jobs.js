// Long work inside the service, as every screen that begins some shows it.

import { ask, get, path, post } from "./api.js";
import { h, put } from "./dom.js";
import { bytes, count, duration, parseTime, timeOf } from "./format.js";
import { may } from "./may.js";
import { badge, button, download, facts, failure, jsonView, once, table, toast } from "./ui.js";

export const JOBS = "/api/v1/jobs";

/** How often a job that goes on is asked for. */
const LOOKS_MS = 700;

const KINDS = {
  queued: "plain", running: "warn", succeeded: "good", failed: "bad", cancelled: "plain", interrupted: "bad",
};

export function isOpen(job) {
  return job.state === "queued" || job.state === "running";
}

export function stateBadge(job) {
  return badge(job.state, KINDS[job.state] ?? "plain");
}

/** Begins a job; its caller shows it. */
export async function begin(kind, body = {}) {
  const job = await post(`${JOBS}/${kind}`, body);
  toast(`The job “${kind}” is begun.`);
  return job;
}

/** How long a job took, or has taken so far. */
export function took(job) {
  const [from, to] = [parseTime(job.started_at), parseTime(job.ended_at) ?? new Date()];
  return from ? duration(Math.max(0, to - from)) : "–";
}

export function progressText(job) {
  const { progress } = job;
  if (!progress?.stage) return isOpen(job) ? "waits" : "";
  const total = progress.documents_total;
  const done = total === null ? count(progress.documents) : `${count(progress.documents)} of ${count(total)}`;
  return `${progress.stage}: ${done}${progress.collection ? ` (${progress.collection})` : ""}`;
}

/**
 * An element that follows a job to its end.
 * @param {string} id
 * @param {{signal: AbortSignal, ended?: (job: any) => unknown}} options `ended` may give more to show
 */
export function following(id, { signal, ended }) {
  const place = h("div", { "aria-live": "polite", "data-testid": "job-view" });
  const look = async () => {
    try {
      const job = await get(JOBS + path(id), {}, { signal });
      if (signal.aborted) return;
      put(place, jobView(job, look), !isOpen(job) && ended?.(job));
      if (isOpen(job)) setTimeout(() => { if (!signal.aborted) look(); }, LOOKS_MS);
    } catch (error) {
      if (error.name !== "AbortError") put(place, failure(error, look));
    }
  };
  look();
  return place;
}

function jobView(job, again) {
  const { progress } = job;
  const rate = progress?.rate;
  const [total, done] = progress?.bytes_total ? [progress.bytes_total, progress.bytes] : [progress?.documents_total, progress?.documents];
  const bar = isOpen(job) && h("progress", {
    "aria-label": progress?.stage || "waits",
    ...(total ? { max: total, value: Math.min(done, total) } : {}),
  });
  return [
    facts([
      ["State", stateBadge(job)],
      ["Begun", timeOf(job.started_at, "not yet")],
      ["Took", took(job)],
      isOpen(job) && ["Progress", progressText(job)],
      rate && ["Rate", `${count(Math.round(rate.documents_per_second))} documents a second`],
      rate?.seconds_left != null && ["Left in this stage", duration(rate.seconds_left * 1000)],
      progress?.bytes > 0 && [progress.bytes_total ? "Read" : "Text", `${bytes(progress.bytes)}${progress.bytes_total ? ` of ${bytes(progress.bytes_total)}` : ""}`],
    ].filter(Boolean)),
    bar,
    job.error && h("div.failure", { role: "alert" }, h("strong", {}, "It failed."), h("p", {}, job.error)),
    job.state === "interrupted" && h("div.warning", {}, "The process ended in the middle. The same job can be begun again; a copy, a restore and an import go on where they were."),
    job.paused && h("p", { "data-testid": "job-paused" }, badge("rests", "warn"), " It goes on when you say so; after an hour it ends, and the same copy goes on from there."),
    h("div.actions", {}, job.kind === "copy" && job.state === "running" && may("operations:write") && button(job.paused ? "Continue" : "Pause", once(async () => {
      await ask("POST", `${JOBS}${path(job.id)}/${job.paused ? "continue" : "pause"}`);
      again();
    }), { "data-testid": job.paused ? "job-continue" : "job-pause" }),
    isOpen(job) && may("operations:write") && button("Cancel", once(async () => {
      await ask("POST", `${JOBS}${path(job.id)}/cancel`);
      toast("The job is told to stop.");
      again();
    }), { kind: "danger", "data-testid": "job-cancel" })),
  ];
}

/** What a job did, as tables where it is known how. */
export function resultView(job) {
  const { result } = job;
  if (!result) return null;
  const collections = Array.isArray(result.collections) && result.collections.some((one) => one.name) ? result.collections : null;
  return [
    collections && h("h3", {}, job.kind === "copy" || job.kind === "restore" ? "Equal on both sides" : "In it"),
    collections && table("Collections", [
      { title: "Collection", cell: (one) => one.name },
      { title: "Documents", cell: (one) => count(one.documents), className: "number" },
      { title: "Checksum", cell: (one) => h("code", {}, String(one.content ?? "").slice(0, 16)) },
    ], collections),
    result.refused > 0 && refusals(result),
    result.one_moment === false && h("div.warning", {}, "It is not of one moment: the database was written meanwhile."),
    h("h3", {}, "Report"), jsonView(result),
    h("div.actions", {}, button("Download the report", () =>
      download(`${job.kind}-${job.id}.json`, "application/json", JSON.stringify(result, null, 2)))),
  ];
}

/** Some documents of both sides of a copy, beside each other. */
export function samplesOf(job) {
  const place = h("div");
  const show = once(async () => {
    const { samples } = await get(`${JOBS}${path(job.id)}/samples`);
    put(place, samples.length === 0 ? h("p.muted", {}, "There is no document to compare.") : table("Samples of both sides", [
      { title: "Document", cell: (one) => `${one.collection}/${one.id}` },
      { title: "Source", cell: (one) => h("code", {}, one.source ?? "–") },
      { title: "Target", cell: (one) => h("code", {}, one.target ?? "–") },
      { title: "", cell: (one) => (one.equal ? badge("equal", "good") : badge("differs", "bad")) },
    ], samples));
  });
  put(place, button("Show samples of both sides", show, { "data-testid": "copy-samples" }));
  return place;
}

function refusals({ refused, refusals: named = [] }) {
  return [
    h("div.warning", { "data-testid": "refusals" }, `The target cannot hold ${count(refused)} documents.`),
    table("What the target cannot hold", [
      { title: "Document", cell: (one) => `${one.collection}/${one.id}` },
      { title: "Where", cell: (one) => one.path || "–" },
      { title: "Why", cell: (one) => one.reason },
    ], named),
  ];
}
