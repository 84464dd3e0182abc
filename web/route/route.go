// Package route has a mux that knows its routes, so that tests can try each one for everybody and forget none, and carries the
// template of a path, such as /dags/{dag_id}, from the router that has found it to whoever counts requests outside.
package route

import (
	"context"
	"net/http"
	"strings"
)

// Taken is the route that a request takes. It is of one request, and not safe for concurrent use.
type Taken struct{ path string }

// Path is the template; empty when no router has found one.
func (t *Taken) Path() string { return t.path }

type key struct{}

// Noting returns a context in which routers note what they find.
func Noting(ctx context.Context) (context.Context, *Taken) {
	t := &Taken{}
	return context.WithValue(ctx, key{}, t), t
}

// Note notes the pattern that a request has, with or without a method. The router farthest inside has the last word.
func Note(r *http.Request, pattern string) {
	t, ok := r.Context().Value(key{}).(*Taken)
	if !ok {
		return
	}
	if _, path, found := strings.Cut(pattern, " "); found {
		pattern = path
	}
	t.path = strings.TrimSuffix(pattern, "{$}")
}
