// The frame: who is signed in, which screen, where to go.

import { ApiError, apiKey, ask, get, onAnswer, onUnauthenticated, setApiKey } from "./lib/api.js";
import { h, put } from "./lib/dom.js";
import { tellTimes, timesAre, turnTime } from "./lib/format.js";
import { followLinks, go, keepOnly } from "./lib/url.js";
import { badge, button, dialog, empty, failure, field, once, toastRegion } from "./lib/ui.js";
import { keysOf, lettersAre } from "./lib/keys.js";
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
  ["sql", "SQL", "q", "sql"],
  ["audit", "Audit", "a", "audit:read"],
  ["settings", "Settings", "s", "overview:read"],
];

/** Those that the one who looks may use. */
const usable = () => SCREENS.filter(([, , , takes]) => may(takes));
const addressOf = (screen) => `/admin${screen && `/${screen}`}`;

const main = h("main", { id: "main", tabindex: "-1" });
const rail = h("nav.rail", { "aria-label": "Screens" });
const status = h("span", { "data-testid": "engine-badge" });
const trouble = h("div", { role: "alert" });
/** Who acts as whom: on every screen, for as long as that is so. */
const acting = h("div");
const frame = h("div.frame", {}, rail, h("div.page", {}, header(), acting, trouble, main), toastRegion());

/** What ends the screen that is shown. */
let leave = () => {};
let shown = null;
let overview = null;

function header() {
  const menu = button("Menu", () => {
    const open = rail.classList.toggle("open");
    menu.setAttribute("aria-expanded", String(open));
    if (open) rail.querySelector("a")?.focus();
  }, { kind: "menu", "aria-label": "Menu", "aria-expanded": "false" });
  return h("header.top", {}, menu, status,
    button("Jump to… /", () => palette(), { "data-testid": "palette-open" }),
    button("Theme", nextTheme, { "data-testid": "theme-switch" }),
    button("You", once(you), { "data-testid": "user-menu", "aria-haspopup": "dialog" }));
}

function screenOf(pathname) {
  const name = pathname.replace(/^\/admin\/?/, "").split("/")[0];
  return SCREENS.find(([screen]) => screen === name) ? name : null;
}

function drawRail(name) {
  rail.classList.remove("open");
  put(rail, h("a.brand", { href: "/admin" }, "Isobase"), usable().map(([screen, title]) =>
    h("a", {
      href: addressOf(screen),
      "aria-current": screen === name ? "page" : null,
      "data-testid": `nav-${screen || "hub"}`,
    }, title)));
}

