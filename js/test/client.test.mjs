// The client in Node.js, with the real backend.

import assert from "node:assert/strict";
import http from "node:http";
import { after, before, test } from "node:test";
import { Isobase, IsobaseError, parameters, revision } from "../isobase.js";
import { Backend, until } from "./support.mjs";

const APP = `
limits.upload_bytes = 2000000

[collections.people]
event = "person"
fields.name = { type = "string", required = true }
fields.zip = { type = "string" }
fields.age = { type = "integer" }
fields.born = { type = "string" }
fields.team = { type = "reference", to = "teams" }

[collections.teams]
fields.name = { type = "string", required = true, unique = true }
`;

let backend;
let client;
before(async () => {
  backend = await Backend.start({ "isobase.toml": APP });
  client = new Isobase(backend.url);
});
after(() => backend.end());

/** A server that answers as it is told. */
async function answering(handler) {
  const server = http.createServer(handler);
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  const url = `http://127.0.0.1:${server.address().port}`;
  return { url, end: () => (server.closeAllConnections(), server.close()) };
}

test("documents are created, read, changed and deleted", async () => {
  const teams = client.collection("teams");
  const team = await teams.create({ name: "Red" });
  assert.deepEqual(await teams.get(team.id), team);
  const read = await teams.get(team.id);
  const changed = await teams.update(team.id, { name: "Blue" }, { ifMatch: read });
  assert.deepEqual(changed, { id: team.id, name: "Blue" });
  assert.notEqual(revision(changed), revision(read));
  await assert.rejects(teams.update(team.id, { name: "Green" }, { ifMatch: read }), (error) => {
    assert.ok(error instanceof IsobaseError);
    assert.deepEqual([error.code, error.status], ["revision_conflict", 412]);
    assert.match(error.requestId, /./);
    return true;
  });
  await assert.rejects(teams.create({ name: "Blue" }), { code: "not_unique", status: 409 });
  await teams.remove(team.id);
  await assert.rejects(teams.get(team.id), { code: "item_not_found", message: "Team not found" });
  await assert.rejects(teams.create({}), { status: 400, message: "name required" });
});

test("a batch tells what became of each write, or does all or nothing", async () => {
  for (const teams of [client.collection("teams"), client.records("teams")]) {
    const [made] = await teams.batch([{ create: { name: "Grey" } }], { atomic: true });
    assert.deepEqual([made.status, made.kind, made.error], [201, "created", null]);
    const wrong = { update: made.id, changes: { name: "Black" }, ifMatch: "\"another\"" };
    const results = await teams.batch([{ create: { name: "Grey" } }, wrong, { update: made.id, changes: { name: "White" }, ifMatch: made.etag }]);
    assert.deepEqual(results.map(({ status, error }) => [status, error?.code ?? null]), [[409, "not_unique"], [412, "revision_conflict"], [200, null]]);
    assert.ok(results[0].error instanceof IsobaseError);
    const none = teams.batch([{ remove: made.id }, { create: { name: "White" } }, wrong], { atomic: true });
    await assert.rejects(none, { code: "batch_rejected", status: 409 });
    assert.equal((await teams.get(made.id)).name, "White");
    await teams.batch([{ remove: made.id }]);
    await assert.rejects(teams.batch([{ made: 1 }]), TypeError);
  }
});

test("references are shown as the documents they lead to", async () => {
  const team = await client.collection("teams").create({ name: "Gold" });
  const person = await client.collection("people").create({ name: "Kim", team: team.id });
  const { items } = await client.collection("people").list({ where: { name: "Kim" }, expand: ["team"], fields: ["name", "team.name"] });
  assert.deepEqual(items, [{ name: "Kim", team: { name: "Gold" }, id: person.id }]);
  assert.deepEqual((await client.collection("people").get(person.id, { expand: ["team"] })).team, team);
  await client.collection("people").remove(person.id);
});

