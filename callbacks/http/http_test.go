package http_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	"gopkg.in/yaml.v3"

	"github.com/dingdag/dingdag/callbacks"
	"github.com/dingdag/dingdag/callbacks/callbackstest"
	cbhttp "github.com/dingdag/dingdag/callbacks/http"
	"github.com/dingdag/dingdag/connections"
	"github.com/dingdag/dingdag/params"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const password = "s3cret-pässword"

type source struct{ host string }

func (s source) Connection(_ context.Context, id string) (*connections.Connection, error) {
	if id != "http_default" {
		return nil, fmt.Errorf("connection %q: %w", id, connections.ErrNotFound)
	}
	return &connections.Connection{
		ID: id, Type: "http", Host: new(s.host), Login: new("ding"), Password: new(connections.Secret(password)),
	}, nil
}

// seen is a request as the server got it.
type seen struct {
	method, path, query, body string
	header                    http.Header
}

// serve answers with status and passes on what came.
func serve(t *testing.T, status int) (*cbhttp.Sender, <-chan seen) {
	t.Helper()
	came := make(chan seen, 10)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		assert.NoError(t, err)
		came <- seen{r.Method, r.URL.Path, r.URL.RawQuery, string(body), r.Header}
		if status == 0 {
			conn, _, err := http.NewResponseController(w).Hijack()
			if assert.NoError(t, err) {
				_ = conn.Close()
			}
			return
		}
		w.Header().Set("Retry-After", "9")
		w.WriteHeader(status)
		_, _ = io.WriteString(w, "thanks")
	}))
	t.Cleanup(server.Close)
	return cbhttp.NewSender(source{server.URL + "/base"}), came
}

func spec() callbacks.Spec { return cbhttp.Specs()[0] }

func parse(t *testing.T, text string) *yaml.Node {
	t.Helper()
	var doc yaml.Node
	require.NoError(t, yaml.Unmarshal([]byte(text), &doc))
	return doc.Content[0]
}

// prepare decodes the notifier of a YAML text and lets it speak about ev.
func prepare(t *testing.T, text string, ev *callbacks.Event) callbacks.Message {
	t.Helper()
	cb, problems := spec().Decode(parse(t, text))
	require.Empty(t, problems)
	m, err := cb.Prepare(ev)
	require.NoError(t, err)
	return m
}

func failure() *callbacks.Event {
	start := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	end := start.Add(3 * time.Minute)
	return &callbacks.Event{
		Kind: callbacks.Failure, DAGID: "etl", RunID: "r1", TaskID: "load", MapIndex: -1, TryNumber: 2, MaxTries: 3,
		State: "failed", Error: "exit code 1", StartDate: &start, EndDate: &end, Log: "/logs/2.log",
	}
}

// Who hears of an event in a chat is nothing for a webhook.
func TestDefaultDataHasNoPeople(t *testing.T) {
	t.Parallel()
	ev := failure()
	ev.Owner, ev.OwnerProblem = "ann, bob", "bob is nobody"
	ev.OwnerMobiles, ev.OwnerUserIDs, ev.OwnerEmails = []string{"13800000001"}, []string{"u1"}, []string{"ann@example.com"}
	payload := string(prepare(t, "{endpoint: hook}", ev).Payload)
	assert.Contains(t, payload, `"owner":"ann, bob","owner_problem":"bob is nobody"`)
	for _, personal := range []string{"13800000001", "u1", "ann@example.com"} {
		assert.NotContains(t, payload, personal)
	}
	assert.NotEmpty(t, ev.OwnerMobiles, "others need them still")
}

// Without data the event is told, in full for programs and as text for people.
func TestDefaultData(t *testing.T) {
	t.Parallel()
	sender, came := serve(t, 200)
	m := prepare(t, "{endpoint: hook, headers: {X-One: a, content-type: text/plain}}", failure())
	assert.Equal(t, "http", m.Sender)
	assert.Equal(t, "http:http_default", m.Channel)
	assert.Equal(t, "on_failure of etl.load by POST through http_default", m.Summary)
	assert.NotContains(t, string(m.Payload), password)
	receipt, err := sender.Send(t.Context(), m)
	require.NoError(t, err)
	assert.Equal(t, "200 OK", receipt)

	got := <-came
	assert.Equal(t, []string{"POST", "/base/hook", ""}, []string{got.method, got.path, got.query})
	assert.Equal(t, "application/json", got.header.Get("Content-Type"))
	assert.Equal(t, "a", got.header.Get("X-One"))
	user, pass, _ := (&http.Request{Header: got.header}).BasicAuth()
	assert.Equal(t, []string{"ding", password}, []string{user, pass})
	var told map[string]any
	require.NoError(t, json.Unmarshal([]byte(got.body), &told))
	assert.Equal(t, "任务失败 Task failed: etl.load\nDAG: etl\n任务 Task: load\n运行 Run: r1\n次数 Try: 2/3\n"+
		"失败于 Failed at: 2026-01-02 03:07:05 +00:00 UTC\n错误 Error: exit code 1\n用时 Duration: 3m0s\n"+
		"日志 Log: /logs/2.log", told["text"])
	delete(told, "text")
	assert.Equal(t, map[string]any{
		"kind": "on_failure", "dag_id": "etl", "run_id": "r1", "task_id": "load", "map_index": -1.0, "try_number": 2.0, "max_tries": 3.0,
		"state": "failed", "error": "exit code 1", "start_date": "2026-01-02T03:04:05Z", "end_date": "2026-01-02T03:07:05Z", "log": "/logs/2.log",
	}, told)
}

