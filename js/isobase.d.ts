// Types of isobase.js. `isobase types` writes those of an app's collections.

/** Of the package, and of the backend that it was made with. */
export declare const VERSION: string;

/** An id: a number that the database gave, or a text. */
export type Id = number | string;

/** What is known of a collection. */
export interface CollectionTypes {
  /** A document as it is shown. */
  row: object;
  /** What a new document is made of. */
  create: object;
  /** What may be changed. */
  update: object;
  /** The fields that refer to a document of another collection, each with its name. */
  references: object;
}

/** Collections of which nothing is known. */
export interface AnyCollections {
  [name: string]: {
    row: { id: Id; [field: string]: any };
    create: { [field: string]: any };
    update: { [field: string]: any };
    references: { [field: string]: string };
  };
}

type Typed<C> = { [N in keyof C]: CollectionTypes };
type Name<C> = keyof C & string;
type Row<C extends Typed<C>, N extends keyof C> = C[N]["row"];
type References<C extends Typed<C>, N extends keyof C> = keyof C[N]["references"] & string;
type Target<C extends Typed<C>, N extends keyof C, F> = F extends keyof C[N]["references"] ? C[N]["references"][F] : never;

/** The document that a reference leads to. */
type Referred<C extends Typed<C>, T> = T extends keyof C ? Row<C, T> : T extends "isobase_accounts" ? NamedAccount : unknown;

/** A row in which the references `E` are the documents they lead to, where those may be seen. */
export type Expanded<C extends Typed<C>, N extends keyof C, E> = {
  [F in keyof Row<C, N>]: F extends E ? Referred<C, Target<C, N, F>> | Row<C, N>[F] : Row<C, N>[F];
};

type Value = string | number | bigint | boolean | Date | null;
type Comparable<V> = V extends string ? V | Date : V;

/** Comparisons of a field. */
export interface Operators<V = Value> {
  eq?: Comparable<V>;
  /** Also null and missing. */
  ne?: Comparable<V> | null;
  gt?: Comparable<V>;
  gte?: Comparable<V>;
  lt?: Comparable<V>;
  lte?: Comparable<V>;
  in?: readonly Comparable<V>[];
  nin?: readonly Comparable<V>[];
  /** `%` stands for any characters, `_` for one. */
  like?: string;
  ilike?: string;
  null?: boolean;
  /** Is a text that contains it, or an array with it. */
  contains?: Value;
}

/** A filter: every condition must hold. Paths reach into objects: `"address.city"`. */
export type Where<R> = {
  [F in keyof R]?: Comparable<R[F]> | Operators<Exclude<R[F], null | undefined>> | null;
} & {
  or?: readonly Where<R>[];
  and?: readonly Where<R>[];
  not?: Where<R>;
} & { [path: `${string}.${string}`]: Value | Operators | undefined };

type Sort<R> = (keyof R & string) | `-${keyof R & string}` | `${string}.${string}`;

/** Bounds of one call. */
export interface CallOptions {
  signal?: AbortSignal;
  /** Milliseconds that the call may take, its repeats included. Default: that of the client, 30,000. */
  deadline?: number;
}

export interface ListOptions<R, F extends string = never, E extends string = never> extends CallOptions {
  where?: Where<R>;
  sort?: Sort<R> | readonly Sort<R>[];
  limit?: number;
  /** The `next` of the page before. */
  cursor?: string;
  /** From 1; the page has totals then. */
  page?: number;
  fields?: readonly (F | `${string}.${string}`)[];
  expand?: readonly (E | `${string}.${string}`)[];
  /** Counts all that meet the filter. */
  count?: boolean;
}

export interface Page<R> {
  items: R[];
  /** The cursor of the next page; null after the last one. */
  next?: string | null;
  total?: number;
  page?: number;
  pages?: number;
}

type Shown<C extends Typed<C>, N extends keyof C, F extends string, E extends string> = [F] extends [never]
  ? Expanded<C, N, E>
  : Pick<Expanded<C, N, E>, (F | "id") & keyof Row<C, N>>;

export interface Condition {
  /** The document as it was read with `get`, `create` or `update`, or its revision: another one is refused. */
  ifMatch?: object | string;
}

export interface Keyed {
  /** What makes two calls the same. Default: each call is its own. */
  idempotencyKey?: string;
}

/** One write of a batch. */
export type Operation<K extends CollectionTypes> =
  | { create: K["create"] }
  | ({ update: Id; changes: K["update"] } & Condition)
  | ({ remove: Id } & Condition);

export interface OperationResult {
  /** The status that the write would have had alone. */
  status: number;
  id?: Id;
  kind?: "created" | "updated" | "deleted";
  etag?: string;
  error: IsobaseError | null;
}

