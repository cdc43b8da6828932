// The client of an Isobase backend: one ES module without dependencies, for browsers, Node.js from
// 18 on, Deno and Bun. Its types are in isobase.d.ts, how it is used in docs/js.md.

/** Of the package, and of the backend that it was made with. */
export const VERSION = "0.1.0";

/** What a call may take at most, its repeats included. */
const DEADLINE_MS = 30_000;
/** How often a call that may be repeated is sent at most. */
const TRIES_MAX = 4;
/** The first wait before a repeat; each further one is up to twice as long. */
const WAIT_MS = 250;
const WAIT_MAX_MS = 30_000;
/** A stream that says nothing for so long is dead: the backend sends a ping every 30 s. */
const IDLE_MS = 75_000;
/** An upload of which no byte goes on for so long is given up. */
const STALL_MS = 60_000;
/** A session whose end is not known is renewed after a day. */
const DAY_MS = 24 * 60 * 60 * 1000;
/** Documents that `each` reads at a time. */
const PAGE = 200;
/** Bytes of a file that are in memory at a time. */
const PIECE = 256 * 1024;
/** Pieces of a resumable upload grow and shrink with the speed of the connection, within these. */
const PIECE_MIN = 64 * 1024;
const PIECE_MAX = 8 * 1024 * 1024;
/** A piece shall take about so long: then little is sent twice after a cut. */
const PIECE_MS = 2_000;
/** The only problems after which nothing was done, whatever was asked. */
const NOTHING_DONE = new Set(["unavailable", "not_ready", "deadline_exceeded"]);
/** Problems that say that no one is signed in. */
const SIGNED_OUT = new Set(["sign_in_required", "unauthenticated"]);

/** Why a call failed. Decide by `code`; `message` is for people. */
export class IsobaseError extends Error {
  constructor(code, message, { status = 0, errors = [], requestId = null, retryAfter = null, problem = {}, cause } = {}) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = "IsobaseError";
    this.code = code;
    this.status = status;
    this.errors = errors;
    this.requestId = requestId;
    this.retryAfter = retryAfter;
    this.problem = problem;
  }
}

/** The revision of each document that came with one. */
const revisions = new WeakMap();

/** The revision that a document had when it was read; undefined where none came with it. */
export function revision(row) {
  return revisions.get(row);
}

// --- Filters ---

const RESERVED = new Set(["sort", "limit", "cursor", "page", "fields", "count", "or", "and", "not", "meta", "expand", "upsert"]);
const OPERATORS = new Set(["eq", "ne", "gt", "gte", "lt", "lte", "in", "nin", "like", "ilike", "null", "contains"]);
/** Text that would be read as something else than text. */
const AMBIGUOUS = /^(?:-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?|true|false|null|".*)$/s;

/** A filter as the parameters of a listing: `{age: {gte: 18}}` becomes `[["age[gte]", "18"]]`. */
export function parameters(where) {
  const pairs = [];
  for (const [name, value] of Object.entries(where ?? {})) {
    if (value === undefined) continue;
    if (isGroup(name, value)) {
      pairs.push([name, `(${groupOf(name, value).join(",")})`]);
      continue;
    }
    const path = RESERVED.has(name) ? JSON.stringify(name) : name;
    for (const [operator, operand] of conditionsOf(name, value)) {
      pairs.push([operator === "eq" ? path : `${path}[${operator}]`, operandText(operator, operand, false)]);
    }
  }
  return pairs;
}

function isGroup(name, value) {
  return ((name === "or" || name === "and") && Array.isArray(value)) || (name === "not" && isPlain(value));
}

function groupOf(name, value) {
  if (name === "not") return [joined(value)];
  if (value.length === 0) throw new TypeError(`the group "${name}" is empty`);
  return value.map(joined);
}

/** All conditions of an object as one of a group. */
function joined(where) {
  const terms = [];
  for (const [name, value] of Object.entries(where)) {
    if (value === undefined) continue;
    if (isGroup(name, value)) {
      terms.push(`${name}(${groupOf(name, value).join(",")})`);
      continue;
    }
    const path = groupPath(name);
    for (const [operator, operand] of conditionsOf(name, value)) {
      const text = operandText(operator, operand, true);
      terms.push(`${path}.${operator}.${operator === "in" || operator === "nin" ? `(${text})` : text}`);
    }
  }
  if (terms.length === 0) throw new TypeError("a group has a condition without content");
  return terms.length === 1 ? terms[0] : `and(${terms.join(",")})`;
}

/** In a group, a further step that is the word of an operator stands in quotes. */
function groupPath(path) {
  if (path.includes("\"")) return path;
  const steps = path.split(".");
  return steps.map((step, at) => (at > 0 && OPERATORS.has(step) ? JSON.stringify(step) : step)).join(".");
}

function conditionsOf(name, value) {
  if (!isPlain(value)) return [value === null ? ["null", true] : ["eq", value]];
  const conditions = Object.entries(value).filter(([, operand]) => operand !== undefined);
  const unknown = conditions.find(([operator]) => !OPERATORS.has(operator));
  if (unknown) throw new TypeError(`"${unknown[0]}" of the filter on "${name}" is no operator`);
  return conditions;
}

function isPlain(value) {
  return typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof Date);
}

function operandText(operator, operand, grouped) {
  if (operator === "in" || operator === "nin") {
    if (!Array.isArray(operand) || operand.length === 0) throw new TypeError(`"${operator}" takes a list with a value in it`);
    return operand.map((value) => valueText(value, true, false)).join(",");
  }
  // A pattern is never read as a number.
  return valueText(operand, grouped, operator === "like" || operator === "ilike");
}

