// Says on a page of an app that an owner acts as somebody else. The service adds it to each page then.

const STYLE = `
  div { position: fixed; inset: auto 0 0 0; z-index: 2147483647; padding: 8px 16px; display: flex; flex-wrap: wrap; gap: 12px;
    align-items: center; font: 15px/1.4 system-ui, sans-serif; background: #fff3d6; color: #3d2a00; border-top: 2px solid #855000; }
  button { font: inherit; min-height: 32px; padding: 4px 12px; border: 1px solid #855000; border-radius: 6px; background: #fff; color: #3d2a00; cursor: pointer; }
  button:focus-visible { outline: 2px solid #1d4ed8; outline-offset: 2px; }
`;
/** How often it is looked whether the time is over. */
const LOOK_MS = 60_000;

const me = async () => {
  const answer = await fetch("/api/me", { headers: { accept: "application/json" } });
  if (answer.status === 401) return null;
  return answer.ok ? answer.json() : {};
};

/** The owner is back, also when the time was over before. */
const end = async () => {
  await fetch("/api/impersonation/end", { method: "POST" });
  location.reload();
};

function mark({ username, role, impersonated_by: owner }) {
  const host = document.createElement("isobase-acting");
  const root = host.attachShadow({ mode: "open" });
  const style = new CSSStyleSheet();
  style.replaceSync(STYLE);
  root.adoptedStyleSheets = [style];
  const bar = document.createElement("div");
  bar.setAttribute("role", "status");
  const button = document.createElement("button");
  button.type = "button";
  button.textContent = "End it";
  button.addEventListener("click", end);
  bar.append(`${owner}, you act as ${username} (${role}). The audit says so.`, button);
  root.append(bar);
  document.body.append(host);
}

async function look(first) {
  const found = await me().catch(() => ({}));
  if (found === null) await end();
  else if (first && found.impersonated_by) mark(found);
}

look(true);
setInterval(() => { if (!document.hidden) look(false); }, LOOK_MS);
