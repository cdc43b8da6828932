// What `isobase types` writes, in the hands of a program: what is right compiles, and each line below
// `@ts-expect-error` does not.

import { Isobase, IsobaseError, revision, type Id } from "isobase";
import type { App, Changes, New, Row } from "./isobase-app.js";

const backend = new Isobase<App>("http://127.0.0.1:8002");
const people = backend.collection("people");

/** Holds when both are the same type. */
type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
const same = <A, B>(..._: Same<A, B> extends true ? [] : [never]) => {};

same<Row<"people">["name"], string>();
same<Row<"people">["age"], number | null | undefined>();
same<Row<"people">["state"], "new" | "old">();
same<Row<"people">["done"], 0 | 1>();
same<Row<"people">["tags"], string[] | null | undefined>();
same<Row<"people">["address"], { city: string; "zip-code"?: number } | undefined>();
same<keyof New<"people">, "name" | "age" | "state" | "done" | "tags" | "address" | "team" | "owner" | "password">();
same<keyof Changes<"people">, "name" | "done">();
same<Row<"anything">, { id: Id; [field: string]: unknown }>();

export async function right(): Promise<void> {
  const created = await people.create({ name: "Ann", password: "hush", done: true, team: 1, tags: null });
  const changed: Row<"people"> = await people.update(created.id, { done: 0 }, { ifMatch: created });
  const tag: string | undefined = revision(changed);
  const page = await people.list({
    where: { age: { gte: 18, lt: 65 }, state: "new", name: null, or: [{ done: 1 }, { "address.city": "Basel" }] },
    sort: ["-age", "name", "address.city"],
    expand: ["team"],
    limit: 20,
  });
  for (const person of page.items) {
    const team = person.team;
    if (typeof team === "object" && team !== null) team.name.toUpperCase();
    const name: string = person.name;
    console.log(name, tag, page.next);
  }
  const narrow = await people.list({ fields: ["name"] });
  same<keyof (typeof narrow.items)[number], "id" | "name">();
  for await (const { state } of people.each({ where: { state: { in: ["new", "old"] } } })) same<typeof state, "new" | "old">();
  const one = await people.get(1, { expand: ["owner"] });
  if (typeof one.owner === "object" && one.owner !== null) console.log(one.owner.username);
  await people.batch([{ create: { name: "Bob" } }, { update: 1, changes: { done: false } }, { remove: 2 }], { atomic: true });
  people.listen({
    created: (person) => person.name.toUpperCase(),
    deleted: ({ id }) => console.log(id),
    reload: async ({ reason }) => console.log(reason),
  }, { where: { done: 1 } });
  for await (const event of backend.events({ topics: ["people", "post-tags"], where: { people: { age: { gt: 1 } } } })) {
    if (event.type === "reload") console.log(event.reason, event.topics);
    else console.log(event.row.id, event.item);
  }
  const user = await backend.auth.login({ username: "ann", password: "x" });
  console.log(user.username, (await backend.auth.me())?.role);
  await backend.upload(new Blob(["x"]), { progress: (sent, size) => console.log(sent / size) });
  await backend.records("whatever").create({ a: 1 });
  const untyped = new Isobase();
  console.log((await untyped.collection("rows").get(1)).anything);
}

export async function wrong(): Promise<void> {
  // @ts-expect-error there is no such collection
  backend.collection("peoples");
  // @ts-expect-error a required field is missing
  await people.create({ age: 3 });
  // @ts-expect-error the service sets it
  await people.create({ name: "a", joined: "2026-01-01" });
  // @ts-expect-error callers may not change it
  await people.update(1, { age: 3 });
  // @ts-expect-error it is no value of the enum
  await people.create({ name: "a", state: "lost" });
  // @ts-expect-error it is never shown
  (await people.get(1)).password;
  // @ts-expect-error there is no such field
  await people.list({ where: { nam: "a" } });
  // @ts-expect-error there is no such operator
  await people.list({ where: { age: { near: 3 } } });
  // @ts-expect-error it is a number
  await people.list({ where: { age: "3" } });
  // @ts-expect-error it is no reference
  await people.list({ expand: ["age"] });
  // @ts-expect-error it was not asked for
  (await people.list({ fields: ["name"] })).items[0]?.age;
  // @ts-expect-error there is no such topic
  backend.listen({}, { topics: ["nothing"] });
  // @ts-expect-error there is no such handler
  people.listen({ changed: () => {} });
  // @ts-expect-error a session is not kept there
  new Isobase("http://127.0.0.1", { session: "disk" });
  try {
    await people.get(1);
  } catch (error) {
    if (error instanceof IsobaseError) {
      // @ts-expect-error it cannot be set
      error.code = "other";
    }
  }
}
