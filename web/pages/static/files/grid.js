// A grid folds its groups, all of them at first when it has many rows, and the arrow keys move in it.

const store = (() => { try { return sessionStorage; } catch { return null; } })();
const key = () => `fold ${location.pathname}`;
let held = null; // what was chosen on this page, also in a browser that stores nothing

const groups = (box) => [...box.querySelectorAll("tr[data-group]")].map((r) => r.dataset.group);

function folded(box) {
  const kept = held ?? store?.getItem(key()) ?? null;
  return new Set(kept !== null ? JSON.parse(kept) : box.dataset.many !== undefined ? groups(box) : []);
}

function fold(box, closed) {
  held = JSON.stringify([...closed]);
  try { store?.setItem(key(), held); } catch { /* it is full: the choice holds until the page is left */ }
  draw(box);
}

function draw(box) {
  const closed = folded(box);
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
      const closed = folded(box);
      const group = button.closest("tr").dataset.group;
      if (!closed.delete(group)) closed.add(group);
      fold(box, closed);
    });
    const all = document.querySelector("[data-folds]");
    if (all && groups(box).length) {
      all.hidden = false;
      all.querySelector("[data-fold-all]").addEventListener("click", () => fold(box, groups(box)));
      all.querySelector("[data-unfold-all]").addEventListener("click", () => fold(box, []));
    }
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
