// Draws the inbox again whenever something arrives. The server draws; this only
// swaps the part of the page that changed.
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

if ("follow" in live.dataset) showEnd();
new EventSource("sandbox/api/events").addEventListener("change", refresh);
