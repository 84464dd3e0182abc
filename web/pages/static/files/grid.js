// A grid folds its groups, and the arrow keys move in it.

const store = (() => { try { return sessionStorage; } catch { return null; } })();
const key = () => `fold ${location.pathname}`;
const folded = () => new Set(JSON.parse(store?.getItem(key()) ?? "[]"));

function draw(box) {
  const closed = folded();
  const hidden = new Set();
  for (const row of box.querySelectorAll("tr[data-in]")) {
    const within = row.dataset.in;
    const hide = within !== "" && (closed.has(within) || hidden.has(within));
    row.hidden = hide;
    if (row.dataset.group !== undefined) {
      if (hide) hidden.add(row.dataset.group);
      row.querySelector("[data-fold]").setAttribute("aria-expanded", String(!closed.has(row.dataset.group)));
    }
  }
}

function move(box, from, key) {
  const row = from.closest("tr");
  const cells = [...row.cells];
  const at = cells.indexOf(from.closest("td, th"));
  const step = { ArrowLeft: -1, ArrowRight: 1 }[key];
  if (step) return cells[at + step]?.querySelector("a, button");
  const rows = [...box.querySelectorAll("tr")].filter((r) => !r.hidden);
  const next = rows[rows.indexOf(row) + { ArrowUp: -1, ArrowDown: 1 }[key]];
  return next?.cells[at]?.querySelector("a, button") ?? next?.cells[0]?.querySelector("a, button");
}

export function grids() {
  for (const box of document.querySelectorAll("[data-grid]")) {
    box.addEventListener("click", (e) => {
      const button = e.target.closest("[data-fold]");
      if (!button) return;
      const closed = folded();
      const group = button.closest("tr").dataset.group;
      if (!closed.delete(group)) closed.add(group);
      store?.setItem(key(), JSON.stringify([...closed]));
      draw(box);
    });
    box.addEventListener("keydown", (e) => {
      if (!e.key.startsWith("Arrow") || e.ctrlKey || e.metaKey || e.altKey || !e.target.matches("a, button")) return;
      const next = move(box, e.target, e.key);
      if (!next) return;
      e.preventDefault();
      next.focus();
      next.scrollIntoView({ block: "nearest", inline: "nearest" });
    });
    box.addEventListener("refreshed", () => draw(box));
    draw(box);
    box.scrollLeft = box.scrollWidth; // the newest runs
  }
}
