// Package v1 serves version 1 of Airflow's REST API, that of Airflow 2, for tools that do not speak version 2 yet. It has no
// calls of its own: it asks those of version 2 and translates names, shapes, pages and errors.
package v1

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/dingdag/dingdag/web/rest"
)

// Base is the path of all calls.
const Base = "/api/v1"

// maxBody is how long the body of a request may be.
const maxBody = 1 << 20

// Server answers the calls of version 1, and leaves all others to that of version 2. It may be used by several at once.
type Server struct {
	v2    *rest.Server
	calls []route
}

// New returns a server in front of one of version 2.
func New(v2 *rest.Server) *Server {
	s := &Server{v2: v2}
	s.routes()
	return s
}

// route is a call.
type route struct {
	method, path string
	parts        []string
	answer       func(*call) (any, error)
}

// add adds a call for a path below [Base]; {name} is one part of it, {name...} all that follow.
func (s *Server) add(method, path string, answer func(*call) (any, error)) {
	s.calls = append(s.calls, route{method, path, strings.Split(path, "/")[1:], answer})
}

// Routes are the patterns of all calls, those of version 2 among them.
func (s *Server) Routes() []string {
	out := s.v2.Routes()
	for _, r := range s.calls {
		out = append(out, r.method+" "+Base+r.path)
	}
	return out
}

// match returns the parts of a path that have names, or false.
func (r *route) match(parts []string) (map[string]string, bool) {
	names := map[string]string{}
	for i, p := range r.parts {
		if name, ok := strings.CutSuffix(p, "...}"); ok && len(parts) > i {
			names[name[1:]] = strings.Join(parts[i:], "/")
			return names, true
		}
		switch {
		case i >= len(parts):
			return nil, false
		case p[0] == '{' && parts[i] != "":
			names[strings.Trim(p, "{}")] = parts[i]
		case p != parts[i]:
			return nil, false
		}
	}
	return names, len(parts) == len(r.parts)
}

// ServeHTTP answers a request.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	below, ok := strings.CutPrefix(r.URL.EscapedPath(), Base+"/")
	if !ok {
		s.v2.ServeHTTP(w, r)
		return
	}
	parts := strings.Split(below, "/")
	for i, p := range parts {
		text, err := url.PathUnescape(p)
		if err != nil {
			refuse(w, problem(http.StatusNotFound, "the path is not escaped as it must be"))
			return
		}
		parts[i] = text
	}
	var allowed []string
	for i := range s.calls {
		at := &s.calls[i]
		names, ok := at.match(parts)
		if !ok {
			continue
		}
		if at.method != r.Method && (at.method != http.MethodGet || r.Method != http.MethodHead) {
			allowed = append(allowed, at.method)
			continue
		}
		s.serve(w, r, at, names)
		return
	}
	if len(allowed) > 0 {
		w.Header().Set("Allow", strings.Join(allowed, ", "))
		refuse(w, problem(http.StatusMethodNotAllowed, "this path takes "+strings.Join(allowed, ", ")))
		return
	}
	refuse(w, problem(http.StatusNotFound, "version 1 of the API has no such path here: "+rest.Base+" has more"))
}

func (s *Server) serve(w http.ResponseWriter, r *http.Request, at *route, names map[string]string) {
	c := &call{s: s, w: w, r: r, names: names, query: query(r.URL.Query()), body: map[string]any{}}
	value, err := c.run(at)
	var p *ProblemError
	switch {
	case errors.As(err, &p):
		refuse(w, p)
	case err != nil:
		s.v2.Log().Error("answer a call of version 1", "method", r.Method, "path", r.URL.Path, "error", err)
		refuse(w, problem(http.StatusInternalServerError, "the log says why"))
	case c.done:
	case value == nil:
		w.WriteHeader(http.StatusNoContent)
	default:
		send(w, http.StatusOK, "application/json", value)
	}
}

func (c *call) run(at *route) (any, error) {
	if at.method != http.MethodGet && at.method != http.MethodDelete {
		if err := c.readBody(); err != nil {
			return nil, err
		}
	}
	return at.answer(c)
}

