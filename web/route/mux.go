package route

import (
	"net/http"
	"slices"
)

// Mux is a [http.ServeMux] that says what it has. Routes are added before it is used.
type Mux struct {
	mux      http.ServeMux
	patterns []string
}

// Handle adds a handler for a pattern of [http.ServeMux].
func (m *Mux) Handle(pattern string, h http.Handler) {
	m.mux.Handle(pattern, h)
	m.patterns = append(m.patterns, pattern)
}

// HandleFunc is the same for a function.
func (m *Mux) HandleFunc(pattern string, h func(http.ResponseWriter, *http.Request)) {
	m.Handle(pattern, http.HandlerFunc(h))
}

// Handler is what answers a request, with its pattern; that is empty where nothing was added for it.
func (m *Mux) Handler(r *http.Request) (h http.Handler, pattern string) { return m.mux.Handler(r) }

// ServeHTTP answers a request.
func (m *Mux) ServeHTTP(w http.ResponseWriter, r *http.Request) { m.mux.ServeHTTP(w, r) }

// Routes are the patterns, sorted.
func (m *Mux) Routes() []string { return slices.Sorted(slices.Values(m.patterns)) }

// Of are the routes of a handler that knows them.
func Of(h http.Handler) []string {
	if k, ok := h.(interface{ Routes() []string }); ok {
		return k.Routes()
	}
	return nil
}
