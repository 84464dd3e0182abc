package sandbox

import (
	"fmt"
	"net/http"
)

// events is a stream of server-sent events: "change" whenever something arrived or
// was cleared, first at once. Its data counts what is kept:
// {"messages": 3, "attempts": 5}. Changes in quick succession may come as one.
func (s *Server) events(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("Cache-Control", "no-store")
	out := http.NewResponseController(w)
	for {
		s.mu.Lock()
		changed, version := s.inbox.changed, s.inbox.version
		messages, attempts := len(s.inbox.messages), len(s.inbox.attempts)
		s.mu.Unlock()
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
