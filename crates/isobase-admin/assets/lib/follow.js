// A stream of server-sent events with the credentials of this tab; it comes back by itself.

import { ApiError, apiKey, query } from "./api.js";

const [PAUSE_MS, PAUSE_MAX_MS] = [1_000, 15_000];

/**
 * Follows a stream until the signal ends it, or the service says no for good.
 * @param {string} path
 * @param {{values?: Record<string, unknown>, signal: AbortSignal,
 *   event: (name: string, data: any) => void,
 *   state?: (state: "connecting"|"open"|"waiting", error?: Error) => void}} options
 * @throws {ApiError} that trying again does not change
 */
export async function follow(path, { values, signal, event, state = () => {} }) {
  let place = null;
  let pause = PAUSE_MS;
  while (!signal.aborted) {
    let failed = null;
    state("connecting");
    try {
      const headers = { accept: "text/event-stream" };
      if (apiKey()) headers.authorization = `Bearer ${apiKey()}`;
      if (place !== null) headers["last-event-id"] = place;
      const response = await fetch(path + query(values), { headers, signal, credentials: "same-origin" });
      if (!response.ok) throw await refusal(response);
      state("open");
      pause = PAUSE_MS;
      for await (const { name, data, id } of events(response.body)) {
        place = id ?? place;
        event(name, data);
      }
    } catch (error) {
      if (signal.aborted || error.name === "AbortError") return;
      const isFinal = error instanceof ApiError && error.status >= 400 && error.status < 500 && error.status !== 429;
      if (isFinal) throw error;
      failed = error;
    }
    if (signal.aborted) return;
    state("waiting", failed ?? undefined);
    await new Promise((resolve) => {
      const timer = setTimeout(resolve, pause);
      signal.addEventListener("abort", () => { clearTimeout(timer); resolve(); }, { once: true });
    });
    pause = Math.min(pause * 2, PAUSE_MAX_MS);
  }
}

async function refusal(response) {
  const problem = await response.json().catch(() => null);
  const detail = problem?.detail ?? `The service answered ${response.status}.`;
  return new ApiError(response.status, problem?.code ?? "unknown", detail, problem?.request_id ?? null);
}

/** The events of a stream, in the one form in which the service writes them. */
async function* events(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      text += value;
      for (let end = text.indexOf("\n\n"); end >= 0; end = text.indexOf("\n\n")) {
        const lines = text.slice(0, end).split("\n");
        text = text.slice(end + 2);
        const of = (name) => lines.find((line) => line.startsWith(`${name}: `))?.slice(name.length + 2);
        const data = lines.filter((line) => line.startsWith("data: ")).map((line) => line.slice(6)).join("\n");
        if (data !== "") yield { name: of("event"), data: JSON.parse(data), id: of("id") };
      }
    }
  } finally {
    reader.cancel().catch(() => {});
  }
}