test("filters mean what their values are", async () => {
  const people = client.collection("people");
  const rows = [
    { name: "a", zip: "01234", age: 17, born: "2009-01-01T00:00:00.000Z" },
    { name: "b,(c)", zip: "1234", age: 30, born: "1996-01-01T00:00:00.000Z" },
    { name: "null", zip: "true", age: 65 },
    { name: "100%", age: 18 },
    { name: "\"q\"", zip: "1e3", age: 40 },
  ];
  for (const row of rows) await people.create(row);
  const names = async (where) => (await people.list({ where, sort: "name" })).items.map(({ name }) => name);
  for (const [where, expected] of [
    [{ age: { gte: 18, lt: 65 } }, ["\"q\"", "100%", "b,(c)"]],
    [{ zip: "1234" }, ["b,(c)"]],
    [{ zip: "1e3" }, ["\"q\""]],
    [{ zip: null }, ["100%"]],
    [{ name: "null" }, ["null"]],
    [{ name: "b,(c)" }, ["b,(c)"]],
    [{ name: { in: ["b,(c)", "\"q\"", "null"] } }, ["\"q\"", "b,(c)", "null"]],
    [{ name: { like: "100\\%" } }, ["100%"]],
    [{ or: [{ age: { lt: 18 } }, { name: "b,(c)", not: { zip: null } }, { zip: "true" }] }, ["a", "b,(c)", "null"]],
    [{ or: [{ name: "\"q\"" }, { name: { in: ["null", "x"] } }] }, ["\"q\"", "null"]],
    [{ born: { gte: new Date("2000-01-01") } }, ["a"]],
    [{ age: undefined, name: "a" }, ["a"]],
  ]) {
    assert.deepEqual(await names(where), expected, JSON.stringify(where));
  }
  const { items, total, pages } = await people.list({ page: 2, limit: 2, sort: ["-age", "name"], fields: ["name"] });
  assert.deepEqual(items.map(({ name }) => name), ["b,(c)", "100%"]);
  assert.deepEqual([total, pages], [5, 3]);
  const every = [];
  for await (const { name } of people.each({ where: { age: { gt: 17 } }, sort: "age", limit: 2 })) every.push(name);
  assert.deepEqual(every, ["100%", "b,(c)", "\"q\"", "null"]);
  assert.equal(await people.count({ zip: { ne: null } }), 4);
  await assert.rejects(people.list({ where: { lost: { gte: [] } } }), TypeError);
  await assert.rejects(people.list({ where: { name: { near: 1 } } }), /"near" of the filter on "name"/);
  assert.deepEqual(parameters({ sort: 1, "a.b": "x" }), [["\"sort\"", "1"], ["a.b", "x"]]);
  assert.deepEqual(parameters({ or: [{ "a.in": 1 }, { b: "" }] }), [["or", "(a.\"in\".eq.1,b.eq.\"\")"]]);
});

test("a document whose answer is lost is created once", async () => {
  const teams = client.collection("teams");
  backend.swallows = 1;
  const team = await teams.create({ name: "once" });
  assert.equal(backend.swallows, 0);
  assert.deepEqual((await teams.list({ where: { name: "once" } })).items, [team]);
  // A change is not sent twice: another may have come between.
  backend.swallows = 1;
  await assert.rejects(teams.update(team.id, { name: "twice" }), { code: "network" });
  assert.equal((await teams.get(team.id)).name, "twice");
});

