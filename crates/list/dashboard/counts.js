// How many tasks there are in each status, as links to those.

import { nameOf } from "./api.js";
import { h } from "./dom.js";
import { link } from "./place.js";
import { LIVE, ENDED, count, span } from "./words.js";

/** `told` is the API's answer; null while it is not known, or is kept from this key. */
export function counts(here, told) {
  const sums = told && sum(here.function, told.counts);
  const minutes = span(told?.endedWithinMs ?? 300_000).replace(" 0 s", "");
  const more = told?.isPartial ? " at least" : "";
  return [
    group("Now", LIVE, here, sums),
    group(`Ended in the last ${minutes}${more}`, ENDED, here, sums),
  ];
}

function sum(name, rows) {
  const sums = new Map();
  for (const row of rows) {
    if (name && nameOf(row) !== name) continue;
    sums.set(row.status, (sums.get(row.status) ?? 0) + row.count);
  }
  return sums;
}

function group(title, statuses, here, sums) {
  const tiles = statuses.map((name) => {
    const isChosen = here.status === name;
    const number = sums ? count(sums.get(name) ?? 0) : "–";
    return h("li", { "data-key": name },
      h("a", {
        href: link({ status: isChosen ? "" : name }),
        class: sums?.get(name) ? "some" : "none",
        "data-status": name,
        "aria-current": isChosen && "true",
        title: isChosen ? "Show any status" : `Show those that are ${name}`,
      }, h("b", null, number), h("span", { class: "status", "data-status": name }, name)));
  });
  return h("section", { class: "card", "data-key": title.slice(0, 5) }, h("h2", null, title), h("ul", null, tiles));
}
