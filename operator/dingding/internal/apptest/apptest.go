// Package apptest holds the checks that the operators of app calls must pass: against the examples
// of DingTalk's pages, and against the sandbox.
package apptest

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/connections"
	"github.com/dingdag/dingdag/hook"
	"github.com/dingdag/dingdag/operator"
	"github.com/dingdag/dingdag/operator/operatortest"
	"github.com/dingdag/dingdag/params"
)

// AppSecret is that of the app of a [DingTalk].
const AppSecret = "s3cr3t-of-the-app"

// Suite tests the operators that a Specs function declares.
type Suite func(*hook.DingdingHook) []operator.Spec

// Fact is the example of one call on DingTalk's pages.
type Fact struct {
	Method  string `json:"method"`
	Path    string `json:"path"`
	Request struct {
		Path  map[string]string `json:"path"`
		Query map[string]any    `json:"query"`
		Body  any               `json:"body"`
		// Calls are those of an operation that takes several.
		Calls []struct {
			Method string `json:"method"`
			Path   string `json:"path"`
			Body   any    `json:"body"`
		} `json:"calls"`
	} `json:"request"`
	Response any `json:"response"`
}

// Facts are the examples by the name of the call, from the hook's test data.
func Facts(t *testing.T) map[string]Fact {
	t.Helper()
	root, err := filepath.Abs(".")
	require.NoError(t, err)
	for filepath.Base(root) != "operator" {
		require.NotEqual(t, root, filepath.Dir(root), "the test lies below the folder operator")
		root = filepath.Dir(root)
	}
	data, err := os.ReadFile(filepath.Join(root, "..", "hook", "testdata", "operations.json")) //nolint:gosec // a file of ours
	require.NoError(t, err)
	var read struct {
		Operations map[string]Fact `json:"operations"`
	}
	require.NoError(t, json.Unmarshal(data, &read))
	return read.Operations
}

// DingTalk answers each call as the example on its page.
type DingTalk struct {
	*httptest.Server
	mu    sync.Mutex
	calls []Call
	// answers go before those of the examples, by "METHOD /path".
	answers map[string]http.HandlerFunc
}

// Call is a request that a [DingTalk] got.
type Call struct {
	Call  string // "METHOD /path"
	Query url.Values
	Body  string
}

var inBraces = regexp.MustCompile(`\\\{[^}]+\\\}`)

// Start starts a DingTalk that ends with the test.
func Start(t *testing.T) *DingTalk {
	t.Helper()
	d := &DingTalk{answers: map[string]http.HandlerFunc{}}
	known := Facts(t)
	d.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		assert.NoError(t, err)
		query := r.URL.Query()
		query.Del("access_token")
		call := r.Method + " " + r.URL.EscapedPath()
		d.mu.Lock()
		if call != "GET /gettoken" && call != "POST /v1.0/oauth2/accessToken" {
			d.calls = append(d.calls, Call{call, query, string(body)})
		}
		answer := d.answers[call]
		d.mu.Unlock()
		if answer != nil {
			answer(w, r)
			return
		}
		for _, f := range known {
			pattern := inBraces.ReplaceAllString(regexp.QuoteMeta(f.Method+" "+f.Path), "[^/]+")
			if regexp.MustCompile("^" + pattern + "$").MatchString(call) {
				assert.NoError(t, json.NewEncoder(w).Encode(f.Response))
				return
			}
		}
		t.Errorf("no facts about %s", call)
	}))
	t.Cleanup(d.Close)
	return d
}

// Answer makes the next calls of a path give a text.
func (d *DingTalk) Answer(call string, status int, texts ...string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	next := 0
	d.answers[call] = func(w http.ResponseWriter, _ *http.Request) {
		d.mu.Lock()
		text := texts[min(next, len(texts)-1)]
		next++
		d.mu.Unlock()
		w.WriteHeader(status)
		_, _ = io.WriteString(w, text) // a client that went away misses nothing
	}
}

// Got are the calls until now, those for tokens left out.
func (d *DingTalk) Got() []Call {
	d.mu.Lock()
	defer d.mu.Unlock()
	return append([]Call(nil), d.calls...)
}

// Task has a connection to the app whose calls go to d.
func (d *DingTalk) Task(t *testing.T) *operatortest.Task {
	t.Helper()
	task := operatortest.NewTask(t)
	task.Conns["dingtalk_default"] = &connections.Connection{
		ID: "dingtalk_default", Type: "dingtalk", Host: &d.URL, Login: new("dingabc123"), Password: new(connections.Secret(AppSecret)),
		Extra: new(connections.Secret(`{"qps": 0, "agent_id": 1234567890, "operator_user_id": "u001"}`)),
	}
	return task
}

