// The frame: who is signed in, which screen, where to go.

import { ApiError, apiKey, ask, get, onUnauthenticated, setApiKey } from "./lib/api.js";
import { h, put } from "./lib/dom.js";
import { followLinks, go } from "./lib/url.js";
import { badge, button, dialog, failure, once, toastRegion, undoLast } from "./lib/ui.js";
import { may, setScopes } from "./lib/may.js";
import { openPalette } from "./lib/palette.js";

/** The screens in the order of the rail: name in the address, title, letter after `g`, and what it takes. */
const SCREENS = [
  ["", "Hub", "h", "overview:read"],
  ["licenses", "Licences", "l", "licences:read"],
  ["requests", "Requests", "r", "requests:read"],
  ["data", "Data", "d", "read"],
  ["users", "Accounts", "u", "accounts:read"],
  ["uploads", "Uploads", "p", "uploads:read"],
  ["realtime", "Events", "e", "read"],
  ["engines", "Engine", "n", "overview:read"],
  ["backups", "Backups", "b", "operations:read"],
  ["jobs", "Jobs", "o", "operations:read"],
  ["webhooks", "Webhooks", "w", "webhooks:read"],
  ["audit", "Audit", "a", "audit:read"],
  ["settings", "Settings", "s", "overview:read"],
];

/** Those that the one who looks may use. */
const usable = () => SCREENS.filter(([, , , takes]) => may(takes));

const main = h("main", { id: "main", tabindex: "-1" });
const rail = h("nav.rail", { "aria-label": "Screens" });
const status = h("span", { "data-testid": "engine-badge" });
const frame = h("div.frame", {}, rail, h("div.page", {}, header(), main), toastRegion());

/** What ends the screen that is shown. */
let leave = () => {};
let shown = null;
let overview = null;

function header() {
  const menu = button("Menu", () => rail.classList.toggle("open"), { kind: "menu", "aria-label": "Menu" });
  return h("header.top", {}, menu, status,
    button("Jump to… /", () => palette(), { "data-testid": "palette-open" }),
    button("Theme", nextTheme, { "data-testid": "theme-switch" }),
    button("Sign out", once(signOut), { "data-testid": "user-menu" }));
}

function screenOf(pathname) {
  const name = pathname.replace(/^\/admin\/?/, "").split("/")[0];
  return SCREENS.find(([screen]) => screen === name) ? name : null;
}

async function show() {
  const name = screenOf(location.pathname);
  rail.classList.remove("open");
  put(rail, h("a.brand", { href: "/admin" }, "Isobase"), usable().map(([screen, title]) =>
    h("a", {
      href: `/admin${screen && `/${screen}`}`,
      "aria-current": screen === name ? "page" : null,
      "data-testid": `nav-${screen || "hub"}`,
    }, title)));
  if (name !== null && name === shown?.name && shown.update) {
    shown.update();
    return;
  }
  leave();
  leave = () => {};
  shown = null;
  if (name === null) {
    put(main, h("h1", {}, "No such screen"), h("p", {}, h("a", { href: "/admin" }, "To the hub")));
    return;
  }
  const title = SCREENS.find(([screen]) => screen === name)[1];
  document.title = `${title} · Isobase`;
  // The former screen stays until the next one is there, and is not taken for it.
  main.setAttribute("aria-busy", "true");
  let module;
  try {
    module = await import(`./screens/${name || "hub"}.js`);
  } catch {
    if (screenOf(location.pathname) !== name) return;
    main.removeAttribute("aria-busy");
    const error = new ApiError(0, "unreachable", "This screen could not be loaded: the service cannot be reached.");
    put(main, h("h1", {}, title), failure(error, () => location.reload()));
    return;
  }
  if (screenOf(location.pathname) !== name) return;
  main.removeAttribute("aria-busy");
  const screen = module.open({ overview: () => overview, refresh: loadOverview });
  put(main, h("h1", {}, title), screen.element);
  leave = screen.close ?? leave;
  shown = { name, update: screen.update };
  screen.update?.();
}

async function loadOverview() {
  overview = await get("/admin/api/overview");
  const { engine, ready, account, role, scopes } = overview;
  if (scopes) setScopes(scopes);
  put(status, ready ? badge(engine, "good") : badge(`${engine}: not ready`, "bad"), account && h("span.muted", {}, ` ${account} (${role})`));
  return overview;
}