/** The documents of one collection. */
export declare class Collection<C extends Typed<C>, N extends Name<C>> {
  private constructor();
  /** A page of documents, or all of them where neither `limit`, `page` nor `cursor` is given. */
  list<F extends keyof Row<C, N> & string = never, E extends References<C, N> = never>(
    options?: ListOptions<Row<C, N>, F, E>,
  ): Promise<Page<Shown<C, N, F, E>>>;
  /** Every document that meets a filter, read in pages of `limit` (200). */
  each<F extends keyof Row<C, N> & string = never, E extends References<C, N> = never>(
    options?: Omit<ListOptions<Row<C, N>, F, E>, "cursor" | "page">,
  ): AsyncGenerator<Shown<C, N, F, E>, void, undefined>;
  /** How many documents meet a filter. */
  count(where?: Where<Row<C, N>>, options?: CallOptions): Promise<number>;
  get<F extends keyof Row<C, N> & string = never, E extends References<C, N> = never>(
    id: Id,
    options?: CallOptions & Pick<ListOptions<Row<C, N>, F, E>, "fields" | "expand">,
  ): Promise<Shown<C, N, F, E>>;
  /** Creates a document. Sent again after a broken connection, it is still created once. */
  create(row: C[N]["create"], options?: CallOptions & Keyed): Promise<Row<C, N>>;
  /** Changes the fields that are given; the others stay. */
  update(id: Id, changes: C[N]["update"], options?: CallOptions & Condition): Promise<Row<C, N>>;
  remove(id: Id, options?: CallOptions & Condition): Promise<void>;
  /** Several writes in one request, with a result for each; with `atomic` all or none of them. */
  batch(
    operations: readonly Operation<C[N]>[],
    options?: CallOptions & Keyed & { atomic?: boolean },
  ): Promise<OperationResult[]>;
  /** Live events of this collection. */
  listen(
    handlers: Handlers<Row<C, N>>,
    options?: Omit<EventOptions<C>, "topics" | "where"> & { where?: Where<Row<C, N>> },
  ): Listening;
}

/** The revision that a document had when it was read; undefined where none came with it. */
export declare function revision(row: object): string | undefined;

/** A filter as the parameters of a listing. */
export declare function parameters(where: object | null | undefined): [string, string][];

/** Something happened to a document. */
export type Change<R> = (
  | { type: "created" | "updated"; row: R }
  | { type: "deleted"; row: { id: Id } }
) & {
  /** The word of the collection's declaration: `item` for `items`. */
  item: string;
  place: string;
};

/** What is shown may be old: at the start, after a gap, and when another person signs in. */
export interface Reload {
  type: "reload";
  reason: "start" | "session" | "past_gone" | "too_far" | "too_slow" | "collection_deleted";
  /** The collections it is about; null for all. */
  topics: string[] | null;
}

export type StreamState = "connecting" | "open" | "waiting" | "closed";

export interface EventOptions<C extends Typed<C> = AnyCollections> {
  /** Collections; all that make events where none is named. */
  topics?: readonly Name<C>[];
  /** Filters by collection. */
  where?: { [N in keyof C]?: Where<Row<C, N>> };
  /** The place after which to begin: no `reload` is told at the start then. */
  since?: string;
  /** Milliseconds of silence after which the connection is taken for dead. Default 75,000. */
  idle?: number;
  signal?: AbortSignal;
}

/** What is called one after another: the next one waits until this one is done. */
export interface Handlers<R> {
  created?(row: R, event: Change<R>): unknown;
  updated?(row: R, event: Change<R>): unknown;
  deleted?(row: { id: Id }, event: Change<R>): unknown;
  reload?(event: Reload): unknown;
  /** What cannot be overcome, after which the stream is closed; and what another handler threw. */
  error?(error: unknown): void;
  state?(state: StreamState): void;
}

export interface Listening {
  close(): void;
  /** Fulfilled once the stream is closed. */
  readonly done: Promise<void>;
  readonly state: StreamState;
  /** After which event it is; `since` of another stream goes on from there. */
  readonly place: string | undefined;
}

/** Why a call failed. Decide by `code`; `message` is for people. */
export declare class IsobaseError extends Error {
  constructor(code: string, message: string, more?: Partial<Omit<IsobaseError, "code" | "message" | "name">>);
  /**
   * One of the backend's (docs/errors.md), or `network`, `deadline`, `silent`, `invalid_answer`,
   * `http_502` and the like.
   */
  readonly code: string;
  /** Of the answer; 0 without one. */
  readonly status: number;
  /** What is wrong where. */
  readonly errors: { pointer?: string; name?: string; message: string; value?: string }[];
  /** Under which the backend's log has it. */
  readonly requestId: string | null;
  /** Seconds after which to try again. */
  readonly retryAfter: number | null;
  /** The whole body of the answer; some problems say more in it. */
  readonly problem: { readonly [member: string]: unknown };
}

export interface NamedAccount {
  id: Id;
  username: string;
}

export interface Account extends NamedAccount {
  email: string | null;
  verified: boolean;
  role: string;
  disabled: boolean;
  created_at: string;
}