test("calls end at their deadline, by their signal, and are repeated only where that is safe", async () => {
  let asked = [];
  const server = await answering((request, response) => {
    asked.push(request.method);
    const times = asked.filter((method) => method === request.method).length;
    if (request.url.includes("silent")) return;
    if (times < 3) {
      response.writeHead(request.method === "PATCH" ? 502 : 503, { "retry-after": "0", "content-type": "application/problem+json" });
      response.end(JSON.stringify({ code: request.method === "DELETE" ? "unavailable" : "outcome_unknown", detail: "later" }));
      return;
    }
    response.end("{}");
  });
  const rows = new Isobase(server.url).collection("rows");
  await rows.get(1);
  await rows.create({});
  await rows.remove(1);
  await assert.rejects(rows.update(1, {}), { status: 502, retryAfter: 0 });
  assert.deepEqual(asked, ["GET", "GET", "GET", "POST", "POST", "POST", "DELETE", "DELETE", "DELETE", "PATCH"]);
  await assert.rejects(rows.get("silent", { deadline: 50 }), { code: "deadline" });
  const controller = new AbortController();
  asked = [];
  const waiting = rows.get("silent", { signal: controller.signal });
  await until("the request", () => asked.length === 1);
  controller.abort();
  await assert.rejects(waiting, { name: "AbortError" });
  server.end();
  await assert.rejects(rows.get(1, { deadline: 20_000 }), { code: "network" });
  const page = await answering((_, response) => response.end("<html>"));
  await assert.rejects(new Isobase(page.url).collection("rows").get(1), { code: "invalid_answer" });
  page.end();
});

test("events go on where they were when the backend is killed and starts again", async () => {
  const teams = client.collection("teams");
  const seen = [];
  const states = [];
  const listening = client.listen(
    {
      created: ({ name }) => void seen.push(`+${name}`),
      updated: ({ name }) => void seen.push(`~${name}`),
      deleted: ({ id }) => void seen.push(`-${id}`),
      reload: ({ reason }) => void seen.push(reason),
      state: (state) => void states.push(state),
    },
    { topics: ["teams", "people"] },
  );
  await until("the start", () => seen.length === 1);
  const first = await teams.create({ name: "t1" });
  await until("the first event", () => seen.length === 2);
  backend.cut();
  // Connections that are dead are found out by a call that may be repeated.
  await teams.get(first.id);
  await teams.update(first.id, { name: "t2" });
  await until("the event of a cut connection", () => seen.length === 3);
  await backend.stop("SIGKILL");
  await until("the loss", () => listening.state === "waiting");
  await backend.run();
  // Before the stream is there again, and after.
  for (let n = 0; n < 20; n += 1) await teams.create({ name: `n${n}` });
  await teams.remove(first.id);
  const all = ["start", "+t1", "~t2", ...Array.from({ length: 20 }, (_, n) => `+n${n}`), `-${first.id}`];
  await until("all events", () => seen.length >= all.length);
  assert.deepEqual(seen, all);
  assert.ok(states.includes("waiting"));
  // From the place of this stream another one goes on, without anything to read again.
  listening.close();
  await listening.done;
  assert.equal(listening.state, "closed");
  await teams.create({ name: "later" });
  for await (const event of client.events({ topics: ["teams"], since: listening.place })) {
    assert.deepEqual([event.type, event.item, event.row.name], ["created", "team", "later"]);
    break;
  }
});

test("what a stream cannot tell is read again", async () => {
  const people = client.collection("people");
  const reloads = [];
  const errors = [];
  const reload = ({ reason, topics }) => {
    // A list that could not be read is read again.
    if (errors.length === 0) throw new IsobaseError("network", "for once");
    reloads.push([reason, topics]);
  };
  const listening = people.listen({ reload, error: ({ code }) => void errors.push(code) }, { where: { age: { gte: 18 } } });
  await until("the start", () => reloads.length === 1);
  assert.deepEqual(errors, ["network"]);
  await client.request("DELETE", "/records/people", { query: [["confirm", "people"]] });
  await until("the gap", () => reloads.length === 2);
  assert.deepEqual(reloads, [["start", ["people"]], ["collection_deleted", ["people"]]]);
  listening.close();
  const other = await Backend.start({ "isobase.toml": APP });
  const foreign = [];
  const elsewhere = new Isobase(other.url).collection("people").listen({ reload: ({ reason }) => void foreign.push(reason) }, { since: listening.place });
  await until("the reload", () => foreign.length === 1);
  assert.deepEqual(foreign, ["past_gone"]);
  elsewhere.close();
  await other.end();
  await assert.rejects(client.events({ topics: ["nothing"] }).next(), { code: "invalid_parameter" });
});

