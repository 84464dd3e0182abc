package pages

import (
	"context"
	"net/http"
	"strconv"

	"github.com/dingdag/dingdag/api/bindings"
)

// Bindings are which conversations are told of which DAGs. [*bindings.Bindings] is one.
type Bindings interface {
	List(ctx context.Context) ([]bindings.Binding, error)
	Unbind(ctx context.Context, meant func(bindings.Binding) bool) ([]bindings.Binding, error)
}

// showBindings lists the bindings. A conversation may be told of any DAG, so that it takes the right to see all of them.
func showBindings(v *view) error {
	if v.Visitor.Sees != nil {
		return &refusedError{http.StatusForbidden, "error.forbidden", nil}
	}
	all, err := v.p.o.Bindings(v.ctx()).List(v.ctx())
	if err != nil {
		return err
	}
	v.Title, v.Nav = v.say("bindings.title"), "system"
	return v.render(http.StatusOK, "bindings", all)
}

// endBinding ends the one that the form names. One that has ended already is gone, as was asked for.
func endBinding(v *view) error {
	if !v.Visitor.Configures {
		return &refusedError{http.StatusForbidden, "error.forbidden", nil}
	}
	id, err := strconv.ParseInt(v.r.PostForm.Get("id"), 10, 64)
	if err != nil {
		return &refusedError{http.StatusUnprocessableEntity, "error.binding", nil}
	}
	if _, err := v.p.o.Bindings(v.ctx()).Unbind(v.ctx(), func(b bindings.Binding) bool { return b.ID == id }); err != nil {
		return err
	}
	http.Redirect(v.w, v.r, v.Link("bindings"), http.StatusSeeOther) //nolint:gosec // a path of ours
	return nil
}
