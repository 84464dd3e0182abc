// Package rest serves Airflow's public REST API (version 3, below /api/v2): what its tools call, with its
// names, filters, pages and errors; and below /api/dingdag, in the same form, what Airflow has not. This package has the conventions; the families of calls are packages
// below it, which ask the api and know no store.
//
// A family is added in three steps:
//
//  1. A package below this one with a type that holds what its calls ask, and a method for each call. The
//     input of a call is a struct: fields with a path tag come from the path (* is its last name), those with a query tag from
//     the query, and a field named Body from the body. [Page], [Order], [Range], [Pattern] and the tags
//     default, required, enum, minimum, maximum, minLength, maxLength, pattern and zone say what is
//     accepted, to the binder and to the OpenAPI document alike. The output is a struct whose fields are
//     always present; a pointer is null when there is nothing.
//  2. A function Routes(s *rest.Server, …) that names each call once with [Register], by the operation of
//     Airflow: its id, path, [access.Action] and status. An error of a call is a [*Error], or one of the api, which
//     [ErrorOf] translates.
//  3. A line in cli's wiring that calls it, and a line for each call in airflow/testdata/airflow.txt.
package rest

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/dingdag/dingdag/access"
)

// Base is the path of all calls of Airflow's API, and Own that of the calls that Airflow has not.
const (
	Base = "/api/v2"
	Own  = "/api/dingdag"
)

// AirflowVersion is the release whose API is served. Tools choose by it how they talk.
const AirflowVersion = "3.2.1"

// maxBody is how long the body of a request may be.
const maxBody = 1 << 20

// Options are what a [Server] stands on. All but Base, Path, Mask and Sensitive are required.
type Options struct {
	// Base is the path of all calls: [Base], which is the default, or [Own].
	Base string
	// Path is the path below which people reach the server, before that of all calls, without a slash at its end.
	Path string
	// Guard says who asks, and what they may do.
	Guard Guard
	// DAGs knows what the right to a DAG depends on.
	DAGs Knower
	// Version is that of this program.
	Version string
	// Mask hides secrets in errors that are logged, and in what is kept of a request.
	Mask func(string) string
	// Sensitive says by a name whether something is a secret. Nil goes by Airflow's list.
	Sensitive func(name string) bool
	Clock     func() time.Time
	Log       *slog.Logger
}

// Server answers the calls that are registered with it. It may be used by several at once when all are.
type Server struct {
	o      Options
	routes *router
	calls  huma.Adapter
	doc    *huma.OpenAPI
	list   []Operation
	bodies map[reflect.Type]bool
	// served is the document as it is sent.
	served func() ([]byte, error)
}

// documentPath is where the OpenAPI document is.
func (s *Server) documentPath() string {
	if s.o.Base == Own {
		return Own + "/openapi.json"
	}
	return "/openapi.json"
}

// New returns a server with the calls about itself: its document, and of Airflow's API its version.
func New(o Options) *Server {
	o.Base = cmp.Or(o.Base, Base)
	s := &Server{o: o, routes: &router{}, doc: newDocument(&o), bodies: map[reflect.Type]bool{}}
	s.calls = humago.NewAdapter(s.routes, "")
	s.served = s.document()
	if o.Path != "" {
		s.doc.Servers = []*huma.Server{{URL: o.Path}}
	}
	s.routes.HandleFunc("GET "+s.documentPath(), s.openAPI)
	if o.Base == Own {
		return s
	}
	Register(s, Operation{ID: "get_version", Method: http.MethodGet, Path: "/version", Tag: "Version", Public: true}, s.version)
	return s
}

// Version is what is served, by Airflow's and by our own number.
type Version struct {
	Version    string  `json:"version"`
	GitVersion *string `json:"git_version"`
}

func (s *Server) version(context.Context, *struct{}) (*Version, error) {
	return &Version{AirflowVersion, new("dingdag " + s.o.Version)}, nil
}

// Clock is the time of the server.
func (s *Server) Clock() time.Time { return s.o.Clock() }

// Log is where the server writes what goes wrong.
func (s *Server) Log() *slog.Logger { return s.o.Log }

// Operation is a call: what Airflow's document says of it.
type Operation struct {
	// ID is Airflow's name of the operation, under which changes are kept among the events.
	ID, Method string
	// Path is that below [Options.Base]. {dag_id} and the like are fields of the input; {key...} has slashes too.
	Path, Tag, Summary string
	// Status is that of an answer without an error; 200 when it is 0. With 204 there is no body.
	Status int
	// Action is what somebody must be allowed to do, [access.Read] by default: to the DAG of the path, or
	// where the path has none to what belongs to no single DAG.
	Action access.Action
	// Many says that the call is about many DAGs and sees to the rights to each.
	Many bool
	// Whole says that the call is about all DAGs, so that it is for nobody who is limited to some.
	Whole bool
	// Public asks for no login.
	Public bool
	// Secret are names of fields of the body, at any depth, whose values are kept nowhere.
	Secret []string
	// Produces are the content types of an answer that is not JSON alone.
	Produces []string
}

// Operations are the calls that are registered, in the order in which they were.
func (s *Server) Operations() []Operation { return slices.Clone(s.list) }

// Routes are the patterns of all calls.
func (s *Server) Routes() []string {
	out := []string{"GET " + s.documentPath()}
	for _, op := range s.list {
		out = append(out, op.Method+" "+s.o.Base+op.Path)
	}
	return out
}

// Raw is an answer that is not a JSON value: a log, or a file. The output of a call may be one.
type Raw struct {
	// Write sends the answer, its header first.
	Write func(w http.ResponseWriter)
}

