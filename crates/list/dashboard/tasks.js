// The table of tasks, and what stands in its place where there is none.

import { nameOf } from "./api.js";
import { h } from "./dom.js";
import { go, isFiltered, link, taskIn, unfiltered } from "./place.js";
import { ago, count, counted, status, took } from "./words.js";

export function tasks(here, { tasks, next }) {
  if (tasks.length === 0 && here.pages.length === 0) return [nothing(here)];
  const columns = ["Status", "Task", "Accepted", "Took", "Retries", "What went wrong"];
  return [
    h("p", { id: "summary", role: "status" }, summary(here, tasks)),
    h("table", { "aria-labelledby": "summary" },
      h("thead", null, h("tr", null, columns.map((name) => h("th", { scope: "col" }, name)))),
      h("tbody", null, tasks.map((record) => row(here, record)))),
    pager(here, next),
  ];
}

function summary(here, tasks) {
  const which = counted(tasks.length, here.status ? `${here.status} task` : "task");
  const page = here.pages.length ? `, page ${count(here.pages.length + 1)}` : "";
  return `${which} of ${here.function || "all functions"}${page}, ${here.order === "asc" ? "oldest" : "newest"} first`;
}

function row(here, record) {
  const name = nameOf(record);
  const task = taskIn(name, record.invocationId);
  const isOpen = here.task === task;
  return h("tr", { "data-key": task, class: isOpen && "open" },
    h("td", null, status(record.status)),
    h("th", { scope: "row" },
      h("a", { href: link({ task }), "aria-current": isOpen && "true" }, record.invocationId),
      !here.function && h("small", null, name),
      record.qualifier !== "LATEST" && h("small", null, record.qualifier)),
    h("td", null, ago(record.startedTime)),
    h("td", { class: "number" }, took(record)),
    h("td", { class: "number" }, record.alreadyRetriedTimes ? count(record.alreadyRetriedTimes) : ""),
    h("td", { class: "wrong" },
      h("span", null, record.invocationErrorMessage),
      record.destinationStatus === "Failed" && h("span", null, "Its result was not delivered")));
}

function pager(here, next) {
  const { pages } = here;
  return h("nav", { class: "pager", "aria-label": "Pages" },
    step("Newer", "Older", here, pages.length > 0, pages.slice(0, -1)),
    h("span", null, `Page ${count(pages.length + 1)}`),
    step("Older", "Newer", here, next !== undefined, [...pages, next]));
}

/** Back leads to newer ones where the newest come first. */
function step(name, nameUpwards, here, isThere, pages) {
  const label = here.order === "asc" ? nameUpwards : name;
  const isBack = pages.length < here.pages.length;
  return h("button", { type: "button", "data-pages": pages.join("~"), disabled: !isThere },
    isBack || !pages.length ? `← ${label}` : `${label} →`);
}

/** Turns the page where a click was on one of the pager's buttons. */
export function turn(button) {
  go({ pages: button.dataset.pages.split("~").filter(Boolean) });
}

function nothing(here) {
  if (isFiltered(here)) {
    return h("div", { class: "empty" },
      h("h2", null, "No task matches"),
      h("p", null, `${here.function || "All functions"}: no task fits the filters.`),
      h("p", null, h("a", { class: "button", href: link(unfiltered) }, "Clear the filters")));
  }
  const name = here.function || "SERVICE/FUNCTION";
  return h("div", { class: "empty" },
    h("h2", null, "No tasks yet"),
    h("p", null, here.function ? `${name} has none. Send it one:` : "Name a function in ekiden.toml, then send it a task:"),
    h("pre", null, `ekiden invoke ${name} -d hello --id first`),
    h("p", { class: "quiet" }, "It shows here at once."));
}

/** What is shown where there are too many functions to merge. */
export function choice(names) {
  return h("div", { class: "empty" },
    h("h2", null, `${count(names.length)} functions`),
    h("p", null, "Too many to show together. Choose one:"),
    h("ul", { class: "names" }, names.map((name) =>
      h("li", { "data-key": name }, h("a", { href: link({ function: name }) }, name)))));
}

/** What is shown where the tasks are refused. */
export function refused(here, refusal) {
  const isFirst = here.pages.length === 0;
  return h("div", { class: "empty" },
    h("h2", null, refusal.isOfKey ? "This key may not see that" : "That cannot be shown"),
    h("p", null, refusal.message),
    refusal.isOfKey && h("p", null, !here.function && "A key that is for some functions only can see those: name one above. ",
      h("button", { type: "button", "data-do": "key" }, "Use another key")),
    !isFirst && h("p", null, h("a", { class: "button", href: link({ pages: [] }) }, "Go to the first page")));
}
