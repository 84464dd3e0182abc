package rest

import (
	"errors"
	"fmt"
	"maps"
	"net/http"

	"github.com/dingdag/dingdag/access"
	"github.com/dingdag/dingdag/api"
	"github.com/dingdag/dingdag/api/vault"
)

// Error is an answer that is an error. Its detail is in one of Airflow's three shapes: a text, the
// problems of a request, or an object about what the database refused.
type Error struct {
	Status int
	Detail any
	Header http.Header
}

// Error is its text for the log.
func (f *Error) Error() string { return fmt.Sprintf("%d: %v", f.Status, f.Detail) }

// Errorf is an answer with a text.
func Errorf(status int, format string, args ...any) *Error {
	return &Error{Status: status, Detail: fmt.Sprintf(format, args...)}
}

// NotFound is the answer when there is no such thing.
func NotFound(format string, args ...any) *Error {
	return Errorf(http.StatusNotFound, format, args...)
}

// BadRequest is the answer to what breaks a rule.
func BadRequest(format string, args ...any) *Error {
	return Errorf(http.StatusBadRequest, format, args...)
}

// Conflict is the answer to what the state of things does not allow.
func Conflict(format string, args ...any) *Error {
	return Errorf(http.StatusConflict, format, args...)
}

// Duplicate is the answer to a second one of what may be there once, as Airflow's database refuses it.
func Duplicate(format string, args ...any) *Error {
	return &Error{Status: http.StatusConflict, Detail: Refusal{
		Reason: "Unique constraint violation", Statement: "hidden", OrigError: "hidden", Message: fmt.Sprintf(format, args...),
	}}
}

// Refusal is what the database refused.
type Refusal struct {
	Reason    string `json:"reason"`
	Statement string `json:"statement"`
	OrigError string `json:"orig_error"`
	Message   string `json:"message"`
}

// Problem is something in a request that is not as it must be (pydantic, ErrorDetails).
type Problem struct {
	Type string `json:"type"`
	// Loc is the path to it: query, path or body, then names and positions.
	Loc   []any          `json:"loc"`
	Msg   string         `json:"msg"`
	Input any            `json:"input"`
	Ctx   map[string]any `json:"ctx,omitempty"`
	URL   string         `json:"url,omitempty"`
}

// Invalid is the answer to problems of a request.
func Invalid(ps ...Problem) *Error {
	return &Error{Status: http.StatusUnprocessableEntity, Detail: ps}
}

// ValueError is a problem that a rule of ours finds.
func ValueError(text string, input any, loc ...any) Problem {
	return Problem{Type: "value_error", Loc: loc, Msg: "Value error, " + text, Input: input, Ctx: map[string]any{"error": map[string]any{}}}
}

// ErrorOf translates an error of the api; nil for one that nobody who asks can do anything about.
func ErrorOf(err error) *Error {
	if f, ok := errors.AsType[*Error](err); ok {
		return f
	}
	if f, ok := errors.AsType[*api.FieldError](err); ok {
		return BadRequest("%s", f.Error())
	}
	if f, ok := errors.AsType[*vault.InvalidError](err); ok {
		return BadRequest("%s", f.Error())
	}
	if f, ok := errors.AsType[*vault.ElsewhereError](err); ok {
		return Conflict("%s", f.Error())
	}
	if f, ok := errors.AsType[*api.NotScheduledError](err); ok {
		return NotFound("%s", f.Error())
	}
	if f, ok := errors.AsType[*api.ConflictError](err); ok {
		return Conflict("%s", f.Error())
	}
	if f, ok := errors.AsType[*api.BrokenError](err); ok {
		return Conflict("%s", f.Error())
	}
	if f, ok := errors.AsType[*access.DeniedError](err); ok {
		return Errorf(http.StatusForbidden, "%s", f.Error())
	}
	switch {
	case errors.Is(err, api.ErrNotFound):
		return NotFound("%s", err.Error())
	case errors.Is(err, api.ErrExists), errors.Is(err, api.ErrAtWork):
		return Conflict("%s", err.Error())
	default:
		return nil
	}
}

// faultOf is that, or nil when nobody waits for the answer. What went wrong here is logged.
func (s *Server) faultOf(r *http.Request, err error) *Error {
	if f := ErrorOf(err); f != nil {
		if _, ok := errors.AsType[*api.BrokenError](err); ok { // it has what is written in the file
			f.Detail = s.masked(err)
		}
		return f
	}
	if r.Context().Err() != nil {
		return nil //nolint:nilerr // nobody waits
	}
	s.o.Log.Error("answer a call", "method", r.Method, "path", r.URL.Path, "error", s.masked(err))
	return &Error{Status: http.StatusInternalServerError, Detail: Refusal{
		Reason: "Internal error", Statement: "hidden", OrigError: "hidden", Message: "the log says why",
	}}
}

// refuse writes an error.
func (s *Server) refuse(w http.ResponseWriter, f *Error) {
	maps.Copy(w.Header(), f.Header)
	s.sendJSON(w, f.Status, map[string]any{"detail": f.Detail})
}
