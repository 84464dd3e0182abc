// Package resttest is what the tests of the families of the REST API share: a look whether answers are as their document says.
package resttest

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/web/rest"
)

// Document is the OpenAPI document of a server. It is read when it is first needed.
type Document struct {
	// Server is asked for it at Path with the token Token. Below Base are its operations.
	Server            *rest.Server
	Base, Path, Token string

	mu       sync.Mutex
	compiler *jsonschema.Compiler
}

// Validate checks an answer against the schema that the document has for its status.
func (d *Document) Validate(t *testing.T, r *http.Request, rec *httptest.ResponseRecorder) {
	t.Helper()
	path := strings.NewReplacer("~", "~0", "/", "~1", "{", "%7B", "}", "%7D").Replace(strings.ReplaceAll(d.Of(r), "...}", "}"))
	s := d.schema(t, "doc.json#/paths/"+path+"/"+strings.ToLower(r.Method)+"/responses/"+strconv.Itoa(rec.Code)+"/content/application~1json/schema")
	value, err := jsonschema.UnmarshalJSON(strings.NewReader(rec.Body.String()))
	require.NoError(t, err)
	assert.NoError(t, s.Validate(value), "%s %s: %s", r.Method, r.URL, rec.Body)
}

// schema is the one at a place of the document.
func (d *Document) schema(t *testing.T, at string) *jsonschema.Schema {
	t.Helper()
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.compiler == nil {
		doc := httptest.NewRecorder()
		ask := httptest.NewRequestWithContext(t.Context(), http.MethodGet, d.Path, http.NoBody)
		ask.Header.Set("Authorization", "Bearer "+d.Token)
		d.Server.ServeHTTP(doc, ask)
		require.Equal(t, http.StatusOK, doc.Code, doc.Body.String())
		parsed, err := jsonschema.UnmarshalJSON(doc.Body)
		require.NoError(t, err)
		c := jsonschema.NewCompiler()
		require.NoError(t, c.AddResource("doc.json", parsed))
		d.compiler = c
	}
	s, err := d.compiler.Compile(at)
	require.NoError(t, err, at)
	return s
}

// Of is the path of the operation that answers a request, with Base; empty for none.
func (d *Document) Of(r *http.Request) string {
	all := strings.Split(strings.TrimPrefix(r.URL.EscapedPath(), d.Base), "/")
	best, score := "", -1
	for _, op := range d.Server.Operations() {
		names, parts := strings.Split(op.Path, "/"), all
		if last := len(names) - 1; strings.HasSuffix(op.Path, "...}") && len(parts) > last {
			parts = append(slices.Clone(parts[:last]), strings.Join(parts[last:], "/"))
		}
		if op.Method != r.Method || len(names) != len(parts) {
			continue
		}
		n := 0
		for i, name := range names {
			switch {
			case name == parts[i]:
				n++
			case !strings.HasPrefix(name, "{"):
				n = -len(names) // it is another path
			}
		}
		if n > score {
			best, score = d.Base+op.Path, n
		}
	}
	return best
}
