package web

import (
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/dingdag/dingdag/access"
	"github.com/dingdag/dingdag/api/health"
	"github.com/dingdag/dingdag/web/rest/server"
	v1 "github.com/dingdag/dingdag/web/rest/v1"
)

// fresh is how long a look is good for: however many ask, the store is read once in this time.
const fresh = time.Second

// looks remembers the last one.
type looks struct {
	o    Options
	turn chan struct{} // who looks holds it
	last *health.Health
	at   time.Time
}

func newLooks(o Options) *looks { return &looks{o: o, turn: make(chan struct{}, 1)} }

// now is how things are, or nil when ctx ends first.
func (l *looks) now(ctx context.Context) *health.Health {
	select {
	case l.turn <- struct{}{}:
	case <-ctx.Done():
		return nil
	}
	defer func() { <-l.turn }()
	if age := l.o.Clock().Sub(l.at); l.last != nil && age >= 0 && age < fresh {
		return l.last
	}
	h := l.o.Health.Check(ctx)
	if ctx.Err() != nil {
		return nil // what was found is that nobody waits for it
	}
	l.last, l.at = h, l.o.Clock()
	return h
}

// livez says that the process serves.
func (s *Server) livez(w http.ResponseWriter, _ *http.Request) {
	s.send(w, http.StatusOK, typeText, []byte("ok\n"))
}

// seen is what whoever asks may see: all of it on this machine itself, and for those who have signed in and see all DAGs; for
// others, who may come through a proxy, no names.
func (s *Server) seen(r *http.Request, h *health.Health) *health.Health {
	if s.isHere(r) {
		return h
	}
	if s.o.SignIn != nil {
		if i, ok := s.o.SignIn.Glance(r); ok && i.May(access.Read, nil) && i.DAGs.All() {
			return h
		}
	}
	return h.ForStrangers()
}

// readyz says whether the scheduler works, and if not why.
func (s *Server) readyz(w http.ResponseWriter, r *http.Request) {
	h := s.looks.now(r.Context())
	switch {
	case h == nil:
	case h.Ready():
		s.send(w, http.StatusOK, typeText, []byte("ok\n"))
	default:
		var b strings.Builder
		if !s.isHere(r) {
			h = h.ForStrangers()
		}
		for _, p := range h.Problems {
			if p.Part == "store" || p.Part == "scheduler" {
				b.WriteString(p.Text + "\n")
			}
		}
		s.send(w, http.StatusServiceUnavailable, typeText, []byte(b.String()))
	}
}

// statusOf is the status of an answer.
func statusOf(h *health.Health) int {
	if h.Status == health.Healthy {
		return http.StatusOK
	}
	return http.StatusServiceUnavailable
}

// healthJSON is all that is known.
func (s *Server) healthJSON(w http.ResponseWriter, r *http.Request) {
	if h := s.looks.now(r.Context()); h != nil {
		s.sendJSON(w, statusOf(h), s.seen(r, h))
	}
}

// healthPage is the same for people: a page for browsers, text for everybody else.
func (s *Server) healthPage(w http.ResponseWriter, r *http.Request) {
	h := s.looks.now(r.Context())
	if h == nil {
		return
	}
	h = s.seen(r, h)
	w.Header().Set("Vary", "Accept")
	if strings.Contains(r.Header.Get("Accept"), "text/html") {
		s.send(w, statusOf(h), typeHTML, page(h))
		return
	}
	s.send(w, statusOf(h), typeText, []byte(h.Text()))
}

// oldHealth is that of version 1 of the API.
func (s *Server) oldHealth(w http.ResponseWriter, r *http.Request) {
	if h := s.looks.now(r.Context()); h != nil {
		s.sendJSON(w, http.StatusOK, v1.HealthInfo{HealthInfoResponse: server.Health(h)})
	}
}

// airflowHealth answers as Airflow does: with 200 whatever is wrong.
func (s *Server) airflowHealth(w http.ResponseWriter, r *http.Request) {
	if h := s.looks.now(r.Context()); h != nil {
		s.sendJSON(w, http.StatusOK, server.Health(h))
	}
}