export interface Session {
  id: string;
  kind: "cookie" | "bearer";
  agent: string | null;
  created_at: string;
  expires_at: string;
  current: boolean;
}

export type Credentials =
  | { username: string; password: string; [more: string]: unknown }
  | { email: string; password: string; [more: string]: unknown }
  | { email: string; code: string; [more: string]: unknown }
  | { challenge: string; code: string; [more: string]: unknown };

/** Accounts and sessions. */
export declare class Auth {
  private constructor();
  /** Who signed in, as far as it is known here; null for no one. */
  readonly user: NamedAccount | Account | null;
  /** Calls back when somebody signs in or out, here or in another window. Gives what ends that. */
  onChange(callback: (user: NamedAccount | Account | null) => void): () => void;
  /** The account of who signed in, from the backend; null for no one. */
  me(options?: CallOptions): Promise<Account | null>;
  /** Makes an account and signs in. */
  register(account: { username?: string; email?: string; password: string }, options?: CallOptions): Promise<NamedAccount>;
  /**
   * Signs in with a password, or with the code of a letter. Where it throws `second_factor_required`, the
   * `challenge` of its `problem` and a code of the second factor sign in.
   */
  login(credentials: Credentials, options?: CallOptions): Promise<NamedAccount>;
  logout(options?: CallOptions): Promise<void>;
  sessions(options?: CallOptions): Promise<Session[]>;
  endSession(id: string, options?: CallOptions): Promise<void>;
  endOtherSessions(options?: CallOptions): Promise<void>;
  changePassword(current: string, next: string, options?: CallOptions): Promise<void>;
  deleteAccount(password: string, options?: CallOptions): Promise<void>;
  requestCode(email: string, options?: CallOptions): Promise<void>;
  requestReset(email: string, options?: CallOptions): Promise<void>;
  reset(token: string, password: string, options?: CallOptions): Promise<void>;
  /** Lets the session last as long again as a new one. Done by itself in the second half of its time. */
  renew(options?: CallOptions): Promise<Date>;
}

/** Where a session's token is kept. */
export interface SessionStorage {
  get(): string | null | Promise<string | null>;
  set(value: string | null): void | Promise<void>;
}

export interface ClientOptions {
  /**
   * How a session is kept: `cookie` by the browser, out of the reach of scripts (default on pages of
   * the backend); `memory` until the page is left (default elsewhere); `tab` and `local` in the
   * browser's storage of that name; or an object.
   */
  session?: "cookie" | "memory" | "tab" | "local" | SessionStorage;
  /** An API key in place of a session, for programs. */
  key?: string;
  /** Milliseconds that a call may take. Default 30,000. */
  deadline?: number;
  /** Headers of every request. */
  headers?: Record<string, string>;
  fetch?: typeof fetch;
}

export interface Uploaded {
  filename: string;
  url: string;
  size: number;
}

/** Where uploads that were not finished are kept. */
export interface UploadStorage {
  getItem(key: string): string | null;
  setItem(key: string, value: string): void;
  removeItem(key: string): void;
}

export interface UploadOptions {
  name?: string;
  /** Is told how many bytes of how many have been sent. */
  progress?(sent: number, size: number): void;
  signal?: AbortSignal;
  /** Milliseconds without progress after which the upload is given up. Default 60,000. */
  stall?: number;
  /**
   * Sends the file in pieces (tus 1.0), and goes on where it was after a cut or a restart. A storage such
   * as `localStorage` keeps how far it is: a later call with the same file goes on too. Default false.
   */
  resumable?: boolean | UploadStorage;
}

/** A backend at an address. Without one, in a browser, the backend of the page. */
export declare class Isobase<C extends Typed<C> = AnyCollections> {
  constructor(base?: string | URL, options?: ClientOptions);
  readonly auth: Auth;
  /** A collection that the app declares. */
  collection<N extends Name<C>>(name: N): Collection<C, N>;
  /** Any collection as documents, for programs with a key. */
  records(name: string): Collection<AnyCollections, string>;
  /** Any other request of the backend; the answer is read as JSON. */
  request<T = unknown>(
    method: string,
    path: string,
    options?: CallOptions & { query?: [string, string][]; body?: unknown; headers?: Record<string, string> },
  ): Promise<T>;
  /** Live events, to be read by `for await`. The stream ends when the loop does. */
  events(options?: EventOptions<C>): AsyncGenerator<Change<{ [N in keyof C]: Row<C, N> }[keyof C]> | Reload, void, undefined>;
  /** Live events, each handed to a handler, one after another. */
  listen(handlers: Handlers<any>, options?: EventOptions<C>): Listening;
  /** Keeps a file at the backend. */
  upload(file: Blob, options?: UploadOptions): Promise<Uploaded>;
}

/** Lines of an event stream become events (HTML standard, 9.2.6). */
export declare class EventParser {
  retry: number | null;
  feed(text: string): Generator<{ name: string; data: string; id: string }, void, undefined>;
}
