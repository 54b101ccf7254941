// What a person does to a task, and what they are told of it.

import * as api from "./api.js";
import { $ } from "./dom.js";
import { go, taskIn } from "./place.js";

const TOLD_FOR = 6000;
let timer;

/** Does what `button` says to the task. */
export async function act(button, { name, id }) {
  const what = button.dataset.do;
  if (what === "copy") return copy(id);
  if (what === "stop" && !(await confirmed(id))) return;
  button.disabled = true;
  try {
    if (what === "stop") {
      await api.stop(name, id);
      say(`Asked to stop ${id}`);
    } else if (what === "rerun") {
      const { invocationId } = await api.rerun(name, id);
      go({ task: taskIn(name, invocationId) });
      say(`${id} runs again as ${invocationId}`);
    } else if (what === "resend") {
      await api.resend(name, id, button.dataset.number);
      say(`The result of ${id} is sent again`);
    }
  } catch (refusal) {
    if (!(refusal instanceof api.Refusal)) throw refusal;
    say(refusal.message, true);
  } finally {
    button.disabled = false;
  }
}

async function copy(id) {
  try {
    await navigator.clipboard.writeText(id);
    say(`Copied ${id}`);
  } catch {
    // Browsers give no clipboard to pages that came over plain HTTP.
    getSelection().selectAllChildren($("task-id"));
    say("Selected: copy it with your keyboard");
  }
}

function confirmed(id) {
  const dialog = $("confirm");
  $("confirm-what").textContent = `Stop ${id}?`;
  $("confirm-why").textContent = "It ends at once, with what it has done so far. It cannot be resumed, only run again.";
  dialog.returnValue = "no";
  dialog.onclick = ({ target }) => {
    if (target.closest("button")) dialog.close(target.closest("button").value);
  };
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => resolve(dialog.returnValue === "yes"), { once: true });
  });
}

/** Tells a person something for a while; what went wrong until something else is told. */
function say(text, isBad = false) {
  clearTimeout(timer);
  const said = $("said");
  said.textContent = text;
  said.classList.toggle("bad", isBad);
  if (!isBad) timer = setTimeout(() => (said.textContent = ""), TOLD_FOR);
}