// raw is it.
func (r *Raw) raw() *Raw { return r }

// Text is a bare text.
func Text(text string) *Raw {
	return &Raw{Write: func(w http.ResponseWriter) {
		h := w.Header()
		h.Set("Content-Type", "text/plain; charset=utf-8")
		h.Set("Content-Length", strconv.Itoa(len(text)))
		h.Set("X-Content-Type-Options", "nosniff")
		w.WriteHeader(http.StatusOK)
		_, _ = w.Write([]byte(text)) // nobody is left to tell
	}}
}

// Either is an answer that is a JSON value unless it is Raw. The document has the value.
type Either[T any] struct {
	Value T
	Raw   *Raw
}

func (e *Either[T]) raw() *Raw { return e.Raw }

// MarshalJSON writes the value.
func (e *Either[T]) MarshalJSON() ([]byte, error) { return encode(&e.Value) }

// Schema describes the value.
func (*Either[T]) Schema(r huma.Registry) *huma.Schema {
	return r.Schema(reflect.TypeFor[T](), true, "")
}

// Null is the answer null.
type Null struct{}

// MarshalJSON writes null.
func (*Null) MarshalJSON() ([]byte, error) { return []byte("null"), nil }

// Schema describes it.
func (*Null) Schema(huma.Registry) *huma.Schema { return &huma.Schema{Type: "null"} }

// rawType is that of a raw answer.
var rawType = reflect.TypeFor[Raw]() //nolint:gochecknoglobals // a constant

// complete fills in the defaults.
func (op *Operation) complete() {
	if op.Status == 0 {
		op.Status = http.StatusOK
	}
	if op.Action == 0 {
		op.Action = access.Read
	}
}

// Describe adds a call to the document that another handler answers.
func Describe[In, Out any](s *Server, op Operation) {
	op.complete()
	s.describe(op, bindingOf(reflect.TypeFor[In](), op.Path), reflect.TypeFor[Out]())
}

// Register adds a call. What is wrong with the types of its input and output is a mistake of the program,
// which ends it.
func Register[In, Out any](s *Server, op Operation, call func(context.Context, *In) (*Out, error)) {
	op.complete()
	in := bindingOf(reflect.TypeFor[In](), op.Path)
	s.list = append(s.list, op)
	described := s.describe(op, in, reflect.TypeFor[Out]())
	s.calls.Handle(described, func(hc huma.Context) {
		r, w := humago.Unwrap(hc)
		ctx, fault := s.admit(r, &op)
		if fault == nil {
			input := new(In)
			said := s.listen(r, &op)
			if fault = in.bind(r, reflect.ValueOf(input).Elem()); fault == nil {
				out, err := call(said(ctx), input)
				if err == nil {
					s.answer(w, op.Status, out)
					return
				}
				fault = s.faultOf(r, err)
			}
		}
		if fault != nil {
			s.refuse(w, fault)
		}
	})
}

// ServeHTTP answers a request for a path below that of all calls or for the OpenAPI document.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Body != nil {
		r.Body = http.MaxBytesReader(w, r.Body, maxBody)
	}
	calls, _ := s.routes.at(r.URL)
	switch {
	case of(calls, r.Method) != nil:
		s.routes.ServeHTTP(w, r)
	case len(calls) > 0:
		s.refuse(w, &Error{Status: http.StatusMethodNotAllowed, Detail: "Method Not Allowed", Header: http.Header{"Allow": {strings.Join(methods(calls), ", ")}}})
	default:
		if to := s.withoutSlash(r.URL); to != "" {
			w.Header().Set("Location", to)
			s.send(w, http.StatusTemporaryRedirect, nil)
			return
		}
		s.sendJSON(w, http.StatusNotFound, map[string]string{"error": "API route not found"})
	}
}

// withoutSlash is where a path leads to that has a slash too many at its end; empty for nowhere.
func (s *Server) withoutSlash(from *url.URL) string {
	path, ok := strings.CutSuffix(from.Path, "/")
	if !ok || !strings.HasPrefix(path, s.o.Base+"/") {
		return ""
	}
	u := *from
	u.Path, u.RawPath = path, strings.TrimSuffix(u.RawPath, "/")
	if calls, _ := s.routes.at(&u); len(calls) == 0 {
		return ""
	}
	return s.o.Path + u.RequestURI()
}

// answer writes what a call found.
func (s *Server) answer(w http.ResponseWriter, status int, out any) {
	if may, ok := out.(interface{ raw() *Raw }); ok {
		if raw := may.raw(); raw != nil {
			raw.Write(w)
			return
		}
	}
	if status == http.StatusNoContent {
		w.WriteHeader(status)
		return
	}
	s.sendJSON(w, status, out)
}

// sendJSON writes a value.
func (s *Server) sendJSON(w http.ResponseWriter, status int, value any) {
	b, err := encode(value)
	if err != nil {
		s.o.Log.Error("answer a call", "error", s.masked(err))
		status, b = http.StatusInternalServerError, []byte(`{"detail":"the answer cannot be written: the log says why"}`)
	}
	s.send(w, status, b)
}

func (s *Server) send(w http.ResponseWriter, status int, body []byte) {
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	if _, err := w.Write(body); err != nil {
		s.o.Log.Debug("answer a call", "error", err) // nobody is left to tell
	}
}

// encode is a value as JSON on one line.
func encode(value any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(value); err != nil {
		return nil, err
	}
	return bytes.TrimRight(b.Bytes(), "\n"), nil
}

// masked is the text of an error for the log.
func (s *Server) masked(err error) string {
	if s.o.Mask == nil {
		return err.Error()
	}
	return s.o.Mask(err.Error())
}
