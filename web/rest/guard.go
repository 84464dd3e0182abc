package rest

import (
	"context"
	"errors"
	"net/http"

	"github.com/dingdag/dingdag/access"
)

// Guard says who sends a request. Without one nothing is served.
type Guard interface {
	// Authenticate returns who sends a request. Its error wraps [access.ErrUnknown] when nobody knows, or is
	// a [*Error] or what went wrong.
	Authenticate(r *http.Request) (access.Identity, error)
}

// Knower knows the DAGs that rights depend on.
type Knower interface {
	// AccessDAG is what the right to a DAG depends on; of an unknown one that is its id alone.
	AccessDAG(ctx context.Context, dagID string) (access.DAG, error)
}

// admit finds out who asks, and whether they may.
func (s *Server) admit(r *http.Request, op *Operation) (context.Context, *Error) {
	if op.Public {
		return r.Context(), nil
	}
	who, err := s.o.Guard.Authenticate(r)
	if err != nil {
		return nil, closed(s.unauthenticated(r, err))
	}
	ctx := access.With(r.Context(), who)
	of := r.PathValue("dag_id")
	if op.Many {
		of = All
	}
	err = s.allowed(ctx, op.Action, of)
	if err == nil && op.Whole {
		err = s.May(ctx, op.Action, "")
	}
	if err != nil {
		return nil, closed(s.faultOf(r, err))
	}
	return ctx, nil
}

// closed is the fault, or one when nobody waits for it any more: who asks is let in only if nothing went wrong.
func closed(fault *Error) *Error {
	if fault != nil {
		return fault
	}
	return &Error{Status: http.StatusServiceUnavailable, Detail: "The request ended before it was known who asks"}
}

// allowed is nil when whoever asks may do something to a DAG, or to what belongs to none. The calls that take
// [All] in the place of a DAG see to the DAGs themselves.
func (s *Server) allowed(ctx context.Context, a access.Action, dagID string) error {
	if dagID == "" {
		return access.Check(ctx, a, nil)
	}
	if dagID == All {
		who, _ := access.From(ctx)
		if who.Role < a.Role() {
			return access.Check(ctx, a, nil)
		}
		return nil
	}
	d, err := s.o.DAGs.AccessDAG(ctx, dagID)
	if err != nil {
		return err
	}
	return access.Check(ctx, a, &d)
}

// May is nil when whoever asks may do something to a DAG. What is of no DAG concerns all, so that it is for nobody who is
// limited to some.
func (s *Server) May(ctx context.Context, a access.Action, dagID string) error {
	if dagID != "" {
		return s.allowed(ctx, a, dagID)
	}
	who, ok := access.From(ctx)
	if !ok {
		return access.ErrUnknown
	}
	if who.Role >= a.Role() && !who.DAGs.All() {
		return &access.DeniedError{User: who.User, Has: who.Role, Action: a}
	}
	return who.Require(a, nil)
}

// unauthenticated is the answer to somebody whom nobody knows.
func (s *Server) unauthenticated(r *http.Request, err error) *Error {
	if !errors.Is(err, access.ErrUnknown) {
		return s.faultOf(r, err)
	}
	return &Error{Status: http.StatusUnauthorized, Detail: "Not authenticated", Header: http.Header{"Www-Authenticate": {"Bearer"}}}
}

// Identified lets in whoever a handler before this one has found out and put into the context, see
// [access.From].
type Identified struct{}

// Authenticate implements [Guard].
func (Identified) Authenticate(r *http.Request) (access.Identity, error) {
	who, ok := access.From(r.Context())
	if !ok {
		return who, access.ErrUnknown
	}
	return who, nil
}
