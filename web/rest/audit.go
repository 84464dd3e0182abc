package rest

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"unicode/utf8"

	"github.com/dingdag/dingdag/access"
	"github.com/dingdag/dingdag/connections"
)

// mostKept is how many bytes of what is sent are kept with each event of a change.
const mostKept = 2 << 10

// stars stand in place of a secret.
const stars = "***"

// listen notes what is sent with a request that may change something. What it returns adds that to a context, once the
// body has been read.
func (s *Server) listen(r *http.Request, op *Operation) func(context.Context) context.Context {
	if r.Method == http.MethodGet || r.Method == http.MethodHead || op.Action == access.Read {
		return func(ctx context.Context) context.Context { return ctx }
	}
	var body bytes.Buffer
	if r.Body != nil {
		r.Body = struct {
			io.Reader
			io.Closer
		}{io.TeeReader(r.Body, &body), r.Body}
	}
	return func(ctx context.Context) context.Context {
		return access.WithRequest(ctx, access.Request{Operation: op.ID, Body: s.kept(r, op, body.Bytes())})
	}
}

// ofDAGs are the parts of paths that events have by themselves.
func ofDAGs() []string { return []string{"dag_id", "dag_run_id", "task_id", "map_index"} }

// kept is what is kept of a request: the parts of its path, its query and its body, without secrets.
func (s *Server) kept(r *http.Request, op *Operation, body []byte) string {
	all := map[string]any{}
	for _, name := range namesIn(op.Path) {
		if !slices.Contains(ofDAGs(), name) {
			all[name] = r.PathValue(name)
		}
	}
	for name, values := range r.URL.Query() {
		if all[name] = any(values); len(values) == 1 {
			all[name] = values[0]
		}
	}
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	var sent map[string]any
	if d.Decode(&sent) == nil {
		maps.Copy(all, sent)
	}
	hidden, ok := s.hide("", any(all), op).(map[string]any)
	if !ok || len(hidden) == 0 {
		return ""
	}
	text, err := encode(hidden)
	if err != nil {
		return "" // what was decoded can be encoded
	}
	if len(text) <= mostKept {
		return string(text)
	}
	for name, v := range hidden {
		if b, err := encode(v); err == nil && len(b) > mostKept/8 { //nolint:mnd // an eighth
			hidden[name] = fmt.Sprintf("%d bytes", len(b))
		}
	}
	if text, err = encode(hidden); err != nil || len(text) > mostKept {
		return fmt.Sprintf(`{"request":"%d bytes"}`, len(body))
	}
	return string(text)
}

// hide is a value without secrets.
func (s *Server) hide(name string, value any, op *Operation) any {
	if name != "" && value != nil && (slices.Contains(op.Secret, name) || s.sensitive(name)) {
		return stars
	}
	switch v := value.(type) {
	case map[string]any:
		out := make(map[string]any, len(v))
		for k, member := range v {
			out[k] = s.hide(k, member, op)
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i, member := range v {
			out[i] = s.hide("", member, op)
		}
		return out
	case []string:
		out := make([]any, len(v))
		for i, member := range v {
			out[i] = s.hide("", member, op)
		}
		return out
	case string:
		if !utf8.ValidString(v) {
			return stars
		}
		if s.o.Mask != nil {
			return s.o.Mask(v)
		}
		return v
	default:
		return value
	}
}

func (s *Server) sensitive(name string) bool {
	if s.o.Sensitive != nil {
		return s.o.Sensitive(name)
	}
	return connections.SensitiveName(name)
}