// call is a request for a call.
type call struct {
	s     *Server
	w     http.ResponseWriter
	r     *http.Request
	names map[string]string
	query url.Values
	body  object
	// done says that the answer is written.
	done bool
}

// object is a JSON object, with numbers as they were written.
type object = map[string]any

// readBody reads an object; none is an empty one.
func (c *call) readBody() error {
	text, err := io.ReadAll(http.MaxBytesReader(c.w, c.r.Body, maxBody))
	if long, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return problem(http.StatusRequestEntityTooLarge, fmt.Sprintf("the body is longer than %d bytes", long.Limit))
	}
	if err != nil {
		return problem(http.StatusBadRequest, "the body cannot be read: "+err.Error())
	}
	if len(bytes.TrimSpace(text)) == 0 {
		return nil
	}
	value, err := decode(text)
	o, ok := value.(object)
	if err != nil || !ok {
		return problem(http.StatusBadRequest, "the body must be a JSON object")
	}
	c.body = o
	return nil
}

func decode(text []byte) (value any, err error) {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	err = d.Decode(&value)
	return value, err
}

// renamed are parameters, fields and orders that have another name in version 2.
var renamed = map[string]string{ //nolint:gochecknoglobals // a constant
	"execution_date": "logical_date", "execution_date_gte": "logical_date_gte", "execution_date_lte": "logical_date_lte", "only_active": "exclude_stale",
	"dataset_id": "asset_id",
}

// lists are parameters whose values stand in one text, with commas.
var lists = []string{"tags", "state", "pool", "queue", "executor", "update_mask", "dag_ids", "included_events", "excluded_events"} //nolint:gochecknoglobals // a constant

const pageSize = "100"

// query is a query as version 2 has it, with the page that version 1 has by default.
func query(q url.Values) url.Values {
	out := url.Values{}
	for name, values := range q {
		if slices.Contains(lists, name) {
			values = strings.Split(strings.Join(values, ","), ",")
		}
		if to, ok := renamed[name]; ok {
			name = to
		}
		if name == "order_by" {
			for i, v := range values {
				sign := ""
				if rest, ok := strings.CutPrefix(v, "-"); ok {
					v, sign = rest, "-"
				}
				if to, ok := renamed[v]; ok {
					v = to
				}
				values[i] = sign + v
			}
		}
		out[name] = values
	}
	if l := out.Get("limit"); l == "" || l == "0" {
		out.Set("limit", pageSize)
	}
	return out
}

// path is a path of version 2, with its parts escaped.
func path(format string, parts ...string) string {
	escaped := make([]any, len(parts))
	for i, p := range parts {
		escaped[i] = url.PathEscape(p)
	}
	return fmt.Sprintf(format, escaped...)
}

// answer keeps what version 2 answers.
type answer struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (a *answer) Header() http.Header         { return a.header }
func (a *answer) Write(b []byte) (int, error) { return a.body.Write(b) }
func (a *answer) WriteHeader(status int)      { a.status = status }

// request is one for version 2 by whoever asks.
func (c *call) request(method, path string, q url.Values, body any) (*http.Request, error) {
	u, err := url.Parse(rest.Base + path)
	if err != nil {
		return nil, err
	}
	u.RawQuery = q.Encode()
	r := c.r.Clone(c.r.Context())
	r.Method, r.URL, r.Body, r.ContentLength = method, u, http.NoBody, 0
	r.Header.Set("Accept", "application/json")
	if body != nil {
		text, err := json.Marshal(body)
		if err != nil {
			return nil, err
		}
		r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(text)), int64(len(text))
		r.Header.Set("Content-Type", "application/json")
	}
	return r, nil
}

// ask asks version 2. The error is a [*ProblemError] when it refuses.
func (c *call) ask(method, path string, q url.Values, body any) (any, error) {
	r, err := c.request(method, path, q, body)
	if err != nil {
		return nil, err
	}
	a := &answer{header: http.Header{}, status: http.StatusOK}
	c.s.v2.ServeHTTP(a, r)
	if a.status >= http.StatusBadRequest {
		return nil, refused(a)
	}
	if a.status == http.StatusNoContent || a.body.Len() == 0 {
		return nil, nil //nolint:nilnil // there is no body
	}
	return decode(a.body.Bytes())
}