// Spec is the spec of a name.
func (s Suite) Spec(t *testing.T, name string) operator.Spec {
	t.Helper()
	h := hook.New(nil)
	t.Cleanup(h.CloseIdleConnections)
	return operatortest.Suite(s(h)).Spec(t, name)
}

// Case is what the first example of an operator sends and gives.
type Case struct {
	// Calls are the facts whose example requests it sends, in order.
	Calls []string
	// Want is the result as JSON.
	Want string
	// Secrets must not show, beside those of the app.
	Secrets []string
}

// Check runs [operatortest.Check] for operators by name, and compares what the first example of
// each sends and gives.
func (s Suite) Check(t *testing.T, tests map[string]Case) {
	t.Helper()
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			operatortest.Check(t, s.Spec(t, name), operatortest.Options{
				Task:    func(t *testing.T) *operatortest.Task { t.Helper(); return Start(t).Task(t) },
				Secrets: append(tt.Secrets, AppSecret, "3f1c9f6b5d0e3c6e8a17", "fw8ef8we8f76e6f7s8dxxxx"),
			})
			t.Run("sends what the page shows", func(t *testing.T) {
				t.Parallel()
				d := Start(t)
				got, err := s.Exec(t, d.Task(t), name, s.Spec(t, name).Examples[0].YAML)
				require.NoError(t, err)
				encoded, err := json.Marshal(got)
				require.NoError(t, err)
				assert.JSONEq(t, tt.Want, string(encoded))
				CheckCalls(t, tt.Calls, d.Got())
			})
		})
	}
}

// CheckCalls compares calls with the example requests of facts.
func CheckCalls(t *testing.T, want []string, got []Call) {
	t.Helper()
	known := Facts(t)
	require.Len(t, got, len(want), "%v", got)
	for i, id := range want {
		f, found := known[id]
		require.True(t, found, id)
		path := f.Path
		for name, value := range f.Request.Path {
			path = strings.Replace(path, "{"+name+"}", strings.NewReplacer("+", "%20", "%3A", ":").Replace(url.QueryEscape(value)), 1)
		}
		assert.Equal(t, f.Method+" "+path, got[i].Call)
		query := url.Values{}
		for name, value := range f.Request.Query {
			encoded, err := json.Marshal(value)
			require.NoError(t, err)
			query.Set(name, strings.Trim(string(encoded), `"`))
		}
		assert.Equal(t, query, got[i].Query, id)
		if fields, ok := f.Request.Body.(map[string]any); ok && fields["media"] == nil {
			var body any
			require.NoError(t, json.Unmarshal([]byte(got[i].Body), &body), id)
			assert.Equal(t, unpack(t, fields), unpack(t, body), id)
		}
	}
}

// unpack decodes the JSON text that stands in msgParam, whose keys may have any order.
func unpack(t *testing.T, body any) any {
	t.Helper()
	fields, _ := body.(map[string]any)
	if text, ok := fields["msgParam"].(string); ok {
		var param any
		require.NoError(t, json.Unmarshal([]byte(text), &param))
		fields["msgParam"] = param
	}
	return body
}

// Exec runs an operator with parameters.
func (s Suite) Exec(t *testing.T, task *operatortest.Task, name, text string) (any, error) {
	t.Helper()
	op, problems := s.Spec(t, name).Decode(operatortest.Parameters(t, text))
	require.False(t, params.Failed(problems), "%v", problems)
	return op.Execute(t.Context(), task.TaskContext)
}

// Bad are bad parameters: the name of an operator, its YAML, the parameter that is refused, and
// what is said about it.
type Bad [4]string

// CheckBad checks that parameters are refused when the file is read, and that the same
// values are when they come out of templates, before any call.
func (s Suite) CheckBad(t *testing.T, tests []Bad) {
	t.Helper()
	for _, tt := range tests {
		name, text, field, want := tt[0], tt[1], tt[2], tt[3]
		t.Run(name+" "+field+" "+want, func(t *testing.T) {
			t.Parallel()
			op, problems := s.Spec(t, name).Decode(operatortest.Parameters(t, text))
			require.Len(t, problems, 1)
			assert.Equal(t, field, problems[0].Field)
			assert.Contains(t, problems[0].Text, want)
			if v, ok := op.(params.Validator); !ok || v.Validate() == nil {
				return // found by the tag, which needs no second look: it is for no template
			}
			d := Start(t)
			_, err := op.Execute(t.Context(), d.Task(t).TaskContext)
			assert.Equal(t, operator.Failed, operator.Classify(t.Context(), err).Kind)
			require.ErrorContains(t, err, field)
			assert.Empty(t, d.Got())
		})
	}
}
