// Sign in with an account, of here or of a provider, or with a key for this tab.

import { ask, get, setApiKey } from "../lib/api.js";
import { h, put } from "../lib/dom.js";
import { button, field, inputOf } from "../lib/ui.js";

/** @param {() => Promise<void>} done */
export function signInForm(done) {
  const told = h("div", { role: "alert" });
  const place = h("div");
  const others = h("div");
  const form = (parts, submit, label = "Sign in") => h("form", {
    onsubmit: async (event) => {
      event.preventDefault();
      put(told);
      const go = event.target.querySelector("[type=submit]");
      go.disabled = true;
      try {
        if (await submit() === false) return;
        await get("/admin/api/overview", {}, { quiet: true });
        await done();
      } catch (error) {
        setApiKey(null);
        put(told, h("p.bad", {}, error.status === 403 ? "This account may not open the admin site." : error.message));
      } finally {
        go.disabled = false;
      }
    },
  }, parts, h("button.primary", { type: "submit" }, label));
  const first = () => {
    const name = field("Name or e-mail", { name: "username", autocomplete: "username", required: true });
    const password = secretField("Password", { name: "password", autocomplete: "current-password" });
    return form([name, password], async () => {
      try {
        await ask("POST", "/api/login", { body: { username: inputOf(name).value, password: inputOf(password).value }, quiet: true });
        return true;
      } catch (error) {
        if (error.code !== "second_factor_required") throw error;
        put(place, second(error.problem.challenge));
        inputOf(place).focus();
        return false;
      }
    });
  };
  const second = (challenge) => {
    const code = field("Code", { name: "code", autocomplete: "one-time-code", required: true, maxlength: 64, "data-testid": "sign-in-code" }, "Of your authenticator app, or a recovery code.");
    return [
      form([code], () => ask("POST", "/api/login", { body: { challenge, code: inputOf(code).value.trim() }, quiet: true }), "Confirm"),
      button("Another account", () => put(place, first())),
    ];
  };
  const key = secretField("Key", { name: "key", autocomplete: "off" }, "INTERNAL_API_KEY or a named key; forgotten when this tab is closed.");
  const withKey = form([key], async () => setApiKey(inputOf(key).value.trim()));
  put(place, first());
  providers(others);
  return h("main.sign-in", { id: "main", tabindex: "-1" },
    h("h1", {}, "Isobase"), told,
    h("section", {}, h("h2", {}, "Account"), place, others),
    h("details", {}, h("summary", {}, "Use a key instead"), withKey));
}

/** Other services that sign in here; the browser comes back to what it was about to see. */
async function providers(place) {
  const { providers: known } = await get("/api/login/providers", {}, { quiet: true }).catch(() => ({ providers: [] }));
  const back = encodeURIComponent(location.pathname + location.search);
  put(place, known.map(({ url, label }) => h("p", {}, h("a", { href: `${url}?return_to=${back}` }, `Sign in with ${label}`))));
}

/** A field whose text is shown when it is asked for. */
function secretField(label, properties, hint) {
  const element = field(label, { type: "password", required: true, ...properties }, hint);
  const input = inputOf(element);
  const show = button("Show", () => {
    const hidden = input.type === "password";
    input.type = hidden ? "text" : "password";
    show.textContent = hidden ? "Hide" : "Show";
  }, { "aria-label": "Show or hide the characters" });
  element.append(show);
  return element;
}
