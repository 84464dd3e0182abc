// A graph is made larger and smaller: by buttons, by + and -, and by the wheel with Ctrl. The size stays when the states
// change.

const least = 0.1;
const most = 3;

function sized(box, by, x = box.clientWidth / 2, y = box.clientHeight / 2) {
  const svg = box.querySelector("svg");
  const [, , width, height] = svg.getAttribute("viewBox").split(" ").map(Number);
  const was = Number(box.dataset.size ?? 1);
  const fit = Math.min(1, (box.clientWidth - 2) / width);
  const is = Math.max(least, Math.min(most, by === "fit" ? fit : by === "one" ? 1 : was * by));
  const left = (box.scrollLeft + x) / was;
  const top = (box.scrollTop + y) / was;
  box.dataset.size = is;
  svg.setAttribute("width", width * is);
  svg.setAttribute("height", height * is);
  box.scrollLeft = left * is - x;
  box.scrollTop = top * is - y;
}

export function graphs() {
  for (const box of document.querySelectorAll("[data-graph]")) {
    const tools = document.querySelector("[data-zoom]");
    tools.hidden = false;
    tools.addEventListener("click", (e) => {
      const by = e.target.closest("[data-by]")?.dataset.by;
      if (by) sized(box, { in: 1.25, out: 0.8 }[by] ?? by);
    });
    box.addEventListener("wheel", (e) => {
      if (!e.ctrlKey && !e.metaKey) return;
      e.preventDefault();
      const at = box.getBoundingClientRect();
      sized(box, Math.exp(-Math.max(-50, Math.min(50, e.deltaY)) / 200), e.clientX - at.left, e.clientY - at.top);
    }, { passive: false });
    box.addEventListener("keydown", (e) => {
      const by = { "+": 1.25, "=": 1.25, "-": 0.8, 0: "one" }[e.key];
      if (!by || e.ctrlKey || e.metaKey || e.altKey) return;
      e.preventDefault();
      sized(box, by);
    });
    box.addEventListener("refreshed", () => sized(box, 1));
  }
}
