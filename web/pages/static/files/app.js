import { follow } from "./live.js";
import { keys } from "./keys.js";
import { grids } from "./grid.js";
import { graphs } from "./graph.js";
import { logs } from "./log.js";
import { scrolls } from "./scroll.js";

// What is sent as soon as something else is chosen needs no button.
document.addEventListener("change", (e) => {
  const form = e.target.form;
  if (form?.matches("[data-auto]") || form?.matches("[data-filter]") && e.target.matches("select")) form.requestSubmit();
});
// A form that was sent is not sent again by a second press.
document.addEventListener("submit", (e) => {
  if (e.defaultPrevented || e.target.method !== "post") return;
  setTimeout(() => e.target.querySelectorAll("button").forEach((b) => { b.disabled = true; }));
});
addEventListener("pageshow", () => document.querySelectorAll("form button:disabled:not([data-off])").forEach((b) => { b.disabled = false; }));
// A menu closes when something else is used.
document.addEventListener("click", (e) => {
  for (const m of document.querySelectorAll("details.menu[open]")) if (!m.contains(e.target)) m.open = false;
});

// What is within the page gets its scripts again when it has been written anew.
function begin() {
  grids();
  graphs();
  logs();
}
keys();
begin();
document.addEventListener("renewed", begin);
scrolls();
follow();
