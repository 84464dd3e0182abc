// The keys that the help lists.

const rows = () => [...document.querySelectorAll("[data-row]")].filter((r) => r.offsetParent !== null);

function move(by) {
  const all = rows();
  if (!all.length) return;
  const at = all.findIndex((r) => r.classList.contains("at"));
  const next = all[Math.max(0, Math.min(all.length - 1, at < 0 ? 0 : at + by))];
  all.forEach((r) => r.classList.remove("at"));
  next.classList.add("at");
  next.scrollIntoView({ block: "nearest" });
  (next.querySelector("a[data-open]") ?? next.querySelector("a"))?.focus({ preventScroll: true });
}

export function keys() {
  const help = document.getElementById("keys");
  const opener = document.querySelector("[data-keys-open]");
  if (opener && help.showModal) {
    opener.hidden = false;
    opener.addEventListener("click", () => help.showModal());
  }
  let before = "";
  document.addEventListener("keydown", (e) => {
    if (e.ctrlKey || e.metaKey || e.altKey || e.target.matches("input, select, textarea") || help?.open) return;
    const was = before;
    before = "";
    switch (e.key) {
      case "j": move(1); break;
      case "k": move(-1); break;
      case "/": {
        const field = document.querySelector("[data-search]");
        if (!field) return;
        field.focus();
        field.select();
        break;
      }
      case "?": help?.showModal?.(); break;
      case "g": before = "g"; return;
      default: {
        const to = was === "g" && document.querySelector(`[data-go="${CSS.escape(e.key)}"]`);
        if (!to) return;
        location.assign(to.href);
      }
    }
    e.preventDefault();
  });
}
