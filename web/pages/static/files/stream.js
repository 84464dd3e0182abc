// A stream of events that comes back. A browser connects again by itself when it loses a stream, but gives one up for good that is
// answered with another status than 200: with 502 by a proxy while the server starts, or with 503 when too many pages are open.

const latest = 60000;

// stream opens an address, which may be another one each time, and hands each source to add, for its listeners. What was given up
// is opened again after soonest milliseconds, and later from time to time.
export function stream(address, add, soonest = 2000) {
  let source;
  let timer;
  let wait = soonest;
  const open = () => {
    source = new EventSource(address());
    source.addEventListener("open", () => { wait = soonest; });
    source.addEventListener("error", (e) => {
      if (e.target.readyState !== EventSource.CLOSED) return;
      timer = setTimeout(open, wait * (1 + Math.random() / 2)); // not all pages at once
      wait = Math.min(2 * wait, latest);
    });
    add(source);
  };
  open();
  return { close() { clearTimeout(timer); source.close(); } };
}
