// The page: looks at what the URL names, shows it, and looks again every few seconds while it is seen.

import * as api from "./api.js";
import { counts } from "./counts.js";
import { $, h, show } from "./dom.js";
import { act } from "./actions.js";
import { fillFilters, wireFilters } from "./filters.js";
import { MOST_FUNCTIONS, page } from "./pages.js";
import { go, isSameList, place, taskOf } from "./place.js";
import { loadingTask, refusedTask, task } from "./task.js";
import { choice, refused, tasks, turn } from "./tasks.js";
import { hasEnded } from "./words.js";

const INTERVAL = 3000;
/** Looking takes at most this part of the time, whatever it costs. */
const SHARE = 10;
const MOST_NAMES = 1000;

/** Grows with each look: an answer to an earlier one is not shown. */
let looks = 0;
let timer;
let isPaused = false;
/** What is shown: the place, and when it was so. */
let shown = { place: place(), time: null };
/** The last task that was read, which is not read again once nothing can change it. */
let last = { task: null, record: null };

async function refresh() {
  clearTimeout(timer);
  const look = ++looks;
  const here = place();
  const began = performance.now();
  const seen = await see(here);
  if (look !== looks) return;
  draw(here, seen);
  if (look !== looks) return;
  const cost = performance.now() - began;
  if (!isPaused && !document.hidden) timer = setTimeout(refresh, Math.max(INTERVAL, cost * SHARE));
}

/** What there is: each a value, or `{refusal}`. */
async function see(here) {
  const [counted, named, opened] = await Promise.all([
    settled(api.counts()), settled(api.functions(MOST_NAMES)), settled(seeTask(here)),
  ]);
  const names = new Set(named.refusal ? [] : named);
  // Functions that are gone, or whose tasks are tasks by request only, are counted all the same.
  for (const row of counted.counts ?? []) names.add(api.nameOf(row));
  const sorted = [...names].sort();
  let listed;
  if (!here.function && named.refusal && names.size === 0) listed = named;
  else if (!here.function && names.size > MOST_FUNCTIONS) listed = { tooMany: sorted };
  else listed = await settled(page(here, sorted));
  return { counted, names: sorted, listed, opened };
}

async function settled(promise) {
  try {
    return await promise;
  } catch (refusal) {
    if (refusal instanceof api.Refusal) return { refusal };
    throw refusal;
  }
}

async function seeTask(here) {
  const wanted = taskOf(here);
  if (!wanted) return null;
  if (last.task === here.task && isSettled(last.record)) return last.record;
  const record = await api.task(wanted.name, wanted.id);
  last = { task: here.task, record };
  return record;
}

const isSettled = (record) =>
  hasEnded(record) && !(record.deliveries ?? []).some(({ status }) => status === "Pending");

function draw(here, { counted, names, listed, opened }) {
  const refusals = [listed, opened, counted].map((seen) => seen?.refusal).filter(Boolean);
  const passing = refusals.find((refusal) => refusal.isPassing);
  tell(passing);
  // Any key that may read anything may count, so that one that may not is of no use here.
  if (counted.refusal?.isOfKey) return askForKey(api.key() ? counted.refusal.message : "");
  $("forget").hidden = !api.key();
  show($("functions"), names.map((name) => h("option", { value: name, "data-key": name })));
  if (!counted.refusal?.isPassing) show($("counts"), counts(here, counted.refusal ? null : counted));
  drawList(here, listed);
  drawTask(here, opened);
  if (!passing) shown.time = new Date();
  $("updated").textContent = shown.time ? `Updated ${shown.time.toLocaleTimeString()}` : "";
}

function drawList(here, listed) {
  if (listed.refusal?.isPassing) return;
  $("list").removeAttribute("aria-busy");
  if (listed.refusal) show($("list"), refused(here, listed.refusal));
  else if (listed.tooMany) show($("list"), choice(listed.tooMany));
  else show($("list"), tasks(here, listed));
}