test("a stream comes back after refusals, and finds out that it is dead", async () => {
  let asked = 0;
  const ids = [];
  const server = await answering((request, response) => {
    asked += 1;
    ids.push(request.headers["last-event-id"]);
    if (asked <= 2) return response.writeHead(503, { "retry-after": "0" }).end();
    response.writeHead(200, { "content-type": "text/event-stream" });
    if (asked === 3) return response.end();
    // In pieces, with every line end there is; then nothing more.
    for (const piece of ["\uFEFFevent: conn", "ected\r", "\ndata: {}\rid: p1\n\n:\n", "event: row_created\ndata: {\"id\":\ndata: 1}\nid: p2\n", "\nevent: row_deleted\nid: p3\ndata: {\"id\":1}\n"]) response.write(piece);
  });
  const seen = [];
  const stream = new Isobase(server.url).listen(
    { created: (row) => void seen.push(row), deleted: () => void seen.push("half an event"), reload: ({ reason }) => void seen.push(reason) },
    { idle: 1_000 },
  );
  await until("another connection", () => asked === 5);
  assert.deepEqual(seen.slice(0, 2), ["start", { id: 1 }]);
  assert.ok(!seen.includes("half an event"));
  assert.deepEqual(ids, [undefined, undefined, undefined, undefined, "p2"]);
  stream.close();
  await stream.done;
  server.end();
});

test("a session is kept, renewed in its second half, and forgotten when it is over", async () => {
  const kept = { text: null };
  const session = { get: async () => kept.text, set: async (text) => void (kept.text = text) };
  const ann = new Isobase(backend.url, { session });
  const told = [];
  ann.auth.onChange((user) => void told.push(user?.username ?? null));
  const user = await ann.auth.register({ username: "ann", password: "correct horse" });
  assert.deepEqual(ann.auth.user, user);
  await assert.rejects(client.auth.login({ username: "ann", password: "wrong" }), { code: "invalid_credentials", status: 401 });
  // Another process finds the session, in its second half.
  const stored = JSON.parse(kept.text);
  kept.text = JSON.stringify({ ...stored, since: Date.now() - 6_000_000, until: Date.now() + 3_000_000 });
  const later = new Isobase(backend.url, { session });
  assert.equal((await later.auth.me()).username, "ann");
  await until("the renewal", () => JSON.parse(kept.text).until > Date.now() + 3_600_000);
  assert.deepEqual((await later.auth.sessions()).map(({ current }) => current), [true]);
  // Ended elsewhere.
  await later.auth.logout();
  assert.equal(kept.text, null);
  await assert.rejects(ann.collection("teams").list(), { status: 401 });
  assert.equal(ann.auth.user, null);
  assert.deepEqual(told, ["ann", null]);
  assert.equal(await ann.auth.me(), null);
});

test("a second factor is asked for, and shown", async () => {
  const bodies = [];
  const server = await answering(async (request, response) => {
    let text = "";
    for await (const chunk of request) text += chunk;
    bodies.push([request.url, JSON.parse(text)]);
    const asked = bodies.length === 1;
    response.writeHead(asked ? 401 : 200, { "content-type": "application/json" });
    const session = { token: "ises_x", expires_at: new Date(Date.now() + 60_000).toISOString(), user: { id: 1, username: "ann" } };
    response.end(JSON.stringify(asked ? { code: "second_factor_required", challenge: "c1" } : session));
  });
  const { auth } = new Isobase(server.url);
  const failed = await auth.login({ username: "ann", password: "x" }).catch((error) => error);
  assert.deepEqual([failed.code, failed.problem.challenge, auth.user], ["second_factor_required", "c1", null]);
  assert.equal((await auth.login({ challenge: failed.problem.challenge, code: "050471" })).username, "ann");
  assert.deepEqual(bodies, [
    ["/api/sessions", { username: "ann", password: "x" }],
    ["/api/sessions", { challenge: "c1", code: "050471" }],
  ]);
  server.end();
});

