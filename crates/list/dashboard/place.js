// Where the page stands is all in the URL's hash, so that a link leads to the same view.

const FILTERS = ["function", "status", "prefix", "from", "until", "order"];

/** `function`, `status`, `prefix`, `from`, `until` (ms), `order`; `pages`: the tokens that led to this
 *  page; `task`: `service/function/id`. Each may be missing. */
export function place() {
  const { pages, ...rest } = Object.fromEntries(new URLSearchParams(location.hash.slice(1)));
  return { ...rest, pages: pages ? pages.split("~") : [] };
}

/** The hash of this view but for what `changes` says. Another filter begins at the first page. */
export function link(changes) {
  const isOtherList = FILTERS.some((name) => name in changes);
  const { pages, ...rest } = { ...place(), ...(isOtherList && { pages: [] }), ...changes };
  const given = Object.entries({ ...rest, pages: pages.join("~") }).filter(([, value]) => value);
  // Slashes are legal there, and names are easier to read with them.
  return `#${new URLSearchParams(given)}`.replaceAll("%2F", "/");
}

export function go(changes) {
  location.hash = link(changes);
}

export const taskIn = (name, id) => `${name}/${id}`;

/** The function's name and the task's id of `task`; null where it is none. */
export function taskOf({ task }) {
  const [service, name, ...id] = (task ?? "").split("/");
  return id.length ? { name: `${service}/${name}`, id: id.join("/") } : null;
}

/** Whether two places show the same page of the same list. */
export const isSameList = (one, other) =>
  [...FILTERS, "pages"].every((name) => String(one[name] ?? "") === String(other[name] ?? ""));

export const isFiltered = (here) => FILTERS.some((name) => name !== "function" && name !== "order" && here[name]);
export const unfiltered = { status: "", prefix: "", from: "", until: "" };
