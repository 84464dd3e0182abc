package metrics

import (
	"cmp"
	"net/http"
	"slices"
	"strings"

	"github.com/dingdag/dingdag/web/route"
)

// Requests counts the requests that a handler answers, by the template of their path that the handler has noted.
func (m *Metrics) Requests(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx, taken := route.Noting(r.Context())
		seen := &answer{ResponseWriter: w}
		began, status := m.o.Clock(), http.StatusInternalServerError
		defer func() { // also when the handler gives the answer up by a panic
			stream := strings.HasPrefix(w.Header().Get("Content-Type"), "text/event-stream")
			m.request(cmp.Or(taken.Path(), "other"), known(r.Method), cmp.Or(seen.status, status), m.o.Clock().Sub(began), stream)
		}()
		next.ServeHTTP(seen, r.WithContext(ctx))
		status = http.StatusOK
	})
}

// known is a method that is one, so that nobody makes new ones up.
func known(method string) string {
	if slices.Contains([]string{http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions}, method) {
		return method
	}
	return "other"
}

// answer remembers the status of an answer.
type answer struct {
	http.ResponseWriter
	status int
}

// WriteHeader keeps the status.
func (a *answer) WriteHeader(status int) {
	if a.status == 0 && status >= http.StatusOK {
		a.status = status
	}
	a.ResponseWriter.WriteHeader(status)
}

// Write answers 200 when nothing was said before.
func (a *answer) Write(p []byte) (int, error) {
	a.status = cmp.Or(a.status, http.StatusOK)
	return a.ResponseWriter.Write(p)
}

// Unwrap is what [http.ResponseController] looks for.
func (a *answer) Unwrap() http.ResponseWriter { return a.ResponseWriter }