test("a file is sent with its progress", async () => {
  const eve = new Isobase(backend.url);
  await eve.auth.register({ username: "eve", password: "correct horse" });
  const bytes = Buffer.alloc(1_500_000, "abc");
  const progress = [];
  const kept = await eve.upload(new Blob([bytes], { type: "text/plain" }), { name: "a \"b\".txt", progress: (sent, size) => void progress.push([sent, size]) });
  assert.equal(kept.size, bytes.length);
  assert.match(kept.filename, /\.txt$/);
  assert.deepEqual(progress.at(-1), [bytes.length, bytes.length]);
  assert.ok(progress.length > 2);
  const read = await fetch(backend.url + kept.url);
  assert.deepEqual(Buffer.from(await read.arrayBuffer()), bytes);
  await assert.rejects(eve.upload(new Blob([Buffer.alloc(2_100_000)])), { code: "file_too_large", status: 413 });
  const controller = new AbortController();
  const cut = eve.upload(new Blob([bytes]), { signal: controller.signal, progress: () => controller.abort() });
  await assert.rejects(cut, { name: "AbortError" });
  await assert.rejects(client.upload(new Blob(["x"])), { status: 401 });
});

test("a resumable upload goes on after cuts, a kill, and in another call", async () => {
  const fay = new Isobase(backend.url);
  await fay.auth.register({ username: "fay", password: "correct horse" });
  const bytes = Buffer.alloc(1_900_000);
  for (let at = 0; at < bytes.length; at += 4) bytes.writeUInt32LE(at, at);
  const file = new Blob([bytes]);
  const sent = [];
  const progress = (count) => {
    sent.push(count);
    if (sent.length === 1) backend.cut();
    // The answer that says how far it is gets lost.
    if (sent.length === 2) backend.swallows = 1;
    if (sent.length === 3) backend.stop("SIGKILL").then(() => backend.run());
  };
  const kept = await fay.upload(file, { name: "ä.bin", resumable: true, progress });
  assert.deepEqual([kept.size, kept.url], [bytes.length, `/uploads/${kept.filename}`]);
  assert.match(kept.filename, /\.bin$/);
  assert.deepEqual(Buffer.from(await (await fetch(backend.url + kept.url)).arrayBuffer()), bytes);
  // What the backend had was not sent again.
  assert.deepEqual(sent, [...sent].sort((one, other) => one - other));
  assert.equal(sent.at(-1), bytes.length);

  const addresses = new Map();
  const storage = {
    getItem: (name) => addresses.get(name) ?? null,
    setItem: (name, value) => void addresses.set(name, value),
    removeItem: (name) => void addresses.delete(name),
  };
  const controller = new AbortController();
  const left = fay.upload(file, { name: "b", resumable: storage, signal: controller.signal, progress: () => controller.abort() });
  await assert.rejects(left, { name: "AbortError" });
  assert.equal(addresses.size, 1);
  const first = [];
  await fay.upload(file, { name: "b", resumable: storage, progress: (count) => void first.push(count) });
  assert.ok(first[0] > 256 * 1024, `${first[0]}`);
  assert.equal(addresses.size, 0);
  assert.equal((await fay.upload(new Blob([]), { resumable: true })).size, 0);
  await assert.rejects(fay.upload(new Blob([Buffer.alloc(2_100_000)]), { resumable: true }), { status: 413 });
  await assert.rejects(client.upload(file, { resumable: true }), { status: 401 });
});
