// The account of the one who looks: password, second factor, other services that sign in.

import { ask, get, path } from "../lib/api.js";
import { h } from "../lib/dom.js";
import { count, timeOf } from "../lib/format.js";
import { badge, button, copyButton, dialog, download, facts, field, form, inputOf, once, table, toast } from "../lib/ui.js";

const FACTOR = "/api/me/second-factor";
const IDENTITIES = "/api/me/identities";

/** What the one who looks can change of its own account. */
export async function ownAccount(signal, again) {
  const [me, factor, { identities, has_password: hasPassword }, { providers }] = await Promise.all([
    get("/api/me", {}, { signal }), get(FACTOR, {}, { signal }), get(IDENTITIES, {}, { signal }),
    get("/api/login/providers", {}, { signal }),
  ]);
  return [
    facts([
      ["Name", me.username],
      ["E-mail", me.email],
      ["Role", me.role],
      ["Second factor", factor.enabled
        ? h("span", {}, badge("on", "good"), ` since `, timeOf(factor.since), `, ${count(factor.recovery_codes_left)} recovery codes left`)
        : badge("off", "warn")],
    ]),
    h("div.actions", {},
      hasPassword && button("Change the password", once(() => changePassword())),
      factor.enabled
        ? [
          button("New recovery codes", once(() => withPassword("New recovery codes", "The former ones end.", hasPassword, async (password) => {
            const { data } = await ask("POST", `${FACTOR}/recovery`, { body: { password } });
            again();
            await showCodes(data.recovery_codes);
          }))),
          button("Switch the second factor off", once(() => withPassword("Switch the second factor off", "Signing in then takes the password alone.", hasPassword, async (password) => {
            await ask("DELETE", FACTOR, { body: { password } });
            again();
            toast("The second factor is off.");
          })), { kind: "danger" }),
        ]
        : button("Set a second factor up", once(() => setUp(hasPassword, again)), { kind: "primary", "data-testid": "factor-set-up" })),
    (providers.length > 0 || identities.length > 0) && identityList(identities, providers, hasPassword, again),
  ];
}

function identityList(identities, providers, hasPassword, again) {
  const linked = new Set(identities.map((one) => one.provider));
  const free = providers.filter(({ id }) => !linked.has(id));
  return [
    h("h3", {}, "Other services that sign in to this account"),
    !hasPassword && h("p.muted", {}, "This account has no password: one of these stays. A letter for another password, at the sign-in, sets one."),
    identities.length > 0 && table("Linked services", [
      { title: "Service", cell: (one) => one.provider },
      { title: "As", cell: (one) => one.email ?? one.subject },
      { title: "Since", cell: (one) => timeOf(one.linked_at) },
      {
        title: "",
        // The last way in stays.
        cell: (one) => (hasPassword || identities.length > 1) && button("Unlink", once(async () => {
          await ask("DELETE", IDENTITIES + path(one.provider));
          again();
          toast(`${one.provider} does not sign in here any more.`);
        }), { "aria-label": `Unlink ${one.provider}`, "data-testid": `unlink-${one.provider}` }),
      },
    ], identities),
    free.length > 0 && h("div.actions", {}, free.map(({ id, label }) =>
      button(`Link ${label}`, once(() => withPassword(`Link ${label}`, "You are sent there to sign in, and come back here.", hasPassword, async (password) => {
        const { data } = await ask("POST", IDENTITIES, { body: { provider: id, password, return_to: "/admin/settings" } });
        location.assign(data.url);
      })), { "data-testid": `link-${id}` }))),
  ];
}

/**
 * Asks for the password again, before what a stolen session must not do. An account without one has
 * just signed in, or is told to.
 */
function withPassword(title, text, hasPassword, run) {
  return dialog(title, (close) => {
    const secret = hasPassword && field("Your password", { type: "password", required: true, autocomplete: "current-password" });
    return form([h("p", {}, text), secret], "Go on", async () => {
      await run(secret ? inputOf(secret).value : undefined);
      close(true);
    }, close);
  });
}

function changePassword() {
  return dialog("Change the password", (close) => {
    const now = field("Your password", { type: "password", required: true, autocomplete: "current-password" });
    const next = field("New password", { type: "password", required: true, autocomplete: "new-password" }, "Your other sessions end.");
    return form([now, next], "Change", async () => {
      await ask("PUT", "/api/me/password", { body: { current_password: inputOf(now).value, new_password: inputOf(next).value } });
      close(true);
      toast("The password is changed.");
    }, close);
  });
}

async function setUp(hasPassword, again) {
  let offered = null;
  await withPassword("Set a second factor up", "Signing in then also takes a code of an authenticator app.", hasPassword, async (password) => {
    ({ data: offered } = await ask("POST", FACTOR, { body: { password } }));
  });
  if (!offered) return;
  const codes = await dialog("Set a second factor up", (close) => {
    const code = field("Code that the app shows", { required: true, autocomplete: "one-time-code", inputmode: "numeric", maxlength: 10 });
    return form([h("p", {}, "Put this secret into an authenticator app, or open the link where one is installed:"),
      h("p.secret", { "data-testid": "factor-secret" }, offered.secret),
      h("div.actions", {}, copyButton("Copy", offered.secret), h("a", { href: offered.uri }, "Open in an app")), code], "Confirm", async () => {
      const { data } = await ask("PUT", FACTOR, { body: { code: inputOf(code).value.trim() } });
      close(data.recovery_codes);
    }, close);
  });
  again();
  if (codes) await showCodes(codes);
}

function showCodes(codes) {
  return dialog("Recovery codes", (close) => [
    h("p", {}, "Each signs in once without the app. They are shown only now:"),
    h("ul.secret", { "data-testid": "recovery-codes" }, codes.map((one) => h("li", {}, one))),
    h("div.actions", {}, copyButton("Copy", codes.join("\n")), button("Save as a file", () => download("recovery-codes.txt", "text/plain", `${codes.join("\n")}\n`)),
      button("I have kept them", () => close(true), { kind: "primary" })),
  ]);
}
