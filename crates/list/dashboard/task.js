// One task: all that its record tells, and what can be done with it.

import { h } from "./dom.js";
import { link } from "./place.js";
import { at, bytes, count, counted, hasEnded, span, status, timeOfDay, took } from "./words.js";

export function task({ name, id }, record) {
  return [
    head(name, id, status(record.status)),
    record.attempts ? buttons(record) : h("p", { class: "notice" },
      "This address only lists: attempts, output and deliveries, and stopping and running again, are behind the address of the enqueue role."),
    record.invocationErrorMessage && h("p", { class: "error" }, record.invocationErrorMessage),
    facts(record),
    part("Timeline", timeline(record.events)),
    record.attempts?.length > 0 && part("Attempts", h("ol", { class: "attempts" }, record.attempts.map(attempt))),
    record.deliveries?.length > 0 && part("Delivery", record.deliveries.map(delivery)),
    part("Payload", content(record.invocationPayload, record.payloadEncoding, "payload")),
    record.attempts && hasEnded(record) && part("Output", content(record.returnPayload, record.returnPayloadEncoding, "output")),
  ];
}

export function refusedTask({ name, id }, refusal) {
  return [head(name, id), h("p", { class: "error" }, refusal.message),
    refusal.isOfKey && h("p", null, h("button", { type: "button", "data-do": "key" }, "Use another key"))];
}

export const loadingTask = ({ name, id }) => [head(name, id), h("p", { class: "quiet" }, "Loading…")];

function head(name, id, chip) {
  return h("div", { class: "head" },
    h("a", { class: "close button", href: link({ task: "" }), "aria-label": "Close the task" }, "✕"),
    h("p", null, chip, " ", h("a", { href: link({ function: name }) }, name)),
    h("h2", null, h("code", { id: "task-id" }, id), " ",
      h("button", { type: "button", class: "small", "data-do": "copy" }, "Copy id")));
}

function buttons(record) {
  return h("div", { class: "buttons" },
    !hasEnded(record) && h("button", { type: "button", class: "danger", "data-do": "stop", disabled: record.status === "Stopping" },
      record.status === "Stopping" ? "Stopping…" : "Stop"),
    hasEnded(record) && h("button", { type: "button", "data-do": "rerun" }, "Run again"));
}

function facts(record) {
  const rows = [
    ["Accepted", at(record.startedTime)],
    ["Ended", record.endTime ? at(record.endTime) : null],
    ["Last run", took(record) || null],
    ["Retries", record.alreadyRetriedTimes ? count(record.alreadyRetriedTimes) : null],
    ["Qualifier", qualifier(record)],
    ["Worker", record.instanceId && h("code", null, record.instanceId)],
    ["Request id", h("code", null, record.requestId)],
  ];
  return h("dl", null, rows.filter(([, value]) => value).map(([label, value]) =>
    h("div", { "data-key": label }, h("dt", null, label), h("dd", null, value))));
}

const qualifier = ({ qualifier, version }) =>
  version && version !== qualifier ? `${qualifier}, version ${version}` : qualifier;

function part(title, ...content) {
  return h("section", { "data-key": title }, h("h3", null, title), ...content);
}

function timeline(events) {
  return h("ol", { class: "timeline" }, events.map((event, index) => {
    const before = events[index - 1];
    return h("li", { "data-key": String(event.eventId), "data-status": event.status },
      status(event.status), timeOfDay(event.timestamp),
      before && h("span", { class: "quiet" }, `+${span(event.timestamp - before.timestamp)}`),
      event.eventDetail && h("p", { class: "quiet" }, detail(event.eventDetail)));
  }));
}

/** JSON text as words; what is none, as it is. */
function detail(text) {
  try {
    const told = Object.entries(JSON.parse(text));
    return told.map(([key, value]) => `${key}: ${typeof value === "string" ? value : JSON.stringify(value)}`).join(", ");
  } catch {
    return text;
  }
}

function attempt(told) {
  const whose = { function: "the function failed", system: "Ekiden or the target failed" }[told.fault];
  return h("li", { "data-key": String(told.number) },
    h("p", null, h("b", null, `Attempt ${told.number}`), " ",
      h("span", { class: "quiet" }, whose ?? "succeeded", ", took ", span(told.durationMs),
        told.httpStatus ? `, HTTP ${told.httpStatus}` : "")),
    told.fault && h("p", { class: "error" }, `${told.errorType}: ${told.errorMessage}`),
    told.log && folded("Log", told.log, told.logEncoding),
    told.fault && told.output && folded("Output", told.output, told.outputEncoding));
}

function folded(title, text, encoding) {
  return h("details", null, h("summary", null, title), content(text, encoding, title.toLowerCase()));
}

function delivery(told) {
  return h("div", { class: "delivery", "data-key": String(told.number) },
    h("p", null, status(told.status), " ", h("code", null, told.destination)),
    h("p", { class: "quiet" }, `Tried ${counted(told.attempts, "time")}`,
      told.nextTime ? [", again at ", timeOfDay(told.nextTime)] : ""),
    told.answer && h("p", { class: told.answer.error ? "error" : "" },
      timeOfDay(told.answer.time), told.answer.httpStatus ? ` HTTP ${told.answer.httpStatus}` : "",
      told.answer.error ? ` ${told.answer.error}` : ""),
    told.answer?.body && folded("Answer", told.answer.body),
    told.status !== "Pending" && h("button", { type: "button", "data-do": "resend", "data-number": told.number }, "Send again"));
}

function content(text, encoding, what) {
  if (!text) return h("p", { class: "quiet" }, "Empty");
  const { size, text: shown } = bytes(text, encoding);
  if (size !== undefined) return h("p", { class: "quiet" }, `Binary, ${counted(size, "byte")}`);
  return h("pre", { tabindex: "0", role: "region", "aria-label": what }, shown);
}
