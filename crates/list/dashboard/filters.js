// The form that narrows the list. The URL has what it says.

import { $, h } from "./dom.js";
import { go } from "./place.js";
import { ENDED, LIVE } from "./words.js";

const form = $("filters");
const more = $("more");

export function wireFilters() {
  form.elements.status.append(...[...LIVE, ...ENDED].map((name) => h("option", null, name)));
  // Not with every letter: a change is what a person has finished.
  form.addEventListener("change", apply);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    apply();
  });
  more.addEventListener("click", () => unfold(more.getAttribute("aria-expanded") === "false"));
}

/** On a narrow screen some fields wait until they are asked for. */
function unfold(isOpen) {
  more.setAttribute("aria-expanded", String(isOpen));
  form.classList.toggle("unfolded", isOpen);
}

function apply() {
  const { function: name, status, prefix, from, until, order } = form.elements;
  go({
    function: full(name.value.trim()),
    status: status.value,
    prefix: prefix.value.trim(),
    from: toMillis(from.value),
    until: toMillis(until.value),
    order: order.value,
  });
}

/** FC 3.0 knows no services: its functions are those of `default`. */
const full = (name) => (name && !name.includes("/") ? `default/${name}` : name);

/** Shows what the URL says. */
export function fillFilters(here) {
  for (const name of ["function", "status", "prefix", "order"]) {
    form.elements[name].value = here[name] ?? "";
  }
  for (const name of ["from", "until"]) form.elements[name].value = toLocal(here[name]);
  if (here.prefix || here.from || here.until || here.order) unfold(true);
}

const toMillis = (local) => (local ? String(new Date(local).getTime()) : "");

/** As the field has it: the time of this place, without a zone. */
function toLocal(millis) {
  const time = new Date(Number(millis));
  if (!millis || Number.isNaN(time.getTime())) return "";
  const local = new Date(time.getTime() - time.getTimezoneOffset() * 60_000);
  return local.toISOString().slice(0, 19);
}
