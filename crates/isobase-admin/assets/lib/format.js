// Numbers, times and sizes for people.

import { h } from "./dom.js";

const RELATIVE = new Intl.RelativeTimeFormat("en", { numeric: "auto" });
const UNITS = [
  ["year", 31_536_000],
  ["month", 2_592_000],
  ["day", 86_400],
  ["hour", 3_600],
  ["minute", 60],
  ["second", 1],
];

/** `in 12 days`, `3 minutes ago`. @param {Date} time */
export function relative(time, now = Date.now()) {
  const seconds = Math.round((time.getTime() - now) / 1000);
  const [unit, length] = UNITS.find(([, length]) => Math.abs(seconds) >= length) ?? ["second", 1];
  return RELATIVE.format(Math.trunc(seconds / length), unit);
}

const TIMES = "isobase.times";

/** How times are told: `relative`, `utc` or `local`. */
export function timesAre() {
  return localStorage.getItem(TIMES) ?? "relative";
}

/** @param {"relative"|"utc"|"local"} how */
export function tellTimes(how) {
  localStorage.setItem(TIMES, how);
  for (const one of document.querySelectorAll("time")) one.textContent = told(new Date(one.dateTime), how);
}

function told(time, how) {
  if (how === "utc") return `${time.toISOString().slice(0, 19).replace("T", " ")}Z`;
  return how === "local" ? time.toLocaleString() : relative(time);
}

/** A time as people chose; the exact one in UTC and in local time on hover, and on a tap. */
export function timeOf(value, otherwise = "never") {
  const time = parseTime(value);
  if (!time) return h("span.muted", {}, value ? String(value) : otherwise);
  const exact = `${time.toISOString()}, here ${time.toLocaleString()}`;
  return h("time", { datetime: time.toISOString(), title: exact }, told(time, timesAre()));
}

/** Between how a time is told and the exact one. */
export function turnTime(element) {
  const time = new Date(element.dateTime);
  const plain = told(time, timesAre());
  element.textContent = element.textContent === plain ? element.title : plain;
}

/** A time as it is on the wire; one without a zone is UTC. */
export function parseTime(value) {
  if (typeof value !== "string" || value === "") return null;
  const zoned = /(Z|[+-]\d\d:?\d\d)$/i.test(value) || !value.includes("T");
  const time = new Date(zoned ? value : `${value}Z`);
  return Number.isNaN(time.getTime()) ? null : time;
}

const COUNT = new Intl.NumberFormat("en");

/** `12,345`. */
export function count(value) {
  return typeof value === "number" ? COUNT.format(value) : "–";
}

/** `1 document`, `2 documents`. */
export function counted(value, one, many = `${one}s`) {
  return `${count(value)} ${value === 1 ? one : many}`;
}

/** `1.5 MiB`. */
export function bytes(value) {
  if (typeof value !== "number") return "–";
  let [size, unit] = [value, 0];
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  while (size >= 1024 && unit < units.length - 1) {
    size /= 1024;
    unit += 1;
  }
  return `${unit ? size.toFixed(1) : size} ${units[unit]}`;
}

/** `840 ms`, `3.2 s`. */
export function duration(ms) {
  if (typeof ms !== "number") return "–";
  if (ms < 1000) return `${Math.round(ms)} ms`;
  return ms < 120_000 ? `${(ms / 1000).toFixed(1)} s` : `${Math.round(ms / 60_000)} min`;
}

/** What a cell shows of a JSON value, shortened. */
export function cellText(value, max = 120) {
  if (value === undefined) return "";
  const text = typeof value === "string" ? value : JSON.stringify(value);
  return text.length > max ? `${text.slice(0, max)}…` : text;
}