/** A value as the query language has it: a string is never taken for a number, nor the other way round. */
function valueText(value, grouped, pattern) {
  if (value instanceof Date) value = value.toISOString();
  switch (typeof value) {
    case "number":
      if (!Number.isFinite(value)) throw new TypeError(`${value} is no value of a filter`);
      return String(value);
    case "boolean":
    case "bigint":
      return String(value);
    case "string": {
      const quoted = grouped ? value === "" || /[(),"]/.test(value) || (!pattern && AMBIGUOUS.test(value)) : !pattern && AMBIGUOUS.test(value);
      return quoted ? JSON.stringify(value) : value;
    }
    default:
      if (value === null) return "null";
      throw new TypeError("a value of a filter is a string, a number, a boolean, a date or null");
  }
}

function queryOf(options) {
  const { where, sort, limit, cursor, page, fields, expand, count } = options;
  const query = parameters(where);
  const set = (name, value) => {
    if (value !== undefined) query.push([name, String(value)]);
  };
  set("sort", Array.isArray(sort) ? sort.join(",") : sort);
  set("limit", limit);
  set("cursor", cursor);
  set("page", page);
  set("fields", fields?.join(","));
  set("expand", expand?.length ? expand.join(",") : undefined);
  if (count) query.push(["count", "exact"]);
  return query;
}

// --- Time ---

const sleep = (ms, signal) =>
  new Promise((resolve, reject) => {
    const timer = setTimeout(done, ms);
    function done() {
      signal?.removeEventListener("abort", aborted);
      resolve();
    }
    function aborted() {
      clearTimeout(timer);
      reject(signal.reason);
    }
    if (signal?.aborted) aborted();
    else signal?.addEventListener("abort", aborted, { once: true });
  });

/** Longer each time, and not the same for all who were cut off at the same moment. */
function pause(attempt) {
  return Math.min(WAIT_MAX_MS, WAIT_MS * 2 ** attempt) * (0.5 + Math.random() / 2);
}

/** A signal that ends with another one and can be ended by itself. Call `release` when done. */
function linked(signal) {
  const controller = new AbortController();
  const abort = () => controller.abort(signal.reason);
  if (signal?.aborted) abort();
  else signal?.addEventListener("abort", abort, { once: true });
  return { controller, signal: controller.signal, release: () => signal?.removeEventListener("abort", abort) };
}

function retryAfter(headers) {
  const text = headers.get("retry-after");
  if (text === null) return null;
  const seconds = /^[0-9]+$/.test(text) ? Number(text) : (Date.parse(text) - Date.now()) / 1000;
  return Number.isFinite(seconds) ? Math.max(0, seconds) : null;
}

// --- Requests ---

/** The problem that an answer is. */
async function problemOf(response) {
  const { status } = response;
  const problem = await response.json().catch(() => null);
  const told = typeof problem === "object" && problem !== null ? problem : {};
  return problemFrom(told, status, response.headers);
}

function problemFrom(told, status, headers) {
  return new IsobaseError(
    typeof told.code === "string" ? told.code : `http_${status}`,
    typeof told.detail === "string" ? told.detail : `the backend answered ${status}`,
    {
      status,
      errors: Array.isArray(told.errors) ? told.errors : [],
      requestId: told.request_id ?? headers?.get("x-request-id") ?? null,
      retryAfter: headers ? retryAfter(headers) : null,
      problem: told,
    },
  );
}

/** Whether a failed call may be sent again. `repeat` says what a second one would do. */
function mayRepeat(failure, repeat) {
  if (!(failure instanceof IsobaseError)) return false;
  if (NOTHING_DONE.has(failure.code)) return true;
  if (repeat === "never") return false;
  return failure.code === "network" || [502, 503, 504].includes(failure.status);
}

/** Whether a read that failed so may succeed later. */
function isPassing(failure) {
  return failure instanceof IsobaseError && (failure.code === "deadline" || mayRepeat(failure, "safe"));
}

/** The way to a backend. Everything else asks through it. */
class Transport {
  constructor(base, options) {
    this.base = base;
    this.fetch = options.fetch ?? ((...call) => globalThis.fetch(...call));
    this.deadline = options.deadline ?? DEADLINE_MS;
    this.headers = options.headers ?? {};
    this.auth = null;
  }

  url(path, query = []) {
    const text = new URLSearchParams(query).toString();
    return this.base + path + (text && `?${text}`);
  }

  /**
   * Sends a request; gives the answer with its body read as JSON.
   * `repeat` is `safe` for what changes nothing, or only once; else `never`.
   */
  async call(method, path, { query, body, headers, signal, deadline = this.deadline, repeat = "never" } = {}) {
    const ends = Date.now() + deadline;
    for (let attempt = 0; ; attempt += 1) {
      let failure;
      try {
        return await this.once(method, this.url(path, query), { body, headers, signal, ms: ends - Date.now() });
      } catch (error) {
        failure = error;
      }
      const wait = failure.retryAfter === null || failure.retryAfter === undefined ? pause(attempt) : failure.retryAfter * 1000;
      const again = attempt + 1 < TRIES_MAX && mayRepeat(failure, repeat) && Date.now() + wait < ends;
      if (!again) throw failure;
      await sleep(wait, signal);
    }
  }

  async once(method, url, { body, headers, signal, ms }) {
    const { controller, signal: both, release } = linked(signal);
    const late = new IsobaseError("deadline", "the backend did not answer in time");
    const timer = setTimeout(() => controller.abort(late), Math.max(0, ms));
    try {
      const init = { method, headers: { accept: "application/json", ...headers }, signal: both };
      if (body !== undefined) {
        init.headers["content-type"] ??= "application/json";
        init.body = JSON.stringify(body);
      }
      const response = await this.open(url, init);
      if (!response.ok) throw await problemOf(response);
      const text = await response.text();
      try {
        return { body: text === "" ? null : JSON.parse(text), headers: response.headers };
      } catch (cause) {
        const message = "the answer is no JSON: is this the address of a backend?";
        throw new IsobaseError("invalid_answer", message, { status: response.status, cause });
      }
    } catch (error) {
      if (error instanceof IsobaseError) throw error;
      if (both.aborted) throw both.reason;
      throw new IsobaseError("network", "the backend cannot be reached, or the connection broke", { cause: error });
    } finally {
      clearTimeout(timer);
      release();
    }
  }

  /** A request with what shows who asks. What it answers says when no one is signed in any more. */
  async open(url, init) {
    const shown = await this.auth.shown();
    const headers = { ...this.headers, ...init.headers, ...shown.headers };
    const response = await this.fetch(url, { ...init, headers, credentials: shown.credentials });
    if (response.status === 401) {
      const problem = await problemOf(response);
      if (SIGNED_OUT.has(problem.code)) await this.auth.refused(shown);
      throw problem;
    }
    return response;
  }
}

// --- Collections ---

const segment = (value) => encodeURIComponent(value);

/** The documents of one collection. */
export class Collection {
  #transport;
  #path;
  #events;

  constructor(transport, path, events) {
    this.#transport = transport;
    this.#path = path;
    this.#events = events;
  }

  /** A page of documents, or all of them where neither `limit`, `page` nor `cursor` is given. */
  async list(options = {}) {
    const { body, headers } = await this.#read("", queryOf(options), options);
    const page = Array.isArray(body) ? { items: body } : body;
    const total = headers.get("x-total-count");
    if (page.total === undefined && total !== null) page.total = Number(total);
    return page;
  }

  /** Every document that meets a filter, read in pages of `limit`. */
  async *each({ limit = PAGE, ...options } = {}) {
    let cursor;
    do {
      const page = await this.list({ ...options, limit, cursor });
      yield* page.items;
      cursor = page.next ?? undefined;
    } while (cursor !== undefined);
  }

  /** How many documents meet a filter. */
  async count(where, options = {}) {
    const { total } = await this.list({ ...options, where, limit: 1, count: true });
    return total;
  }

  async get(id, options = {}) {
    const { fields, expand } = options;
    return document(await this.#read(`/${segment(id)}`, queryOf({ fields, expand }), options));
  }

  /** Creates a document. Sent again after a broken connection, it is still created once. */
  async create(row, options = {}) {
    const headers = { "idempotency-key": options.idempotencyKey ?? key() };
    return document(await this.#send("POST", "", { body: row, headers, repeat: "safe" }, options));
  }

  /** Changes the fields that are given; the others stay. */
  async update(id, changes, options = {}) {
    const headers = conditions(options);
    return document(await this.#send("PATCH", `/${segment(id)}`, { body: changes, headers }, options));
  }

  async remove(id, options = {}) {
    await this.#send("DELETE", `/${segment(id)}`, { headers: conditions(options) }, options);
  }

  /** Several writes in one request, with a result for each; with `atomic` all or none of them. */
  async batch(operations, options = {}) {
    const body = { operations: operations.map(operation) };
    if (options.atomic !== undefined) body.atomic = options.atomic;
    const headers = { "idempotency-key": options.idempotencyKey ?? key() };
    const { body: report } = await this.#send("POST", "/batch", { body, headers, repeat: "safe" }, options);
    return report.results.map((result) => ({ ...result, error: result.error ? problemFrom(result.error, result.status) : null }));
  }

  /** Live events of this collection; see `Isobase.listen`. */
  listen(handlers, { where, ...options } = {}) {
    const name = this.#events;
    if (name === null) throw new TypeError("events are told of collections of the app: use collection() in place of records()");
    return this.#transport.listen(handlers, { ...options, topics: [name], where: where && { [name]: where } });
  }

  #read(path, query, { signal, deadline }) {
    return this.#transport.call("GET", this.#path + path, { query, signal, deadline, repeat: "safe" });
  }

  #send(method, path, request, { signal, deadline }) {
    return this.#transport.call(method, this.#path + path, { ...request, signal, deadline });
  }
}

/** The document of an answer, whose revision is kept beside it. */
function document({ body, headers }) {
  const tag = headers.get("etag");
  if (tag !== null && typeof body === "object" && body !== null) revisions.set(body, tag);
  return body;
}

function conditions({ ifMatch }) {
  if (ifMatch === undefined) return {};
  return { "if-match": tagOf(ifMatch) };
}

/** A revision, or that of a document. */
function tagOf(ifMatch) {
  const tag = typeof ifMatch === "object" ? revisions.get(ifMatch) : ifMatch;
  if (typeof tag !== "string") throw new TypeError("the document of ifMatch has no revision: read it with get()");
  return tag;
}

function operation({ create, update, remove, changes, ifMatch }) {
  const condition = ifMatch === undefined ? {} : { if_match: tagOf(ifMatch) };
  if (create !== undefined) return { method: "create", body: create };
  if (update !== undefined) return { method: "patch", id: update, patch: changes, ...condition };
  if (remove !== undefined) return { method: "delete", id: remove, ...condition };
  throw new TypeError("an operation of a batch has create, update or remove");
}

/** A key that no other request has. Pages without https have no `randomUUID`, Node.js 18 no `crypto`. */
function key() {
  if (globalThis.crypto?.randomUUID) return globalThis.crypto.randomUUID();
  const half = () => Math.random().toString(36).slice(2).padEnd(11, "0");
  return `${Date.now().toString(36)}-${half()}${half()}`;
}

// --- Who asks ---

const STORED = "isobase_session";

/** Where a token is kept, by the name of the place. */
function storageOf(session) {
  if (typeof session === "object") return session;
  if (session === "memory") {
    let kept = null;
    return { get: () => kept, set: (value) => void (kept = value) };
  }
  const area = session === "local" ? globalThis.localStorage : session === "tab" ? globalThis.sessionStorage : undefined;
  if (!area) throw new TypeError(`session is cookie, memory, local, tab or an object with get and set, not "${session}"`);
  return {
    get: () => area.getItem(STORED),
    set: (value) => (value === null ? area.removeItem(STORED) : area.setItem(STORED, value)),
  };
}

/** Accounts and sessions. */
export class Auth {
  #transport;
  #key;
  /** Where the token is; null where the browser keeps a cookie. */
  #storage = null;
  /** What was last read or written there. */
  #session = null;
  #loaded = null;
  #user = null;
  /** When a session is to be renewed, in the time of this machine. */
  #renewAt = Infinity;
  #renewing = false;
  #listeners = new Set();

  constructor(transport, options) {
    this.#transport = transport;
    this.#key = options.key ?? null;
    const sameOrigin = globalThis.location !== undefined && new URL(transport.base, globalThis.location.href).origin === globalThis.location.origin;
    const session = options.session ?? (sameOrigin ? "cookie" : "memory");
    if (session !== "cookie") this.#storage = storageOf(session);
    // Another window signs in or out.
    if (session === "local") {
      globalThis.addEventListener?.("storage", (event) => {
        if (event.key !== STORED && event.key !== null) return;
        this.#take(parsed(event.key === null ? null : event.newValue));
        this.#tell();
      });
    }
  }

  /** Who signed in, as far as it is known here; null for no one. `me()` asks the backend. */
  get user() {
    return this.#user;
  }

  /** Calls back when somebody signs in or out, here or in another window. Gives what ends that. */
  onChange(callback) {
    this.#listeners.add(callback);
    return () => void this.#listeners.delete(callback);
  }

  /** The account of who signed in, from the backend; null for no one. */
  async me(options = {}) {
    try {
      const { body } = await this.#transport.call("GET", "/api/me", { ...bounds(options), repeat: "safe" });
      const changed = this.#user?.id !== body.id;
      this.#user = body;
      // How long a cookie lasts is not known: renewing it says so.
      if (this.#storage === null && this.#renewAt === Infinity) this.#renewAt = Date.now();
      this.#renewWhenDue();
      if (changed) this.#tell();
      return body;
    } catch (error) {
      if (error instanceof IsobaseError && error.status === 401) return null;
      throw error;
    }
  }

  /** Makes an account and signs in. */
  async register(account, options = {}) {
    const { body } = await this.#transport.call("POST", "/api/register", { body: account, ...bounds(options) });
    if (this.#storage === null) return this.#began(body);
    const user = await this.login(account, options);
    // The one that the registration began would be a cookie's, which is not kept here.
    await this.endOtherSessions(options);
    return user;
  }

  /** Signs in with `username` or `email` and `password`, or with a `code`: of a letter, or of a second factor. */
  async login(credentials, options = {}) {
    const { username, email, password, code, ...more } = credentials;
    const sent = password === undefined ? { email: email ?? username, code, ...more } : { ...(username === undefined ? { email } : { username }), password, ...more };
    if (this.#storage === null) {
      const { body } = await this.#transport.call("POST", "/api/login", { body: sent, ...bounds(options) });
      return this.#began(body);
    }
    const { body } = await this.#transport.call("POST", "/api/sessions", { body: sent, ...bounds(options) });
    await this.#keep({ token: body.token, user: body.user, since: Date.now(), until: Date.parse(body.expires_at) });
    this.#tell();
    return body.user;
  }

  /** Ends the session, here also when the backend cannot be reached. */
  async logout(options = {}) {
    try {
      // Twice is as good as once.
      await this.#transport.call("POST", "/api/logout", { ...bounds(options), repeat: "safe" });
    } finally {
      await this.#forget();
    }
  }

  /** The sessions of the account. */
  async sessions(options = {}) {
    const { body } = await this.#transport.call("GET", "/api/sessions", { ...bounds(options), repeat: "safe" });
    return body.sessions;
  }

  async endSession(id, options = {}) {
    await this.#transport.call("DELETE", `/api/sessions/${segment(id)}`, bounds(options));
  }

  /** Ends every session of the account but this one. */
  async endOtherSessions(options = {}) {
    await this.#transport.call("DELETE", "/api/sessions", { ...bounds(options), repeat: "safe" });
  }

  async changePassword(current, next, options = {}) {
    const body = { current_password: current, new_password: next };
    await this.#transport.call("PUT", "/api/me/password", { body, ...bounds(options) });
  }

  /** Deletes the account of who signed in. */
  async deleteAccount(password, options = {}) {
    await this.#transport.call("DELETE", "/api/me", { body: { password }, ...bounds(options) });
    await this.#forget();
  }

  /** Asks for a letter with a code to sign in. */
  async requestCode(email, options = {}) {
    await this.#transport.call("POST", "/api/login/code", { body: { email }, ...bounds(options) });
  }

  /** Asks for a letter with a link to another password. */
  async requestReset(email, options = {}) {
    await this.#transport.call("POST", "/api/login/reset", { body: { email }, ...bounds(options) });
  }

  /** Sets the password with the token of a letter. All sessions end. */
  async reset(token, password, options = {}) {
    await this.#transport.call("PUT", "/api/login/reset", { body: { token, password }, ...bounds(options) });
  }

  /** Lets the session last as long again as a new one. Done by itself in the second half of its time. */
  async renew(options = {}) {
    const { body } = await this.#transport.call("POST", "/api/sessions/renew", { ...bounds(options), repeat: "safe" });
    const until = Date.parse(body.expires_at);
    if (this.#session) await this.#keep({ ...this.#session, since: Date.now(), until });
    else this.#renewAt = half(Date.now(), until);
    return new Date(until);
  }

  /** What shows who asks; of the client itself. */
  async shown() {
    if (this.#key !== null) return { headers: { authorization: `Bearer ${this.#key}` }, credentials: "omit", token: null };
    if (this.#storage === null) {
      this.#renewWhenDue();
      return { headers: {}, credentials: "same-origin", token: null };
    }
    this.#loaded ??= Promise.resolve(this.#storage.get()).then((text) => this.#take(parsed(text)));
    await this.#loaded;
    this.#renewWhenDue();
    const token = this.#session?.token ?? null;
    return { headers: token === null ? {} : { authorization: `Bearer ${token}` }, credentials: "omit", token };
  }

  /** The backend says that no one is signed in; of the client itself. */
  async refused(shown) {
    const current = this.#key === null && shown.token === (this.#session?.token ?? null);
    // The answer to a token of before says nothing about this one.
    if (current && (this.#session !== null || this.#user !== null)) await this.#forget();
  }

  #began(user) {
    this.#user = user;
    this.#renewAt = Date.now() + DAY_MS;
    this.#tell();
    return user;
  }

  #take(session) {
    this.#session = session;
    this.#user = session?.user ?? null;
    this.#renewAt = session ? half(session.since, session.until) : Infinity;
  }

  async #keep(session) {
    this.#loaded = Promise.resolve();
    this.#take(session);
    await this.#storage.set(session === null ? null : JSON.stringify(session));
  }

  async #forget() {
    const known = this.#user !== null || this.#session !== null;
    if (this.#storage === null) this.#take(null);
    else await this.#keep(null);
    if (known) this.#tell();
  }

  #tell() {
    for (const callback of [...this.#listeners]) callback(this.#user);
  }

  #renewWhenDue() {
    if (this.#renewing || Date.now() < this.#renewAt) return;
    this.#renewing = true;
    // A failure is told by the next call; the session goes on until its end.
    this.renew()
      .catch(() => void (this.#renewAt = Math.max(this.#renewAt, Date.now() + 60_000)))
      .finally(() => void (this.#renewing = false));
  }
}

const bounds = ({ signal, deadline }) => ({ signal, deadline });
const half = (since, until) => since + (until - since) / 2;

function parsed(text) {
  try {
    const session = JSON.parse(text ?? "null");
    return typeof session?.token === "string" ? session : null;
  } catch {
    return null;
  }
}

// --- Live events ---

/** Lines of an event stream become events (HTML standard, 9.2.6). */
export class EventParser {
  #rest = "";
  #afterReturn = false;
  #first = true;
  #name = "";
  #data = [];
  #id = "";
  /** Milliseconds that the other side wants a client to wait. */
  retry = null;

  /** The events that end in a piece of text. */
  *feed(text) {
    if (this.#first && text !== "") {
      this.#first = false;
      if (text.startsWith("\uFEFF")) text = text.slice(1);
    }
    // A line end of two characters may lie across two pieces.
    if (this.#afterReturn && text !== "") {
      if (text.startsWith("\n")) text = text.slice(1);
      this.#afterReturn = false;
    }
    this.#afterReturn = text.endsWith("\r");
    const lines = (this.#rest + text).split(/\r\n|\n|\r/);
    this.#rest = lines.pop();
    for (const line of lines) {
      const event = this.#line(line);
      if (event) yield event;
    }
  }

  #line(line) {
    if (line === "") return this.#dispatch();
    const colon = line.indexOf(":");
    const field = colon === -1 ? line : line.slice(0, colon);
    const value = colon === -1 ? "" : line.slice(line[colon + 1] === " " ? colon + 2 : colon + 1);
    if (field === "event") this.#name = value;
    else if (field === "data") this.#data.push(value);
    else if (field === "id" && !value.includes("\0")) this.#id = value;
    else if (field === "retry" && /^[0-9]+$/.test(value)) this.retry = Number(value);
    return null;
  }

  #dispatch() {
    const event = { name: this.#name || "message", data: this.#data.join("\n"), id: this.#id };
    const isEvent = this.#data.length > 0;
    this.#name = "";
    this.#data = [];
    return isEvent ? event : null;
  }
}

/** Refusals after which asking again is of no use. */
const FINAL = new Set([400, 401, 403, 404, 405, 422, 501]);

/** Events of a backend, over as many connections as it takes. */
class EventStream {
  #transport;
  #options;
  #ended = new AbortController();
  /** Of the connection that is open. */
  #connection = null;
  /** Ends a wait before the next connection. */
  #wake = null;
  #fresh = true;
  #reason = "start";
  /** Counts the persons who asked one after another. */
  #person = 0;
  place;
  state = "connecting";

  constructor(transport, options) {
    this.#transport = transport;
    this.#options = options;
    this.place = options.since;
  }

  get isClosed() {
    return this.#ended.signal.aborted;
  }

  close() {
    this.#ended.abort();
    this.#connection?.abort();
    this.#wake?.();
  }

  /** Another person asks from now on: what is shown is theirs, and none of it is known here. */
  restart() {
    this.place = undefined;
    this.#options = { ...this.#options, since: undefined };
    this.#reason = "session";
    this.#fresh = true;
    this.#person += 1;
    this.#connection?.abort();
    this.#wake?.();
  }

  /** Connects at once where it waits. */
  hurry() {
    this.#wake?.();
  }

  /** Everything that happens, in order; ends by `close`, or throws what cannot be overcome. */
  async *events() {
    for (let attempt = 0; !this.#ended.signal.aborted; attempt += 1) {
      let wait = pause(attempt);
      let opened = false;
      const person = this.#person;
      this.#move("connecting");
      try {
        for await (const event of this.#connect((ms) => void (wait = ms))) {
          if (event.name === "connected") {
            opened = true;
            attempt = 0;
            this.#move("open");
            if (this.#fresh && this.#options.since === undefined) yield this.#reload();
            this.#fresh = false;
          } else if (event.name === "gap") {
            const { reason, topics } = JSON.parse(event.data);
            yield { type: "reload", reason, topics };
          } else if (event.name !== "ping") {
            yield told(event);
          }
          if (person !== this.#person) break;
          // What was handed over is not asked for again.
          this.place = event.id;
        }
      } catch (error) {
        if (this.#ended.signal.aborted) break;
        wait = this.#judge(error, wait);
      }
      if (this.#ended.signal.aborted) break;
      this.#move("waiting");
      await this.#wait(opened ? Math.min(wait, WAIT_MS) : wait);
    }
    this.#move("closed");
  }

  #reload() {
    return { type: "reload", reason: this.#reason, topics: this.#options.topics ?? null };
  }

  /** How long to wait after a failure. */
  #judge(error, wait) {
    if (!(error instanceof IsobaseError)) return wait;
    if (error.code === "foreign_place" || error.code === "invalid_header") {
      // Another database, or its past is gone: from here on everything is read again.
      this.place = undefined;
      this.#options = { ...this.#options, since: undefined };
      this.#reason = "past_gone";
      this.#fresh = true;
      return 0;
    }
    if (FINAL.has(error.status)) {
      this.#move("closed");
      throw error;
    }
    return error.retryAfter === null ? wait : error.retryAfter * 1000;
  }

  async *#connect(setWait) {
    const connection = linked(this.#ended.signal);
    this.#connection = connection.controller;
    const silent = new IsobaseError("silent", "the stream says nothing any more");
    const idle = this.#options.idle ?? IDLE_MS;
    const watch = () => setTimeout(() => connection.controller.abort(silent), idle);
    let timer = watch();
    let reader;
    try {
      const { topics, where } = this.#options;
      const query = topics ? [["topics", topics.join(",")]] : [];
      for (const [name, filter] of Object.entries(where ?? {})) {
        query.push([`filter[${name}]`, new URLSearchParams(parameters(filter)).toString()]);
      }
      const headers = { accept: "text/event-stream" };
      if (this.place) headers["last-event-id"] = this.place;
      const response = await this.#transport.open(this.#transport.url("/api/events", query), { headers, signal: connection.signal, cache: "no-store" });
      if (!response.ok) throw await problemOf(response);
      if (!response.headers.get("content-type")?.startsWith("text/event-stream")) {
        throw new IsobaseError("invalid_answer", "the answer is no event stream", { status: response.status });
      }
      const parser = new EventParser();
      const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
      reader = response.body.getReader();
      for (;;) {
        const { done, value } = await reader.read();
        clearTimeout(timer);
        timer = null;
        if (done) return;
        for (const event of parser.feed(decoder.decode(value, { stream: true }))) yield event;
        if (parser.retry !== null) setWait(parser.retry);
        timer = watch();
      }
    } finally {
      clearTimeout(timer);
      connection.release();
      connection.controller.abort();
      // It may be broken already.
      reader?.cancel().catch(() => {});
    }
  }

  async #wait(ms) {
    const { promise, resolve } = deferred();
    const timer = setTimeout(resolve, ms);
    this.#wake = resolve;
    await promise;
    clearTimeout(timer);
    this.#wake = null;
  }

  #move(state) {
    if (state === this.state) return;
    this.state = state;
    this.#options.state?.(state);
  }
}

/** What happened to a document. */
function told({ name, data, id }) {
  const at = name.lastIndexOf("_");
  return { type: name.slice(at + 1), item: name.slice(0, at), row: JSON.parse(data), place: id };
}

function deferred() {
  let resolve;
  const promise = new Promise((done) => void (resolve = done));
  return { promise, resolve };
}

// --- Uploads ---

/** A form with one file, as a stream that tells how far it is. */
function formOf(file, name, told) {
  const boundary = `isobase-${key()}`;
  const escaped = name.replace(/[\r\n"]/g, (letter) => encodeURIComponent(letter));
  const type = file.type || "application/octet-stream";
  const head = `--${boundary}\r\ncontent-disposition: form-data; name="file"; filename="${escaped}"\r\ncontent-type: ${type}\r\n\r\n`;
  const tail = `\r\n--${boundary}--\r\n`;
  async function* pieces() {
    const encoder = new TextEncoder();
    yield encoder.encode(head);
    for (let sent = 0; sent < file.size; sent += PIECE) {
      yield new Uint8Array(await file.slice(sent, sent + PIECE).arrayBuffer());
      told(Math.min(sent + PIECE, file.size));
    }
    yield encoder.encode(tail);
  }
  const iterator = pieces();
  const body = new ReadableStream({
    async pull(controller) {
      const { done, value } = await iterator.next();
      if (done) controller.close();
      else controller.enqueue(value);
    },
    async cancel() {
      await iterator.return();
    },
  });
  return { body, type: `multipart/form-data; boundary=${boundary}` };
}

/** Sends a whole file by fetch, which takes a stream in Node.js, Deno and Bun. */
async function sendStream(transport, file, name, told, signal) {
  const { body, type } = formOf(file, name, told);
  const headers = { accept: "application/json", "content-type": type };
  const response = await transport.open(transport.url("/api/upload"), { method: "POST", headers, body, duplex: "half", signal });
  if (!response.ok) throw await problemOf(response);
  return response.json();
}

/** Sends a whole file by XMLHttpRequest: the only way in a browser that tells how far it is. */
async function sendForm(transport, file, name, told, signal) {
  const shown = await transport.auth.shown();
  signal.throwIfAborted();
  const request = new XMLHttpRequest();
  const answer = new Promise((resolve, reject) => {
    request.upload.onprogress = (event) => told(Math.min(event.loaded, file.size));
    request.onload = () => resolve();
    request.onerror = () => reject(new TypeError("the connection broke"));
    request.onabort = () => reject(signal.reason);
    signal.addEventListener("abort", () => request.abort(), { once: true });
    request.open("POST", transport.url("/api/upload"));
    request.responseType = "json";
    const headers = { ...transport.headers, accept: "application/json", ...shown.headers };
    for (const [header, value] of Object.entries(headers)) request.setRequestHeader(header, value);
    const form = new FormData();
    form.append("file", file, name);
    request.send(form);
  });
  await answer;
  if (request.status >= 200 && request.status < 300) return request.response;
  const headers = { get: (header) => request.getResponseHeader(header) };
  const problem = problemFrom(request.response ?? {}, request.status, headers);
  if (SIGNED_OUT.has(problem.code)) await transport.auth.refused(shown);
  throw problem;
}

/** Where resumable uploads begin (tus 1.0.0). */
const RESUMABLE = "/api/uploads/tus";

/** A file that is sent in pieces, and goes on where it was after a cut. */
class ResumableUpload {
  #transport;
  #file;
  #name;
  #signal;
  /** Where addresses of uploads are kept between calls; null for nowhere. */
  #storage;
  #mark;
  #address;
  /** Bytes that the backend has; null where it is to be asked. */
  #offset = null;
  #piece = PIECE;

  constructor(transport, file, name, signal, storage) {
    this.#transport = transport;
    this.#file = file;
    this.#name = name;
    this.#signal = signal;
    this.#storage = storage;
    // The same file again, as far as a page can tell.
    this.#mark = `isobase_upload ${JSON.stringify([name, file.size, file.type, file.lastModified ?? 0])}`;
    this.#address = storage?.getItem(this.#mark) ?? null;
  }

  /** Sends what is missing; gives the address of the file. */
  async run(told) {
    for (let attempt = 0; ; attempt += 1) {
      try {
        let file = this.#address === null ? await this.#begin() : await this.#look();
        while (file === null) {
          file = await this.#send();
          attempt = 0;
          told(this.#offset);
        }
        this.#storage?.removeItem(this.#mark);
        return file;
      } catch (error) {
        if (this.#signal.aborted || !this.#isOvercome(error)) throw error;
        this.#offset = null;
        this.#piece = Math.max(PIECE_MIN, this.#piece / 2);
        await sleep(typeof error.retryAfter === "number" ? error.retryAfter * 1000 : pause(attempt), this.#signal);
      }
    }
  }

  /** Whether going on may help. Anything that is no answer is a cut connection. */
  #isOvercome(error) {
    if (!(error instanceof IsobaseError)) return true;
    if (error.status === 404 || error.status === 410) {
      // The upload is over or unknown: once more from the beginning, if it had begun.
      const had = this.#address !== null;
      this.#address = null;
      this.#storage?.removeItem(this.#mark);
      return had;
    }
    return [409, 423, 460].includes(error.status) || error.status >= 500;
  }

  async #begin() {
    const encode = (text) => btoa(String.fromCharCode(...new TextEncoder().encode(text)));
    const metadata = [`filename ${encode(this.#name)}`];
    if (this.#file.type) metadata.push(`filetype ${encode(this.#file.type)}`);
    const headers = { "upload-length": String(this.#file.size), "upload-metadata": metadata.join(",") };
    const response = await this.#ask("POST", this.#transport.url(RESUMABLE), headers);
    this.#address = new URL(response.headers.get("location"), response.url).href;
    this.#storage?.setItem(this.#mark, this.#address);
    this.#offset = 0;
    return response.headers.get("content-location");
  }

  async #look() {
    if (this.#offset !== null) return null;
    const response = await this.#ask("HEAD", this.#address, {});
    this.#offset = Number(response.headers.get("upload-offset"));
    return response.headers.get("content-location");
  }

  async #send() {
    const began = Date.now();
    const piece = this.#file.slice(this.#offset, this.#offset + this.#piece);
    const headers = { "upload-offset": String(this.#offset), "content-type": "application/offset+octet-stream" };
    const response = await this.#ask("PATCH", this.#address, headers, piece);
    this.#offset = Number(response.headers.get("upload-offset"));
    const took = Date.now() - began;
    if (took < PIECE_MS / 2) this.#piece = Math.min(PIECE_MAX, this.#piece * 2);
    else if (took > PIECE_MS * 2) this.#piece = Math.max(PIECE_MIN, this.#piece / 2);
    return response.headers.get("content-location");
  }

  async #ask(method, url, headers, body) {
    const init = { method, headers: { "tus-resumable": "1.0.0", ...headers }, signal: this.#signal };
    if (body !== undefined) init.body = body;
    const response = await this.#transport.open(url, init);
    if (!response.ok) throw await problemOf(response);
    return response;
  }
}

// --- The client ---

/** A backend at an address. Without one, in a browser, the backend of the page. */
export class Isobase {
  #transport;
  #streams = new Set();

  constructor(base, options = {}) {
    const address = base ?? globalThis.location?.origin;
    if (address === undefined) throw new TypeError("outside of a browser a client takes the address of its backend");
    this.#transport = new Transport(String(address).replace(/\/+$/, ""), options);
    this.#transport.listen = (handlers, more) => this.listen(handlers, more);
    this.auth = new Auth(this.#transport, options);
    this.#transport.auth = this.auth;
    this.auth.onChange(() => {
      for (const stream of this.#streams) stream.restart();
    });
    globalThis.addEventListener?.("online", () => {
      for (const stream of this.#streams) stream.hurry();
    });
  }

  /** A collection that the app declares. */
  collection(name) {
    return new Collection(this.#transport, `/api/${segment(name)}`, name);
  }

  /** Any collection as documents, for programs with a key. */
  records(name) {
    return new Collection(this.#transport, `/records/${segment(name)}`, null);
  }

  /** Any other request of the backend; the answer is read as JSON. */
  async request(method, path, options = {}) {
    const repeat = method === "GET" || method === "HEAD" ? "safe" : "never";
    return (await this.#transport.call(method, path, { repeat, ...options })).body;
  }

  /** Live events, to be read by `for await`. The stream ends when the loop does. */
  async *events(options = {}) {
    const stream = this.#stream(options);
    try {
      yield* stream.events();
    } finally {
      stream.close();
      this.#streams.delete(stream);
    }
  }

  /** Live events, each handed to a handler, one after another. Gives what closes the stream. */
  listen(handlers, options = {}) {
    const stream = this.#stream({ ...options, state: handlers.state });
    const fail = (error) => {
      if (handlers.error) handlers.error(error);
      else console.error(error);
    };
    const run = async () => {
      try {
        for await (const event of stream.events()) {
          for (let attempt = 0; ; attempt += 1) {
            try {
              await handlers[event.type]?.(event.type === "reload" ? event : event.row, event);
              break;
            } catch (error) {
              fail(error);
              // What could not be read again is old until it is.
              if (event.type !== "reload" || stream.isClosed || !isPassing(error)) break;
              await sleep(pause(attempt));
            }
          }
        }
      } catch (error) {
        fail(error);
      } finally {
        this.#streams.delete(stream);
      }
    };
    const done = run();
    return {
      close: () => stream.close(),
      done,
      get state() {
        return stream.state;
      },
      get place() {
        return stream.place;
      },
    };
  }

  #stream(options) {
    const stream = new EventStream(this.#transport, options);
    this.#streams.add(stream);
    options.signal?.addEventListener("abort", () => stream.close(), { once: true });
    if (options.signal?.aborted) stream.close();
    return stream;
  }

  /** Keeps a file at the backend. `progress` is told how many bytes of how many have been sent. */
  async upload(file, { name = file.name ?? "file", progress, signal, stall = STALL_MS, resumable = false } = {}) {
    const { controller, signal: both, release } = linked(signal);
    const stuck = new IsobaseError("deadline", "the upload does not go on");
    let timer;
    const watch = () => {
      clearTimeout(timer);
      // A piece may still be read after the end.
      if (!both.aborted) timer = setTimeout(() => controller.abort(stuck), stall);
    };
    const told = (sent) => {
      watch();
      progress?.(sent, file.size);
    };
    const send = typeof XMLHttpRequest === "undefined" ? sendStream : sendForm;
    watch();
    try {
      if (resumable) {
        const storage = resumable === true ? null : resumable;
        const url = await new ResumableUpload(this.#transport, file, name, both, storage).run(told);
        return { filename: url.slice(url.lastIndexOf("/") + 1), url, size: file.size };
      }
      return await send(this.#transport, file, name, told, both);
    } catch (error) {
      if (error instanceof IsobaseError) throw error;
      if (both.aborted) throw both.reason;
      throw new IsobaseError("network", "the connection broke before the file was kept", { cause: error });
    } finally {
      clearTimeout(timer);
      controller.abort();
      release();
    }
  }
}