async function show() {
  const name = screenOf(location.pathname);
  drawRail(name);
  if (name !== null && name === shown?.name && shown.update) {
    keepOnly(shown.parameters);
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
  const [, title, , takes] = SCREENS.find(([screen]) => screen === name);
  document.title = `${title} · Isobase`;
  if (overview && !may(takes)) {
    main.removeAttribute("aria-busy");
    put(main, h("h1", {}, title), empty(`Your role (${overview.role ?? "a key"}) cannot see this screen.`, h("a", { href: addressOf(usable()[0]?.[0] ?? "") }, "To another one")));
    return;
  }
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
  keepOnly(module.PARAMETERS);
  const screen = module.open({ overview: () => overview, refresh: loadOverview });
  put(main, h("h1", {}, title), screen.element);
  leave = screen.close ?? leave;
  shown = { name, update: screen.update, parameters: module.PARAMETERS };
  screen.update?.();
}

/** Says that an owner acts as somebody else, and lets that end. */
function tellActing(owner, account, role) {
  if (owner) localStorage.setItem(ACTING, owner);
  put(acting, owner && h("div.warning.banner", { "data-testid": "impersonation" },
    `${owner}, you act as ${account} (${role}). The audit says so. `,
    button("End it", once(endActing), { "data-testid": "impersonation-end" })));
}

/** Remembered beyond this page: the time to act may be over when it is opened again. */
const ACTING = "isobase.acting";

async function endActing() {
  await ask("POST", "/api/impersonation/end", { quiet: true }).catch(() => {});
  localStorage.removeItem(ACTING);
  location.assign("/admin/users");
}

/** An account that has no rights here: an owner who acts as it finds the way back. */
async function actsWithoutRights() {
  const me = await get("/api/me", {}, { quiet: true }).catch(() => null);
  if (!me?.impersonated_by) return false;
  tellActing(me.impersonated_by, me.username, me.role);
  put(main, h("h1", {}, "Acting as somebody else"), empty(`${me.username} (${me.role}) has no rights on this site.`, h("a", { href: "/" }, "To the pages of the app")));
  return true;
}

async function loadOverview() {
  overview = await get("/admin/api/overview");
  tellActing(overview.impersonated_by, overview.account, overview.role);
  const { engine, ready, account, role, scopes, sql } = overview;
  if (scopes) setScopes(sql ? [...scopes, "sql"] : scopes);
  put(status, ready ? badge(engine, "good") : badge(`${engine}: not ready`, "bad"), account && h("span.muted", {}, ` ${account} (${role})`));
  if (!ready) tellTrouble({ status: 503, code: "unavailable" });
  return overview;
}

/** Says above every screen that what is shown may be old, until an answer says otherwise. */
function tellTrouble(error) {
  const isDown = error?.status === 503 && ["unavailable", "not_ready", "deadline_exceeded", "timed_out"].includes(error.code);
  if (error?.status === 0) {
    put(status, badge("not reachable", "bad"));
    put(trouble, h("div.warning.banner", { "data-testid": "banner" }, "The service cannot be reached. What is shown may be old."));
  } else if (isDown) {
    put(status, badge(`${overview?.engine ?? "engine"}: not ready`, "bad"));
    put(trouble, h("div.warning.banner", { "data-testid": "banner" }, `The database (${overview?.engine ?? "unknown"}) does not answer. What is shown may be old, and nothing can be changed.`));
  } else if (error === null && trouble.firstChild) {
    put(trouble);
    // The badge is of the overview, which says more than one answer.
    loadOverview().catch(() => {});
  }
}

async function start() {
  document.documentElement.dataset.theme = localStorage.getItem("isobase.theme") ?? "system";
  document.documentElement.dataset.density = localStorage.getItem("isobase.density") ?? "wide";
  followLinks();
  onUnauthenticated(signIn);
  onAnswer(tellTrouble);
  addEventListener("popstate", show);
  addEventListener("isobase:address", show);
  addEventListener("keydown", keysOf({ main, palette, shortcuts, screens: () => usable().map(([screen, , letter]) => [letter, addressOf(screen)]) }));
  document.addEventListener("click", (event) => {
    const time = event.target.closest?.("time");
    if (time) turnTime(time);
  });
  put(document.getElementById("app"), frame);
  try {
    await loadOverview();
  } catch (error) {
    if (error.status === 401) return;
    if (error.status === 403) {
      if (!await actsWithoutRights()) await signIn();
      return;
    }
  }
  await show();
}

let returning = null;

/** Whether the time to act as somebody else was over, and the owner's own session goes on. */
async function comeBack() {
  if (!localStorage.getItem(ACTING)) return false;
  // Several answers of one page may say that the session is over.
  returning ??= ask("POST", "/api/impersonation/end", { quiet: true }).then(() => true, (error) => error.status === 0 ? null : false);
  const back = await returning;
  returning = null;
  // A page that was left before the answer has not come back: the next one does.
  if (back !== null) localStorage.removeItem(ACTING);
  if (back) location.reload();
  return back ?? false;
}

async function signIn() {
  if (document.querySelector(".sign-in")) return;
  if (await comeBack()) return;
  // A key that was refused would be sent, and refused, beside every other credential.
  setApiKey(null);
  // What somebody was about to save is there again after the sign-in.
  const dialogs = [...document.querySelectorAll("dialog[open]")];
  dialogs.forEach((one) => one.close());
  leave();
  leave = () => {};
  shown = null;
  const { signInForm } = await import("./screens/login.js");
  if (document.querySelector(".sign-in")) return;
  put(document.getElementById("app"), signInForm(async () => {
    put(document.getElementById("app"), frame);
    put(main);
    await loadOverview();
    await show();
    for (const one of dialogs) if (one.isConnected) one.showModal();
  }));
}

async function signOut() {
  if (!apiKey()) await ask("POST", "/api/logout", { quiet: true }).catch(() => {});
  await signIn();
}

/** Who looks, how times and rows are shown, and the way out. */
function you() {
  return dialog("You", (close) => [
    h("p", {}, overview?.account ? `${overview.account}, ${overview.role}` : apiKey() ? "Signed in with a key" : "Nobody is asked here who they are."),
    field("Times", {
      options: [["relative", "relative (3 minutes ago)"], ["utc", "exact, in UTC"], ["local", "exact, as here"]],
      value: timesAre(),
      onchange: (event) => tellTimes(event.target.value),
    }),
    field("Rows", {
      options: [["wide", "with room"], ["dense", "dense"]],
      value: document.documentElement.dataset.density,
      onchange: (event) => {
        document.documentElement.dataset.density = event.target.value;
        localStorage.setItem("isobase.density", event.target.value);
      },
    }),
    h("div.actions", {},
      button("Shortcuts", () => { close(true); shortcuts(); }),
      button("Your sessions", () => { close(true); go("/admin/settings"); }),
      button("Sign out", once(async () => { close(true); await signOut(); }), { "data-testid": "sign-out" }),
      button("Close", () => close(false), { kind: "primary" })),
  ]);
}

function nextTheme() {
  const order = ["system", "light", "dark"];
  const next = order[(order.indexOf(document.documentElement.dataset.theme) + 1) % order.length];
  document.documentElement.dataset.theme = next;
  localStorage.setItem("isobase.theme", next);
}

function palette() {
  openPalette(usable().map(([screen, title]) => ({ title, address: addressOf(screen) })));
}

function shortcuts() {
  const off = !lettersAre();
  return dialog("Shortcuts", (close) => [
    h("dl.facts", {}, [
      ["/ or Ctrl-K", "Jump to a screen, a collection, a view or a licence"],
      [`g, then ${SCREENS.map(([, , letter]) => letter).join(" ")}`, SCREENS.map(([, title]) => title).join(", ")],
      ["f", "To the filters"],
      ["j, k or ↓, ↑", "Next and former row; with an open row, open the next or former one"],
      ["Enter", "Open the row"],
      ["x, Shift-↓, Shift-↑", "Select the row; go on and select"],
      ["←, →, then Enter or F2", "To the cells of a row, and edit one"],
      ["Esc", "Close what is open, then clear the selection"],
      ["Ctrl-S", "Save"],
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
