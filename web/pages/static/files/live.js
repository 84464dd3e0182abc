// The parts of a page that may change have data-live with a name. After a change the page is asked for anew, and the
// parts that differ are put in their places. Where it has other parts than before, all of it is.

import { stream } from "./stream.js";

const body = document.body;
const light = document.querySelector("[data-live-state]");

function show(on) {
  if (!light) return;
  light.hidden = false;
  light.classList.toggle("off", !on);
  light.textContent = on ? light.dataset.wordLive : light.dataset.wordLost;
}

const parts = (page) => [...page.querySelectorAll("main [data-live]")].map((e) => e.dataset.live).join(" ");

const touched = (f) => f.type === "checkbox" || f.type === "radio" ? f.checked !== f.defaultChecked : f.value !== f.defaultValue;
// writing reports whether somebody fills in something, which is not taken away.
const writing = (box) => box.contains(document.activeElement) && document.activeElement.matches("input, select, textarea") ||
  [...box.querySelectorAll("input, textarea")].some(touched);

// put gives a box other content. What was open stays open, and a link that has the focus keeps it.
function put(box, from, event) {
  const at = box.contains(document.activeElement) ? document.activeElement.getAttribute("href") : null;
  const open = new Set([...box.querySelectorAll("details[open][id]")].map((d) => d.id));
  box.replaceChildren(...from.childNodes);
  for (const d of box.querySelectorAll("details[id]")) if (open.has(d.id)) d.open = true;
  if (at) box.querySelector(`a[href="${CSS.escape(at)}"]`)?.focus({ preventScroll: true });
  box.dispatchEvent(new CustomEvent(event, { bubbles: true }));
}

let asking = false;
let again = false;

export async function refresh() {
  if (asking) { again = true; return; }
  asking = true;
  try {
    const answer = await fetch(location.href, { headers: { Accept: "text/html" }, redirect: "error" });
    if (!answer.ok) return;
    const now = new DOMParser().parseFromString(await answer.text(), "text/html");
    const main = document.querySelector("main");
    if (parts(document) !== parts(now)) {
      if (!writing(main)) put(main, now.querySelector("main"), "renewed");
      return;
    }
    for (const old of document.querySelectorAll("[data-live]")) {
      const is = now.querySelector(`[data-live="${CSS.escape(old.dataset.live)}"]`);
      if (!is || writing(old)) continue;
      if (old.innerHTML === is.innerHTML && old.className === is.className) continue;
      old.className = is.className;
      put(old, is, "refreshed");
    }
  } catch {
    show(false);
  } finally {
    asking = false;
    if (again) { again = false; refresh(); }
  }
}

export function follow() {
  const topic = body.dataset.topic;
  if (!topic || !window.EventSource) return;
  let source = null;
  let missed = false;
  const open = () => {
    source = stream(() => `${body.dataset.events}?${topic}`, (s) => {
      s.addEventListener("open", () => { show(true); if (missed) refresh(); missed = false; });
      s.addEventListener("error", () => { show(false); missed = true; });
      s.addEventListener("changed", () => refresh());
    });
  };
  document.addEventListener("visibilitychange", () => { // who does not look needs nothing
    if (document.hidden) { source?.close(); source = null; missed = true; } else if (!source) open();
  });
  if (!document.hidden) open();
  setInterval(() => { if (source && !missed) refresh(); }, 60_000); // how long ago something was changes by itself
}
