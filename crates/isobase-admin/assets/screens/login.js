// Sign in with an account, or with a key for this tab.

import { ask, get, setApiKey } from "../lib/api.js";
import { h, put } from "../lib/dom.js";
import { field, inputOf } from "../lib/ui.js";

/** @param {() => Promise<void>} done */
export function signInForm(done) {
  const name = field("Name or e-mail", { name: "username", autocomplete: "username", required: true });
  const password = field("Password", { name: "password", type: "password", autocomplete: "current-password", required: true });
  const key = field("Key", { name: "key", type: "password", autocomplete: "off", required: true }, "INTERNAL_API_KEY or a named key; forgotten when this tab is closed.");
  const told = h("div", { role: "alert" });
  const form = (parts, submit) => h("form", {
    onsubmit: async (event) => {
      event.preventDefault();
      put(told);
      const go = event.target.querySelector("button");
      go.disabled = true;
      try {
        await submit();
        await get("/admin/api/overview", {}, { quiet: true });
        await done();
      } catch (error) {
        setApiKey(null);
        put(told, h("p.bad", {}, error.status === 403 ? "This account may not open the admin site." : error.message));
      } finally {
        go.disabled = false;
      }
    },
  }, parts, h("button.primary", { type: "submit" }, "Sign in"));
  const withAccount = form([name, password], () => ask("POST", "/api/login", {
    body: { username: inputOf(name).value, password: inputOf(password).value },
    quiet: true,
  }));
  const withKey = form([key], async () => setApiKey(inputOf(key).value.trim()));
  return h("main.sign-in", { id: "main", tabindex: "-1" },
    h("h1", {}, "Isobase"), told,
    h("section", {}, h("h2", {}, "Account"), withAccount),
    h("details", {}, h("summary", {}, "Use a key instead"), withKey));
}