// get asks for an object.
func (c *call) get(path string, q url.Values) (object, error) {
	return c.objectOf(http.MethodGet, path, q, nil)
}

func (c *call) objectOf(method, path string, q url.Values, body any) (object, error) {
	value, err := c.ask(method, path, q, body)
	if err != nil {
		return nil, err
	}
	o, ok := value.(object)
	if !ok {
		return nil, fmt.Errorf("version 2 answers %T to %s %s", value, method, path)
	}
	return o, nil
}

// ProblemError is an error of version 1 (RFC 7807).
type ProblemError struct {
	Type   string `json:"type"`
	Title  string `json:"title"`
	Status int    `json:"status"`
	Detail string `json:"detail"`
}

func (p *ProblemError) Error() string { return p.Detail }

const problems = "https://airflow.apache.org/docs/apache-airflow/2.10.5/stable-rest-api-ref.html#section/Errors/"

func problem(status int, detail string) *ProblemError {
	kind := map[int]string{
		http.StatusBadRequest: "BadRequest", http.StatusUnauthorized: "Unauthenticated", http.StatusForbidden: "PermissionDenied", http.StatusNotFound: "NotFound",
		http.StatusMethodNotAllowed: "MethodNotAllowed", http.StatusNotAcceptable: "NotAcceptable", http.StatusConflict: "AlreadyExists",
	}[status]
	if kind == "" {
		kind = "Unknown"
	}
	return &ProblemError{problems + kind, http.StatusText(status), status, detail}
}

// refused is how version 2 refuses, in the words of version 1.
func refused(a *answer) error {
	status := a.status
	if status == http.StatusUnprocessableEntity {
		status = http.StatusBadRequest
	}
	value, err := decode(a.body.Bytes())
	if err != nil {
		return fmt.Errorf("version 2 answers %d with no JSON: %w", a.status, err)
	}
	o, _ := value.(object)
	switch d := o["detail"].(type) {
	case string:
		return problem(status, d)
	case object:
		return problem(status, fmt.Sprint(d["message"]))
	case []any:
		var texts []string
		for _, p := range d {
			of, _ := p.(object)
			loc, _ := of["loc"].([]any)
			var at []string
			for _, l := range loc {
				at = append(at, fmt.Sprint(l))
			}
			if len(at) > 1 {
				at = at[1:] // not where it is in the request
			}
			texts = append(texts, strings.Join(at, ".")+": "+fmt.Sprint(of["msg"]))
		}
		return problem(status, strings.Join(texts, "; "))
	default:
		return problem(status, http.StatusText(status))
	}
}

func refuse(w http.ResponseWriter, p *ProblemError) {
	if p.Status == http.StatusUnauthorized {
		w.Header().Set("Www-Authenticate", `Basic realm="dingdag"`)
	}
	send(w, p.Status, "application/problem+json", p)
}

func send(w http.ResponseWriter, status int, kind string, value any) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(value); err != nil { // what was decoded is encoded
		panic(fmt.Sprintf("v1: %v", err))
	}
	w.Header().Set("Content-Type", kind)
	w.Header().Set("Content-Length", strconv.Itoa(b.Len()))
	w.WriteHeader(status)
	_, _ = w.Write(b.Bytes()) // nobody is left to tell
}

// moment is a moment as version 2 writes it.
func moment(t time.Time) string { return rest.At(t.Truncate(time.Millisecond)).String() }

// take is a body with the fields that are named, as far as it has them, and an error for any other.
func (c *call) take(names ...string) (object, error) {
	out := object{}
	for _, name := range slices.Sorted(maps.Keys(c.body)) {
		if !slices.Contains(names, name) {
			return nil, problem(http.StatusBadRequest, name+": unknown field")
		}
		out[name] = c.body[name]
	}
	return out, nil
}
