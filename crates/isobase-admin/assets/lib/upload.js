// Files that are sent: in pieces, which can be paused and go on after a cut (the protocol tus), or in one request.

import { ApiError, apiKey, ask } from "./api.js";

/** Bytes of one piece: small enough that a pause comes soon, large enough to be quick. */
const PIECE = 2 * 1024 * 1024;
/** A cut connection is tried again after these. */
const RETRIES_MS = [500, 2_000, 5_000];
const TUS = { "tus-resumable": "1.0.0" };

/**
 * A file on its way.
 * @param {File} file
 * @param {(transfer: Transfer) => void} changed is told of every step
 */
export class Transfer {
  constructor(file, changed) {
    /** @type {"waits"|"runs"|"paused"|"done"|"failed"|"cancelled"} */
    this.state = "waits";
    this.file = file;
    this.sent = 0;
    this.error = null;
    this.url = null;
    this.address = null;
    this.changed = () => changed(this);
    this.running = null;
  }

  /** Begins, or goes on where the service is. */
  async run() {
    this.running = new AbortController();
    this.#to("runs");
    try {
      await this.#send(this.running.signal);
      this.#to("done");
    } catch (error) {
      if (this.state !== "runs") return;
      this.error = error;
      this.#to("failed");
    }
  }

  pause() {
    this.#to("paused");
    this.running?.abort();
  }

  /** Gives it up; the service forgets what came. */
  async cancel() {
    this.#to("cancelled");
    this.running?.abort();
    if (this.address) await ask("DELETE", this.address, { headers: TUS }).catch(() => {});
  }

  #to(state) {
    this.state = state;
    if (state === "runs") this.error = null;
    this.changed();
  }

  async #send(signal) {
    if (this.address === null) {
      const { headers } = await ask("POST", "/api/uploads/tus", {
        headers: { ...TUS, "upload-length": String(this.file.size), "upload-metadata": `filename ${base64(this.file.name)}` },
        signal,
      });
      this.address = new URL(headers.get("location"), location.href).pathname;
    } else {
      await this.#look(signal);
    }
    let failed = 0;
    while (this.sent < this.file.size) {
      try {
        const piece = this.file.slice(this.sent, this.sent + PIECE);
        const { headers } = await ask("PATCH", this.address, {
          headers: { ...TUS, "upload-offset": String(this.sent) },
          type: "application/offset+octet-stream",
          raw: piece,
          signal,
        });
        this.sent = Number(headers.get("upload-offset"));
        failed = 0;
        this.changed();
      } catch (error) {
        const passes = error instanceof ApiError && [0, 409, 423, 429, 503].includes(error.status);
        if (!passes || failed >= RETRIES_MS.length) throw error;
        await new Promise((resolve) => { setTimeout(resolve, RETRIES_MS[failed]); });
        failed += 1;
        signal.throwIfAborted();
        await this.#look(signal).catch(() => {});
      }
    }
    const { data } = await ask("GET", this.address, { headers: TUS, signal });
    this.url = data.url ?? null;
  }

  async #look(signal) {
    const { data } = await ask("GET", this.address, { headers: TUS, signal });
    this.sent = data.complete ? this.file.size : data.offset;
    this.changed();
  }
}

/** Sends a file in one request, and tells how much of it has gone; the answer is what was made. */
export function sendFile(address, file, progress, signal) {
  return new Promise((done, failed) => {
    const request = new XMLHttpRequest();
    request.open("POST", `${address}?name=${encodeURIComponent(file.name)}`);
    request.setRequestHeader("content-type", "application/octet-stream");
    const key = apiKey();
    if (key) request.setRequestHeader("authorization", `Bearer ${key}`);
    request.upload.addEventListener("progress", (event) => progress(event.loaded));
    request.addEventListener("error", () => failed(new ApiError(0, "unreachable", "The file could not be sent.")));
    request.addEventListener("abort", () => failed(new DOMException("", "AbortError")));
    request.addEventListener("load", () => {
      let answer = null;
      try { answer = JSON.parse(request.responseText); } catch { /* The status says enough. */ }
      if (request.status === 201) done(answer);
      else failed(new ApiError(request.status, answer?.code, answer?.detail ?? `The service answered ${request.status}.`));
    });
    signal?.addEventListener("abort", () => request.abort());
    request.send(file);
  });
}

function base64(text) {
  return btoa(String.fromCodePoint(...new TextEncoder().encode(text)));
}
