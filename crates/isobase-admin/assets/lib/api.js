// The public API, as every client has it.

const KEY = "isobase.key";

/** What the service refused, or that it could not be reached. */
export class ApiError extends Error {
  /**
   * @param {number} status 0 when there was no answer
   * @param {string} code stable
   * @param {string} detail for people
   * @param {string | null} requestId
   */
  constructor(status, code, detail, requestId = null, errors = []) {
    super(detail);
    Object.assign(this, { status, code, detail, requestId, errors });
  }
}

/** The key that this tab sends, if its user signed in with one. It is forgotten with the tab. */
export function apiKey() {
  return sessionStorage.getItem(KEY);
}

/** @param {string | null} key */
export function setApiKey(key) {
  if (key) sessionStorage.setItem(KEY, key);
  else sessionStorage.removeItem(KEY);
}

let signedOut = () => {};

/** Is told when an answer asks for credentials. */
export function onUnauthenticated(run) {
  signedOut = run;
}

let heard = () => {};

/** Is told what each answer says of the state of the service: an error, or that there was none. */
export function onAnswer(run) {
  heard = run;
}

/**
 * Asks the service.
 * @param {string} method
 * @param {string} path
 * @param {{query?: Record<string, unknown>, body?: unknown, raw?: BodyInit, type?: string,
 *   headers?: Record<string, string>, signal?: AbortSignal, quiet?: boolean}} [options]
 *   `body` is sent as JSON, `raw` as it is; `quiet` keeps a 401 from opening the sign-in
 * @returns {Promise<{status: number, headers: Headers, data: any, text: string}>} the body read as JSON, and as it came
 * @throws {ApiError}
 */
export async function ask(method, path, options = {}) {
  const headers = { accept: "application/json", ...options.headers };
  const key = apiKey();
  if (key) headers.authorization = `Bearer ${key}`;
  let body = options.raw;
  if (options.body !== undefined) {
    headers["content-type"] = options.type ?? "application/json";
    body = JSON.stringify(options.body);
  } else if (options.type) {
    headers["content-type"] = options.type;
  }
  let response;
  try {
    response = await fetch(path + query(options.query), {
      method,
      headers,
      body,
      signal: options.signal,
      credentials: "same-origin",
    });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    const failed = new ApiError(0, "unreachable", "The service cannot be reached. Is it running?");
    heard(failed);
    throw failed;
  }
  const text = await response.text();
  let data = null;
  try {
    data = text === "" ? null : JSON.parse(text);
  } catch {
    data = text;
  }
  if (!response.ok) {
    if (response.status === 401 && !options.quiet) signedOut();
    const detail = data?.detail ?? data?.title ?? `The service answered ${response.status}.`;
    const requestId = data?.request_id ?? response.headers.get("x-request-id");
    const failed = new ApiError(response.status, data?.code ?? "unknown", detail, requestId, data?.errors);
    failed.problem = data;
    heard(failed);
    throw failed;
  }
  heard(null);
  return { status: response.status, headers: response.headers, data, text };
}

/** The JSON of a `GET`. */
export async function get(path, query, options = {}) {
  return (await ask("GET", path, { query, ...options })).data;
}

/** A key that no other request has. Browsers have `crypto.randomUUID` for https and this machine only. */
export function freshKey() {
  return [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

/**
 * A `POST` that is carried out once, also when it is sent twice.
 * @param {string} [idempotencyKey]
 */
export async function post(path, body, idempotencyKey = freshKey(), options = {}) {
  const headers = { "idempotency-key": idempotencyKey };
  return (await ask("POST", path, { body, headers, ...options })).data;
}

/** A query string of what is neither empty nor missing. */
export function query(values = {}) {
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(values)) {
    if (value === undefined || value === null || value === "" || value === false) continue;
    for (const one of Array.isArray(value) ? value : [value]) search.append(name, String(one));
  }
  const text = search.toString();
  return text && `?${text}`;
}

/** A path of encoded parts; `.` and `..` are written so that no browser resolves them. */
export function path(...parts) {
  return parts
    .map((part) => encodeURIComponent(part).replace(/^\.{1,2}$/, (dots) => "%2E".repeat(dots.length)))
    .reduce((whole, part) => `${whole}/${part}`, "");
}
