package core

import (
	"fmt"
	"net/http"
)

// events is a stream of server-sent events: "change" whenever something arrived or
// was cleared, first at once. Its data counts what is kept:
// {"messages": 3, "attempts": 5}. Changes in quick succession may come as one.
func (in *Inbox) events(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("Cache-Control", "no-store")
	out := http.NewResponseController(w)
	for {
		in.core.Lock()
		changed, version := in.changed, in.version
		messages, attempts := len(in.messages), len(in.attempts)
		in.core.Unlock()
		_, err := fmt.Fprintf(w, "event: change\nid: %d\ndata: {\"messages\":%d,\"attempts\":%d}\n\n", version, messages, attempts)
		if err != nil || out.Flush() != nil {
			return
		}
		select {
		case <-changed:
		case <-r.Context().Done():
			return
		}
	}
}