func TestOwnRequest(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		yaml string
		want seen
	}{
		"json": {
			`{endpoint: x, method: PUT, data: {n: 12345678901234567, t: [a]}, headers: {Content-Type: application/json}}`,
			seen{method: "PUT", path: "/base/x", body: `{"n":12345678901234567,"t":["a"]}`},
		},
		"floats": {
			`{endpoint: x, data: {a: 1000.0, b: [1.0, {c: 0.5}]}, headers: {Content-Type: application/json}}`,
			seen{method: "POST", path: "/base/x", body: `{"a":1000.0,"b":[1.0,{"c":0.5}]}`},
		},
		"form":            {"{data: {n: 12345678901234567, b: yes}}", seen{method: "POST", path: "/base", body: "b=True&n=12345678901234567"}},
		"text":            {"{data: hello}", seen{method: "POST", path: "/base", body: "hello"}},
		"query":           {"{method: GET, data: {a: 1}}", seen{method: "GET", path: "/base", query: "a=1"}},
		"get, no default": {"{method: get, endpoint: ping}", seen{method: "GET", path: "/base/ping"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			sender, came := serve(t, 200)
			receipt, err := sender.Send(t.Context(), prepare(t, tt.yaml, failure()))
			require.NoError(t, err)
			assert.Equal(t, "200 OK", receipt)
			got := <-came
			got.header = nil
			assert.Equal(t, tt.want, got)
		})
	}
	sender, _ := serve(t, 201)
	receipt, err := sender.Send(t.Context(), prepare(t, "log_response: true", failure()))
	require.NoError(t, err)
	assert.Equal(t, "201 Created: thanks", receipt)
}

// What the outbox is told after each kind of failure.
func TestSendErrors(t *testing.T) {
	t.Parallel()
	type told struct {
		Retryable, Uncertain bool
		Delay                time.Duration
	}
	for name, tt := range map[string]struct {
		status int
		yaml   string
		want   told
		repeat bool
	}{
		"refused":                      {404, "{}", told{}, false},
		"busy":                         {429, "{}", told{Retryable: true, Delay: 9 * time.Second}, false},
		"broken":                       {500, "{}", told{Retryable: true}, false},
		"answer lost":                  {0, "{}", told{Uncertain: true}, false},
		"answer lost, idempotent":      {0, "method: PUT", told{Retryable: true}, true},
		"answer lost, retry":           {0, "on_uncertain: retry", told{Retryable: true, Uncertain: true}, true},
		"no such connection":           {200, "http_conn_id: nowhere", told{}, false},
		"refused, retry does not help": {404, "on_uncertain: retry", told{}, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			sender, _ := serve(t, tt.status)
			m := prepare(t, tt.yaml, failure())
			_, err := sender.Send(t.Context(), m)
			var de callbacks.DeliveryError
			require.ErrorAs(t, err, &de)
			assert.Equal(t, tt.want, told{de.Retryable(), de.Uncertain(), de.RetryDelay()})
			assert.Equal(t, tt.repeat, sender.RepeatSafe(m))
			assert.NotContains(t, err.Error(), password)
		})
	}
}

func TestBrokenPayload(t *testing.T) {
	t.Parallel()
	sender, _ := serve(t, 200)
	m := callbacks.Message{Payload: json.RawMessage("{")}
	_, err := sender.Send(t.Context(), m)
	require.ErrorContains(t, err, "read an HTTP request from the outbox")
	assert.False(t, sender.RepeatSafe(m))
}

func TestDecodeFindings(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"method: FETCH":           "unknown method",
		"{method: HEAD, data: a}": "takes no data",
		"tiemout: 3":              `unknown parameter "tiemout"`,
		"auth_type: basic":        "Authorization header",
		"on_uncertain: again":     "again",
		"extra_options: {proxies: {http: 'http://u:" + password + "@proxy'}}": `the proxy for "http" has a user or password`,
	} {
		_, problems := spec().Decode(parse(t, text))
		require.Len(t, problems, 1, text)
		assert.Contains(t, problems[0].Text, want)
		assert.NotContains(t, problems[0].Text, password)
		assert.True(t, params.Failed(problems))
	}
}