function drawTask(here, opened) {
  const wanted = taskOf(here);
  document.title = wanted ? `${wanted.id} · ${opened?.status ?? ""} – Ekiden` : "Ekiden";
  if (!wanted || opened.refusal?.isPassing) return;
  show($("task"), opened.refusal ? refusedTask(wanted, opened.refusal) : task(wanted, opened));
}

/** Says that Ekiden does not answer, as long as it does not. */
function tell(refusal) {
  const trouble = $("trouble");
  trouble.hidden = !refusal;
  const since = shown.time ? ` What is shown is of ${shown.time.toLocaleTimeString()}.` : "";
  const text = refusal ? `${refusal.message}.${since} Trying again…` : "";
  if (trouble.textContent !== text) trouble.textContent = text;
}

/** Shows the form for a key alone, and looks no further until it is answered. */
function askForKey(why) {
  looks++;
  clearTimeout(timer);
  document.body.classList.add("keyless");
  $("key-why").textContent = why;
  $("key-unsafe").hidden = window.isSecureContext;
  $("key-cancel").hidden = why !== "" || !api.key();
  $("key").hidden = false;
  $("key").elements.id.focus();
}

function answered() {
  document.body.classList.remove("keyless");
  $("key").reset();
  $("key").hidden = true;
  refresh();
}

/** Another view: says at once that it is being fetched, and leads the focus to a task that opens. */
function moved() {
  const [before, here] = [shown.place, place()];
  shown.place = here;
  fillFilters(here);
  if (!isSameList(before, here)) {
    $("list").setAttribute("aria-busy", "true");
    window.scrollTo(0, 0);
  }
  const wanted = taskOf(here);
  document.body.classList.toggle("opened", wanted !== null);
  $("task").hidden = !wanted;
  if (wanted && here.task !== before.task) {
    show($("task"), loadingTask(wanted));
    $("task").scrollTop = 0;
    $("task").focus({ preventScroll: true });
  } else if (!wanted && before.task) {
    show($("task"));
    focusOn(before.task);
  }
  refresh();
}

function focusOn(task) {
  const row = [...document.querySelectorAll("#list tr")].find((row) => row.dataset.key === task);
  (row?.querySelector("a") ?? $("list")).focus({ preventScroll: true });
}

function pause() {
  isPaused = !isPaused;
  $("pause").setAttribute("aria-pressed", String(isPaused));
  if (isPaused) clearTimeout(timer);
  else refresh();
}

async function clicked({ target }) {
  const button = target.closest("button");
  if (button?.dataset.pages !== undefined) return turn(button);
  if (button?.dataset.do === "key") return askForKey("");
  const wanted = taskOf(place());
  if (!button?.dataset.do || !wanted) return;
  await act(button, wanted);
  last = { task: null, record: null };
  refresh();
}

function keyed(event) {
  event.preventDefault();
  const { id, secret } = $("key").elements;
  api.useKey(id.value.trim(), secret.value.trim());
  answered();
}

function forget() {
  api.forgetKey();
  last = { task: null, record: null };
  for (const id of ["list", "task", "counts"]) show($(id));
  refresh();
}

wireFilters();
$("key").addEventListener("submit", keyed);
$("key-cancel").addEventListener("click", answered);
$("forget").addEventListener("click", forget);
$("pause").addEventListener("click", pause);
document.addEventListener("click", clicked);
document.addEventListener("keydown", ({ key, target }) => {
  if (key === "Escape" && place().task && !target.closest("dialog, input, select")) go({ task: "" });
});
document.querySelector(".skip").addEventListener("click", (event) => {
  event.preventDefault();
  $("list").focus();
});
document.addEventListener("visibilitychange", () => {
  if (!document.hidden && !isPaused && $("key").hidden) refresh();
});
window.addEventListener("hashchange", moved);
shown.place = { pages: [] };
moved();
