// The log of a try that is not over grows by itself, and stays at its end while that is in view.

import { stream } from "./stream.js";

const most = 2 << 20; // how much text a page keeps

let sources = [];

export function logs() {
  sources.forEach((s) => s.close()); // of a page that has been written anew
  sources = [];
  for (const pre of document.querySelectorAll("pre[data-log]")) {
    pre.scrollTop = pre.scrollHeight;
    if (!pre.dataset.log || !window.EventSource) continue;
    const at = new URL(pre.dataset.log, location.href);
    const source = stream(() => at.href, (s) => {
      s.addEventListener("message", (e) => {
        at.searchParams.set("from", e.lastEventId); // whoever opens it again goes on from there
        const end = pre.scrollTop + pre.clientHeight >= pre.scrollHeight - 24;
        pre.append(JSON.parse(e.data).text);
        while (pre.childNodes.length > 1 && pre.textContent.length > most) pre.firstChild.remove();
        if (end) pre.scrollTop = pre.scrollHeight;
      });
      s.addEventListener("over", () => source.close());
    });
    sources.push(source);
    addEventListener("pagehide", () => source.close());
  }
}
