// Elements are made anew at each look, and then folded into those that are shown: so focus, selection,
// scroll and what is unfolded stay where they are. Nothing here parses HTML: text is only ever text.

/** An element. Attributes that are null or false are left out; children are elements or text. */
export function h(tag, attributes, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (value !== null && value !== undefined && value !== false) {
      element.setAttribute(name, value === true ? "" : value);
    }
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

export const $ = (id) => document.getElementById(id);

/** Makes `children` what `parent` shows. What has the same `data-key` stays the same element. */
export function show(parent, ...children) {
  fold(parent, h("div", null, ...children));
}

function fold(shown, wanted) {
  const keys = new Set([...wanted.children].map(keyOf));
  const kept = new Map();
  for (const child of [...shown.children]) {
    const key = keyOf(child);
    if (key === undefined) continue;
    // Gone first: to move an element past those that go would cost it the focus.
    if (keys.has(key)) kept.set(key, child);
    else child.remove();
  }
  let at = shown.firstChild;
  for (const next of [...wanted.childNodes]) {
    const key = keyOf(next);
    const match = key === undefined ? unkeyed(at, next) : kept.get(key);
    if (match && match.nodeName === next.nodeName) {
      if (match === at) at = at.nextSibling;
      else shown.insertBefore(match, at);
      update(match, next);
    } else {
      shown.insertBefore(next, at);
    }
  }
  while (at) {
    const gone = at;
    at = at.nextSibling;
    gone.remove();
  }
}

const keyOf = (node) => node.dataset?.key;

const unkeyed = (at, next) =>
  at && keyOf(at) === undefined && at.nodeName === next.nodeName ? at : null;

function update(shown, wanted) {
  if (shown.nodeType === Node.TEXT_NODE) {
    if (shown.data !== wanted.data) shown.data = wanted.data;
    return;
  }
  for (const { name } of [...shown.attributes]) {
    // What a person unfolded stays so.
    if (!wanted.hasAttribute(name) && name !== "open") shown.removeAttribute(name);
  }
  for (const { name, value } of wanted.attributes) {
    if (shown.getAttribute(name) !== value) shown.setAttribute(name, value);
  }
  fold(shown, wanted);
}
