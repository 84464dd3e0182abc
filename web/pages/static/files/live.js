// The parts of a page that may change have data-live with a name. After a change the page is asked for anew, and the
// parts that differ are put in their places.

const body = document.body;
const light = document.querySelector("[data-live-state]");

function show(on) {
  if (!light) return;
  light.hidden = false;
  light.classList.toggle("off", !on);
  light.textContent = on ? light.dataset.wordLive : light.dataset.wordLost;
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
    for (const old of document.querySelectorAll("[data-live]")) {
      const is = now.querySelector(`[data-live="${CSS.escape(old.dataset.live)}"]`);
      if (!is || old.contains(document.activeElement) && document.activeElement.matches("input, select, textarea")) continue;
      if (old.innerHTML === is.innerHTML && old.className === is.className) continue;
      const at = old.contains(document.activeElement) ? document.activeElement.getAttribute("href") : null;
      const open = new Set([...old.querySelectorAll("details[open][id]")].map((d) => d.id));
      old.className = is.className;
      old.replaceChildren(...is.childNodes);
      for (const d of old.querySelectorAll("details[id]")) if (open.has(d.id)) d.open = true;
      if (at) old.querySelector(`a[href="${CSS.escape(at)}"]`)?.focus({ preventScroll: true });
      old.dispatchEvent(new CustomEvent("refreshed", { bubbles: true }));
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
    source = new EventSource(`${body.dataset.events}?${topic}`);
    source.addEventListener("open", () => { show(true); if (missed) refresh(); missed = false; });
    source.addEventListener("error", () => { show(false); missed = true; });
    source.addEventListener("changed", () => refresh());
  };
  document.addEventListener("visibilitychange", () => { // who does not look needs nothing
    if (document.hidden) { source?.close(); source = null; missed = true; } else if (!source) open();
  });
  if (!document.hidden) open();
}
