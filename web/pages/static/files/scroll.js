// What can be scrolled can be reached with Tab, also where nothing in it can, so that its end is read without a mouse.

const reachable = "a[href], button, input, select, textarea, summary, [tabindex]";

function look() {
  for (const box of document.querySelectorAll("main .table, main pre")) {
    const scrolls = box.scrollWidth > box.clientWidth || box.scrollHeight > box.clientHeight;
    if (box.dataset.scrolls === undefined && box.hasAttribute("tabindex")) continue; // the page says so itself
    if (scrolls && !box.querySelector(reachable)) {
      box.tabIndex = 0;
      box.dataset.scrolls = "";
    } else if (box.dataset.scrolls !== undefined) {
      box.removeAttribute("tabindex");
      delete box.dataset.scrolls;
    }
  }
}

export function scrolls() {
  look();
  addEventListener("resize", look);
  document.addEventListener("refreshed", look);
  document.addEventListener("renewed", look);
  document.addEventListener("toggle", look, true);
}
