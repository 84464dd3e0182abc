package dingding_test

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
	"github.com/dingdag/dingdag/operator/dingding"
	"github.com/dingdag/dingdag/operator/operatortest"
	"github.com/dingdag/dingdag/params"
)

const appSecret = "s3cr3t-of-the-app"

// fact is the example of one call on DingTalk's pages.
type fact struct {
	Method  string `json:"method"`
	Path    string `json:"path"`
	Request struct {
		Path  map[string]string `json:"path"`
		Query map[string]any    `json:"query"`
		Body  any               `json:"body"`
	} `json:"request"`
	Response any `json:"response"`
}

// facts are the examples by the name of the call, from the hook's test data.
func facts(t *testing.T) map[string]fact {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("..", "..", "hook", "testdata", "operations.json"))
	require.NoError(t, err)
	var read struct {
		Operations map[string]fact `json:"operations"`
	}
	require.NoError(t, json.Unmarshal(data, &read))
	return read.Operations
}

// dingtalk answers each call as the example on its page.
type dingtalk struct {
	*httptest.Server
	mu    sync.Mutex
	calls []called
	// answers go before those of the examples, by "METHOD /path".
	answers map[string]http.HandlerFunc
}

type called struct {
	Call  string // "METHOD /path"
	Query url.Values
	Body  string
}

var inBraces = regexp.MustCompile(`\\\{[^}]+\\\}`)

func startDingTalk(t *testing.T) *dingtalk {
	t.Helper()
	d := &dingtalk{answers: map[string]http.HandlerFunc{}}
	known := facts(t)
	d.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		assert.NoError(t, err)
		query := r.URL.Query()
		query.Del("access_token")
		call := r.Method + " " + r.URL.EscapedPath()
		d.mu.Lock()
		if call != "GET /gettoken" && call != "POST /v1.0/oauth2/accessToken" {
			d.calls = append(d.calls, called{call, query, string(body)})
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

// answer makes the next calls of a path give a text.
func (d *dingtalk) answer(call string, status int, texts ...string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	next := 0
	d.answers[call] = func(w http.ResponseWriter, _ *http.Request) {
		d.mu.Lock()
		text := texts[min(next, len(texts)-1)]
		next++
		d.mu.Unlock()
		w.WriteHeader(status)
		io.WriteString(w, text)
	}
}

func (d *dingtalk) got() []called {
	d.mu.Lock()
	defer d.mu.Unlock()
	return append([]called(nil), d.calls...)
}

// task has a connection to the app whose calls go to d.
func (d *dingtalk) task(t *testing.T) *operatortest.Task {
	t.Helper()
	task := operatortest.NewTask(t)
	task.Conns["dingtalk_default"] = &connections.Connection{
		ID: "dingtalk_default", Type: "dingtalk", Host: &d.URL, Login: new("dingabc123"), Password: new(connections.Secret(appSecret)),
		Extra: new(connections.Secret(`{"qps": 0, "agent_id": 1234567890, "operator_user_id": "u001"}`)),
	}
	return task
}

// appSpec is the spec of a name.
func appSpec(t *testing.T, name string) operator.Spec {
	t.Helper()
	h := hook.New(nil)
	t.Cleanup(h.CloseIdleConnections)
	r, err := operator.NewRegistry(dingding.Specs(h)...)
	require.NoError(t, err)
	spec, found := r.Lookup(name)
	require.True(t, found, name)
	return spec
}

// appTest is what the first example of an operator sends and gives.
type appTest struct {
	// calls are the facts whose example requests it sends, in order.
	calls []string
	// want is the result as JSON.
	want string
	// secrets must not show, beside those of the app.
	secrets []string
}

func checkApp(t *testing.T, tests map[string]appTest) {
	t.Helper()
	known := facts(t)
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			operatortest.Check(t, appSpec(t, name), operatortest.Options{
				Task:    func(t *testing.T) *operatortest.Task { t.Helper(); return startDingTalk(t).task(t) },
				Secrets: append(tt.secrets, appSecret, "3f1c9f6b5d0e3c6e8a17", "fw8ef8we8f76e6f7s8dxxxx"),
			})
			t.Run("sends what the page shows", func(t *testing.T) {
				t.Parallel()
				d := startDingTalk(t)
				got, err := execApp(t, d.task(t), name, appSpec(t, name).Examples[0].YAML)
				require.NoError(t, err)
				encoded, err := json.Marshal(got)
				require.NoError(t, err)
				assert.JSONEq(t, tt.want, string(encoded))
				checkCalls(t, known, tt.calls, d.got())
			})
		})
	}
}

func checkCalls(t *testing.T, known map[string]fact, want []string, got []called) {
	t.Helper()
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

// execApp runs an operator with parameters.
func execApp(t *testing.T, task *operatortest.Task, name, text string) (any, error) {
	t.Helper()
	op, problems := appSpec(t, name).Decode(parse(t, text))
	require.False(t, params.Failed(problems), "%v", problems)
	return op.Execute(t.Context(), task.TaskContext)
}

// badParams are parameters with what is said about them, and where.
type badParams struct{ name, yaml, field, want string }

// checkBad checks that parameters are refused when the file is read, and that the same
// values are when they come out of templates, before any call.
func checkBad(t *testing.T, tests []badParams) {
	t.Helper()
	for _, tt := range tests {
		t.Run(tt.name+" "+tt.field+" "+tt.want, func(t *testing.T) {
			t.Parallel()
			op, problems := appSpec(t, tt.name).Decode(parse(t, tt.yaml))
			require.Len(t, problems, 1)
			assert.Equal(t, tt.field, problems[0].Field)
			assert.Contains(t, problems[0].Text, tt.want)
			if v, ok := op.(params.Validator); !ok || v.Validate() == nil {
				return // found by the tag, which needs no second look: it is for no template
			}
			d := startDingTalk(t)
			_, err := op.Execute(t.Context(), d.task(t).TaskContext)
			assert.Equal(t, operator.Failed, operator.Classify(t.Context(), err).Kind)
			require.ErrorContains(t, err, tt.field)
			assert.Empty(t, d.got())
		})
	}
}