func TestRulesOfNotifiers(t *testing.T) {
	t.Parallel()
	callbackstest.Check(t, spec(), callbackstest.Options{
		SenderName: cbhttp.SenderName, Secrets: []string{password},
		Start: func(t *testing.T) callbackstest.Receiver {
			t.Helper()
			sender, came := serve(t, 200)
			return callbackstest.Receiver{Sender: sender, Arrived: func() int { return len(came) }}
		},
	})
}

// Data of which templates leave nothing is no message; data that the file leaves empty is.
func TestRenderedToNothing(t *testing.T) {
	t.Parallel()
	const gone = "the callback's template rendered to nothing: data"
	values := map[string]any{
		"{{ blank }}": " \n", "{{ none }}": params.Native{Text: "None"}, "{{ empty }}": params.Native{Value: map[string]any{}, Text: "{}"},
		"{{ word }}": "x",
	}
	for text, want := range map[string]string{
		"data: '{{ blank }}'": gone,
		"{method: PUT, data: '{{ blank }}', headers: {Content-Type: application/json}}": gone,
		"data: '{{ none }}'": gone,
		"{data: '{{ none }}', headers: {Content-Type: application/json}}": gone,
		"data: '{{ empty }}'":     gone,
		"data: {a: '{{ none }}'}": gone,
		"{data: '{{ empty }}', headers: {Content-Type: application/json}}": "", // the body {}
		"data: {a: '{{ blank }}'}":           "", // a form with a field
		"data: '{{ word }}'":                 "",
		"data: ''":                           "",
		"data: {}":                           "",
		"data: {a: null}":                    "",
		"{}":                                 "",
		"{method: GET, data: '{{ blank }}'}": "",
	} {
		file, problems := spec().Decode(parse(t, text))
		require.Empty(t, problems, text)
		rendered, err := spec().Render(file, func(_, text string) (any, error) {
			if v, ok := values[text]; ok {
				return v, nil
			}
			return text, nil
		})
		require.NoError(t, err, text)
		err = rendered.(callbacks.RenderChecker).CheckRendered(file)
		if want == "" {
			assert.NoError(t, err, text)
		} else {
			assert.EqualError(t, err, want, text)
		}
	}
}

// The event goes out as it is when the data of one's own can't be rendered; without a
// place to send it to there is nothing to send.
func TestFallback(t *testing.T) {
	t.Parallel()
	sender, came := serve(t, 200)
	cb, problems := spec().Decode(parse(t, "{endpoint: hook, data: {title: x}, headers: {X-One: '', X-Two: b}}"))
	require.Empty(t, problems)
	usual, err := cb.(callbacks.Fallback).Fallback([]string{"data.title", "headers.X-One"})
	require.NoError(t, err)
	ev := failure()
	ev.Problem = "the callback's template failed"
	m, err := usual.Prepare(ev)
	require.NoError(t, err)
	_, err = sender.Send(t.Context(), m)
	require.NoError(t, err)
	got := <-came
	assert.Equal(t, "/base/hook", got.path)
	assert.Equal(t, "b", got.header.Get("X-Two"))
	assert.NotContains(t, got.header, "X-One")
	var told map[string]any
	require.NoError(t, json.Unmarshal([]byte(got.body), &told))
	assert.Equal(t, "the callback's template failed", told["problem"])
	assert.Equal(t, "etl", told["dag_id"])
	assert.Equal(t, "http_default", sender.ConnID(m))

	_, err = cb.(callbacks.Fallback).Fallback([]string{"endpoint"})
	require.ErrorContains(t, err, "no place to send to")
	get, problems := spec().Decode(parse(t, "{endpoint: hook, method: GET}"))
	require.Empty(t, problems)
	_, err = get.(callbacks.Fallback).Fallback([]string{"data"})
	require.ErrorContains(t, err, "a GET request has no body")
}

// A service that stands in is posted the event and why, at its base URL.
func TestStandIn(t *testing.T) {
	t.Parallel()
	sender, came := serve(t, http.StatusOK)
	assert.True(t, sender.Serves(callbacks.Conn{Type: "http"}))
	assert.False(t, sender.Serves(callbacks.Conn{Type: "smtp"}))
	ev := failure()
	ev.Problem = "robot ops refused"
	m, err := sender.StandIn(callbacks.Conn{ID: "http_default", Type: "http"}, ev)
	require.NoError(t, err)
	_, err = sender.Send(t.Context(), m)
	require.NoError(t, err)
	got := <-came
	assert.Equal(t, "POST /base", got.method+" "+got.path)
	var sent map[string]any
	require.NoError(t, json.Unmarshal([]byte(got.body), &sent))
	assert.Equal(t, "robot ops refused", sent["problem"])
	assert.Equal(t, "load", sent["task_id"])
	assert.Equal(t, "application/json", got.header.Get("Content-Type"))
}
