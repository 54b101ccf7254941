// How times, sizes and statuses are said.

import { h } from "./dom.js";

export const LIVE = ["Enqueued", "Retrying", "Dequeued", "Running", "Stopping"];
export const ENDED = ["Succeeded", "Failed", "Stopped", "Expired", "Invalid"];
export const hasEnded = ({ status }) => ENDED.includes(status);

const whole = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "medium" });
const day = new Intl.DateTimeFormat(undefined, { month: "short", day: "numeric", hour: "2-digit", minute: "2-digit" });
const clock = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", second: "2-digit", fractionalSecondDigits: 3, hourCycle: "h23" });
const number = new Intl.NumberFormat();

export const count = (value) => number.format(value);
export const counted = (value, noun) => `${count(value)} ${noun}${value === 1 ? "" : "s"}`;

/** A length of time, from milliseconds. */
export function span(ms) {
  if (ms < 1000) return `${Math.max(0, Math.round(ms))} ms`;
  const seconds = ms / 1000;
  if (seconds < 60) return `${seconds < 10 ? seconds.toFixed(1) : Math.floor(seconds)} s`;
  for (const [unit, size, next, part] of [["min", 60, "s", 1], ["h", 3600, "min", 60], ["d", 86_400, "h", 3600]]) {
    const limit = { min: 3600, h: 86_400, d: Infinity }[unit];
    if (seconds < limit) return `${Math.floor(seconds / size)} ${unit} ${Math.floor((seconds % size) / part)} ${next}`;
  }
}

const element = (ms, text) =>
  h("time", { datetime: new Date(ms).toISOString(), title: `${whole.format(ms)} (${ms})` }, text);

/** How long ago it was; the whole time where that is long. */
export function ago(ms) {
  const passed = Date.now() - ms;
  if (passed < 1000) return element(ms, "just now");
  if (passed >= 86_400_000) return element(ms, day.format(ms));
  return element(ms, `${span(passed).split(" ").slice(0, 2).join(" ").replace(/\.\d/, "")} ago`);
}

export const at = (ms) => element(ms, whole.format(ms));
export const timeOfDay = (ms) => element(ms, clock.format(ms));

export const status = (name) => h("span", { class: "status", "data-status": name }, name);

/** How long it took, or has been running by now. */
export function took(record) {
  if (record.status === "Running") {
    const started = record.events.findLast((event) => event.status === "Running");
    return started ? span(Date.now() - started.timestamp) : "";
  }
  return record.events.some((event) => event.status === "Running") ? span(record.durationMs) : "";
}

/** Bytes as the API tells them: their text, or how many they are where they are none. */
export function bytes(text, encoding) {
  if (encoding !== "base64") return { text };
  const padding = text.match(/=*$/)[0].length;
  return { size: (text.length * 3) / 4 - padding };
}
