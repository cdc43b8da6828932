
"use strict";
// Everything is written as text nodes: nothing from the service is ever read as HTML.
const make = (name, attributes = {}, ...children) => {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.append(...children.filter((child) => child !== null));
  return element;
};
const pretty = (value) => (typeof value === "string" ? value : JSON.stringify(value, null, 2));
const at = (document_, pointer) =>
  pointer.slice(2).split("/").reduce((node, step) => node && node[step.replaceAll("~1", "/").replaceAll("~0", "~")], document_);
const resolve = (api, value) => (value && value.$ref ? at(api, value.$ref) : value);
const examples = (media) =>
  media.example !== undefined ? [["", media.example]]
    : Object.entries(media.examples || {}).map(([name, example]) => [name, example.value]);

const key = make("input", { type: "password", autocomplete: "off", spellcheck: "false", id: "key" });

function parameterRows(parameters) {
  const rows = parameters.map((parameter) => make("tr", {},
    make("th", {}, make("code", {}, parameter.name), make("br"), make("small", {}, parameter.in + (parameter.required ? ", required" : ""))),
    make("td", {}, parameter.description || "",
      parameter.example === undefined ? null : make("div", {}, make("small", {}, "Example: "), make("code", {}, pretty(parameter.example))))));
  return make("table", {}, make("tbody", {}, ...rows));
}

function answerRows(api, responses) {
  const rows = Object.entries(responses).map(([status, response]) => {
    const cell = make("td", {}, response.description || "");
    for (const [type, media] of Object.entries(response.content || {})) {
      for (const [name, value] of examples(media)) {
        cell.append(make("details", {}, make("summary", {}, make("small", {}, name ? type + " " + name : type)),
          make("div", { class: "inner" }, make("pre", {}, pretty(value)))));
      }
    }
    return make("tr", {}, make("th", {}, make("code", {}, status)), cell);
  });
  return make("table", {}, make("tbody", {}, ...rows));
}

function form(path, method, operation) {
  const fields = (operation.parameters || []).map((parameter) => {
    const input = make("input", { autocomplete: "off", spellcheck: "false" });
    if (parameter.required && parameter.example !== undefined) input.value = String(parameter.example);
    return { parameter, input };
  });
  const content = Object.entries((operation.requestBody || {}).content || {})[0];
  const body = content ? make("textarea", { spellcheck: "false" }) : null;
  if (body) body.value = examples(content[1]).map(([, value]) => pretty(value))[0] || "";
  const extra = make("input", { placeholder: "more query parameters: age[gte]=18&sort=-age", autocomplete: "off", spellcheck: "false" });
  const send = make("button", { type: "button" }, "Send");
  const shown = make("pre", { hidden: "" });
  send.addEventListener("click", async () => {
    let url = path;
    const query = new URLSearchParams(method === "get" ? extra.value : "");
    const headers = {};
    for (const { parameter, input } of fields) {
      if (parameter.in === "path") url = url.replace("{" + parameter.name + "}", encodeURIComponent(input.value));
      else if (input.value === "") continue;
      else if (parameter.in === "query") query.append(parameter.name, input.value);
      else headers[parameter.name] = input.value;
    }
    if (query.size) url += "?" + query;
    if (key.value) headers.Authorization = "Bearer " + key.value;
    if (body) headers["Content-Type"] = content[0];
    shown.hidden = false;
    shown.textContent = "…";
    try {
      const answer = await fetch(url, { method: method.toUpperCase(), headers, body: body ? body.value : undefined });
      const text = await answer.text();
      let readable = text;
      try { readable = JSON.stringify(JSON.parse(text), null, 2); } catch { /* Shown as it came. */ }
      const head = [...answer.headers].map(([name, value]) => name + ": " + value).join("\n");
      shown.textContent = method.toUpperCase() + " " + url + "\n" + answer.status + " " + answer.statusText + "\n" + head + "\n\n" + readable.slice(0, 200000);
    } catch (error) {
      shown.textContent = method.toUpperCase() + " " + url + "\n" + error;
    }
  });
  return make("div", {}, make("h4", {}, "Try it"),
    ...fields.map(({ parameter, input }) => make("label", {}, parameter.name, input)),
    method === "get" && path.includes("{") ? make("label", {}, "more", extra) : null,
    body ? make("label", {}, content[0], body) : null,
    send, shown);
}

function operationBox(api, path, method, operation) {
  const inner = make("div", { class: "inner" }, make("p", {}, operation.description || ""),
    make("p", {}, make("small", {}, "Permission: " + operation["x-permission"])));
  const box = make("details", { id: operation.operationId },
    make("summary", {}, make("span", { class: "method " + method }, method.toUpperCase()), make("code", {}, path), make("small", {}, operation.summary)), inner);
  // Filled when it is opened: the page stays light however many routes there are.
  box.addEventListener("toggle", () => {
    if (inner.dataset.filled) return;
    inner.dataset.filled = "yes";
    if (operation.parameters) inner.append(make("h4", {}, "Parameters"), parameterRows(operation.parameters.map((p) => resolve(api, p))));
    for (const [type, media] of Object.entries((operation.requestBody || {}).content || {})) {
      inner.append(make("h4", {}, "Body " + type), ...examples(media).map(([, value]) => make("pre", {}, pretty(value))));
    }
    inner.append(make("h4", {}, "Answers"), answerRows(api, operation.responses), form(path, method, operation));
  });
  return box;
}

async function main() {
  const api = await (await fetch("openapi.json")).json();
  document.getElementById("about").append("Version " + api.info.version + ". " + api.info.description.replaceAll("`", ""));
  const routes = document.getElementById("routes");
  routes.append(make("p", {}, make("a", { href: "openapi.json" }, "openapi.json"), " · ", make("a", { href: "docs/errors" }, "errors")),
    make("label", { class: "key" }, "Key, if the service takes one (kept on this page only)", key));
  for (const tag of api.tags) {
    routes.append(make("h2", {}, tag.name));
    for (const [path, methods] of Object.entries(api.paths)) {
      for (const [method, operation] of Object.entries(methods)) {
        if (operation.tags.includes(tag.name)) routes.append(operationBox(api, path, method, operation));
      }
    }
  }
  const wanted = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (wanted) { wanted.open = true; wanted.scrollIntoView(); }
}
main().catch((error) => { document.getElementById("routes").append(make("p", {}, "The description could not be loaded: " + error)); });