async function start() {
  document.documentElement.dataset.theme = localStorage.getItem("isobase.theme") ?? "system";
  followLinks();
  onUnauthenticated(signIn);
  addEventListener("popstate", show);
  addEventListener("isobase:address", show);
  addEventListener("keydown", keys);
  put(document.getElementById("app"), frame);
  try {
    await loadOverview();
  } catch (error) {
    if (error.status === 401) return;
    put(status, badge("not reachable", "bad"));
  }
  await show();
}

async function signIn() {
  if (document.querySelector(".sign-in")) return;
  leave();
  shown = null;
  const { signInForm } = await import("./screens/login.js");
  put(document.getElementById("app"), signInForm(async () => {
    put(document.getElementById("app"), frame);
    await loadOverview();
    await show();
  }));
}

async function signOut() {
  if (apiKey()) setApiKey(null);
  else await ask("POST", "/api/logout", { quiet: true }).catch(() => {});
  await signIn();
}

function nextTheme() {
  const order = ["system", "light", "dark"];
  const next = order[(order.indexOf(document.documentElement.dataset.theme) + 1) % order.length];
  document.documentElement.dataset.theme = next;
  localStorage.setItem("isobase.theme", next);
}

function palette() {
  openPalette(usable().map(([screen, title]) => ({ title, address: `/admin${screen && `/${screen}`}` })));
}

let afterG = 0;

/** Single letters are for those who do not type at the moment, and can be switched off. */
function keys(event) {
  if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "k") {
    event.preventDefault();
    palette();
    return;
  }
  const typing = event.target.closest?.("input,textarea,select,[contenteditable]");
  if (event.key === "Escape" && !document.querySelector("dialog[open]")) {
    document.querySelector("[data-close]")?.click();
    return;
  }
  if (typing || document.querySelector("dialog[open]")) return;
  if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "z") undoLast();
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (localStorage.getItem("isobase.letters") === "off") return;
  const screen = usable().find(([, , letter]) => letter === event.key);
  if (event.key === "/") {
    event.preventDefault();
    palette();
  } else if (event.key === "?") {
    shortcuts();
  } else if (event.key === "g") {
    afterG = Date.now();
  } else if (screen && Date.now() - afterG < 1_500) {
    afterG = 0;
    go(`/admin${screen[0] && `/${screen[0]}`}`);
  } else if (event.key === "f") {
    const filter = main.querySelector("input[type=search],.filters input,.filters select");
    if (filter) event.preventDefault();
    filter?.focus();
  } else if (["j", "k", "ArrowDown", "ArrowUp"].includes(event.key)) {
    moveRow(event);
  }
}

/** Takes the focus to the next or the former row. */
function moveRow(event) {
  const rows = [...main.querySelectorAll("tbody button.open")];
  if (!rows.length) return;
  const down = event.key === "j" || event.key === "ArrowDown";
  const at = rows.indexOf(document.activeElement);
  if (at < 0 && event.key.startsWith("Arrow")) return;
  event.preventDefault();
  rows[Math.max(0, Math.min(rows.length - 1, at + (down ? 1 : -1)))]?.focus();
}

function shortcuts() {
  const off = localStorage.getItem("isobase.letters") === "off";
  dialog("Shortcuts", (close) => [
    h("dl.facts", {}, [
      ["/ or Ctrl-K", "Jump to a screen or a collection"],
      ["g, then h l r d u p e n b o w a s", SCREENS.map(([, title]) => title).join(", ")],
      ["f", "To the filters"],
      ["j, k or ↓, ↑", "Next and former row"],
      ["Enter", "Open the row"],
      ["Esc", "Close what is open"],
      ["Ctrl-Z", "Undo the last change"],
    ].map(([key, text]) => h("div", {}, h("dt", {}, h("kbd", {}, key)), h("dd", {}, text)))),
    h("div.actions", {},
      button(off ? "Switch single letters on" : "Switch single letters off", () => {
        localStorage.setItem("isobase.letters", off ? "on" : "off");
        close();
      }),
      button("Close", () => close())),
  ]);
}

start();
