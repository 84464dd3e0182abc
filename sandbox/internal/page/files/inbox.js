// Draws the inbox or a conversation again whenever something arrives, and sends forms without
// leaving the page. The server draws; this only swaps the part of the page that changed.
const live = document.getElementById("live");

// atEnd tells whether the reader looks at the newest message. Only the inbox has its
// newest at the end.
function atEnd() {
  if (!("follow" in live.dataset)) return false;
  const main = live.querySelector("main");
  return main.scrollHeight - main.scrollTop - main.clientHeight < 80;
}

function showEnd() {
  const main = live.querySelector("main");
  main.scrollTop = main.scrollHeight;
}

let running = false;
let again = false;

async function refresh() {
  if (running) {
    again = true;
    return;
  }
  running = true;
  try {
    const response = await fetch(location.href, { cache: "no-store" });
    if (!response.ok) return;
    const page = new DOMParser().parseFromString(await response.text(), "text/html");
    const follow = atEnd();
    const top = live.querySelector("main").scrollTop;
    const open = [...live.querySelectorAll("article[id]:has(details[open])")].map((a) => a.id);
    live.replaceChildren(...page.getElementById("live").childNodes);
    for (const id of open) {
      document.getElementById(id)?.querySelector("details")?.setAttribute("open", "");
    }
    if (follow) showEnd();
    else live.querySelector("main").scrollTop = top;
  } finally {
    running = false;
    if (again) {
      again = false;
      refresh();
    }
  }
}

// send posts a form. What it changed arrives as any other change; what went wrong is shown below the forms.
async function send(form) {
  const problem = document.querySelector("footer output");
  // Not form.action: a field of this name would hide it.
  const response = await fetch(form.getAttribute("action"), { method: "POST", body: new URLSearchParams(new FormData(form)), redirect: "manual" });
  const done = response.ok || response.type === "opaqueredirect";
  if (problem) problem.textContent = done ? "" : await response.text();
  if (done) form.reset();
  if (done && form.id === "say") write(form);
}

// write puts the cursor behind the mention that the text begins with.
function write(form) {
  const text = form.elements.text;
  text.focus();
  text.setSelectionRange(text.value.length, text.value.length);
}

document.addEventListener("submit", (event) => {
  if (!("live" in event.target.dataset)) return;
  event.preventDefault();
  send(event.target);
});
if (document.getElementById("say")) write(document.getElementById("say"));
document.getElementById("who")?.addEventListener("change", (event) => event.currentTarget.submit());

if ("follow" in live.dataset) showEnd();
new EventSource("sandbox/api/events").addEventListener("change", refresh);
