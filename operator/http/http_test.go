package http_test

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	"gopkg.in/yaml.v3"

	"github.com/dingdag/dingdag/connections"
	"github.com/dingdag/dingdag/operator"
	ophttp "github.com/dingdag/dingdag/operator/http"
	"github.com/dingdag/dingdag/operator/operatortest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	password = "s3cret-pässword"
	token    = "t0ken-in-the-query"
)

func spec() operator.Spec { return ophttp.Specs()[0] }

// seen is a request as the server got it.
type seen struct {
	Method, Path, Query, Body string
	Header                    http.Header
}

// recorder keeps the requests of a server, which may serve several at a time.
type recorder struct {
	mu       sync.Mutex
	requests []seen
}

func (r *recorder) add(s seen) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.requests = append(r.requests, s)
}

func (r *recorder) all() []seen {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.requests)
}

// serve starts a server and returns a task whose connection http_default leads there,
// with a path prefix. Requests are recorded before handle answers.
func serve(t *testing.T, handle http.HandlerFunc) (*operatortest.Task, *recorder) {
	t.Helper()
	requests := &recorder{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		assert.NoError(t, err)
		requests.add(seen{r.Method, r.URL.Path, r.URL.RawQuery, string(body), r.Header})
		handle(w, r)
	}))
	t.Cleanup(server.Close)
	task := operatortest.NewTask(t)
	task.Conns["http_default"] = &connections.Connection{ID: "http_default", Type: "http", Host: new(server.URL + "/base")}
	return task, requests
}

func ok(w http.ResponseWriter, r *http.Request) {
	if strings.Contains(r.URL.Path, "/jobs/") {
		_, _ = io.WriteString(w, `{"state": "done"}`)
		return
	}
	_, _ = io.WriteString(w, "fine")
}

func execute(t *testing.T, task *operatortest.Task, text string) (any, error) {
	t.Helper()
	return operatortest.Decode(t, spec(), text).Execute(t.Context(), task.TaskContext)
}

func TestCheck(t *testing.T) {
	t.Parallel()
	started := make(chan struct{})
	operatortest.Check(t, spec(), operatortest.Options{
		Secrets:  []string{password, token},
		Blocking: "{endpoint: slow, method: GET, data: {token: " + token + "}}",
		Running:  func(*testing.T, *operatortest.Task) { <-started },
		Task: func(t *testing.T) *operatortest.Task {
			t.Helper()
			task, _ := serve(t, func(w http.ResponseWriter, r *http.Request) {
				if strings.HasSuffix(r.URL.Path, "/slow") {
					close(started)
					<-r.Context().Done()
				}
				ok(w, r)
			})
			task.Conns["http_default"].Login = new("ding")
			task.Conns["http_default"].Password = new(connections.Secret(password))
			return task
		},
	})
}

func TestRequest(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		yaml   string
		want   seen
		header map[string]string
	}{
		"post nothing":      {"endpoint: x", seen{Method: "POST", Path: "/base/x"}, nil},
		"slash kept":        {"endpoint: /x", seen{Method: "POST", Path: "/base/x"}, nil},
		"no endpoint":       {"method: put", seen{Method: "PUT", Path: "/base"}, nil},
		"query in endpoint": {"{endpoint: 'x?a=1', method: GET, data: {b: 2}}", seen{Method: "GET", Path: "/base/x", Query: "a=1&b=2"}, nil},
		"query as text":     {"{method: GET, data: 'a=1&b=%20'}", seen{Method: "GET", Path: "/base", Query: "a=1&b=%20"}, nil},
		"query with JSON header": {
			"{method: GET, data: {a: 1}, headers: {Content-Type: application/json}}",
			seen{Method: "GET", Path: "/base", Query: "a=1"},
			nil,
		},
		"form": {
			"data: {n: 1, f: 1.5, b: yes, s: 'a b', z: null, l: [1, x]}",
			seen{Method: "POST", Path: "/base", Body: "b=True&f=1.5&l=1&l=x&n=1&s=a+b"},
			map[string]string{"Content-Type": "application/x-www-form-urlencoded"},
		},
		"form by delete": {"{method: DELETE, data: {n: 1}}", seen{Method: "DELETE", Path: "/base", Body: "n=1"}, nil},
		"text":           {"data: plain", seen{Method: "POST", Path: "/base", Body: "plain"}, nil},
		"json": {
			"{data: {n: 1, t: '<a>', l: [null, yes]}, headers: {content-type: 'Application/JSON; charset=utf-8'}}",
			seen{Method: "POST", Path: "/base", Body: `{"l":[null,true],"n":1,"t":"<a>"}`},
			map[string]string{"Content-Type": "Application/JSON; charset=utf-8"},
		},
		"json list": {"{data: [1], headers: {Content-Type: application/json}}", seen{Method: "POST", Path: "/base", Body: "[1]"}, nil},
		"json text": {`{data: '{"a": 1}', headers: {Content-Type: application/json}}`, seen{Method: "POST", Path: "/base", Body: `{"a": 1}`}, nil},
		"headers":   {"headers: {X-One: a, X-Two: b}", seen{Method: "POST", Path: "/base"}, map[string]string{"X-One": "a", "X-Two": "b"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			task, requests := serve(t, ok)
			result, err := execute(t, task, tc.yaml)
			require.NoError(t, err)
			assert.Equal(t, "fine", result)
			require.Len(t, requests.all(), 1)
			got := requests.all()[0]
			for name, value := range tc.header {
				assert.Equal(t, value, got.Header.Get(name), name)
			}
			got.Header = nil
			assert.Equal(t, tc.want, got)
		})
	}
}

func TestConnection(t *testing.T) {
	t.Parallel()
	task, requests := serve(t, ok)
	server, err := url.Parse(task.Conns["http_default"].GetHost())
	require.NoError(t, err)
	port, err := strconv.Atoi(server.Port())
	require.NoError(t, err)
	task.Conns["parts"] = &connections.Connection{
		ID: "parts", Host: new(server.Hostname()), Port: &port, Schema: new("http"),
		Login: new("ding"), Password: new(connections.Secret(password)),
		Extra: new(connections.Secret(`{"X-Key": "k", "X-Number": 7, "X-Null": null, "headers": {"X-Nested": "n"}, "timeout": "30", "verify": "false"}`)),
	}
	_, err = execute(t, task, "{http_conn_id: parts, endpoint: x, headers: {X-Number: '8'}}")
	require.NoError(t, err)
	got := requests.all()[0]
	assert.Equal(t, "/x", got.Path)
	assert.Equal(t, "k", got.Header.Get("X-Key"))
	assert.Equal(t, "8", got.Header.Get("X-Number"), "the task's header wins")
	assert.Equal(t, "n", got.Header.Get("X-Nested"))
	assert.NotContains(t, got.Header, "X-Null")
	assert.NotContains(t, got.Header, "Timeout", "an option is no header")
	user, pass, _ := (&http.Request{Header: got.Header}).BasicAuth()
	assert.Equal(t, []string{"ding", password}, []string{user, pass})

	task.Conns["empty"] = &connections.Connection{ID: "empty"}
	_, err = execute(t, task, "{http_conn_id: empty, endpoint: '"+server.String()+"'}")
	require.NoError(t, err, "a whole URL as endpoint")
}

func TestConnectionErrors(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		conn *connections.Connection
		want string
	}{
		"none":          {nil, `connection "c": not found`},
		"no host":       {&connections.Connection{}, `connection "c" has no host`},
		"broken host":   {&connections.Connection{Host: new("http://[" + token)}, `connection "c": the host is not a valid`},
		"other scheme":  {&connections.Connection{Host: new("ftp://host")}, "no valid http or https URL"},
		"broken extra":  {&connections.Connection{Host: new("h"), Extra: new(connections.Secret("{" + token))}, `connection "c": extra:`},
		"wrong option":  {&connections.Connection{Host: new("h"), Extra: new(connections.Secret(`{"timeout": "` + token + `"}`))}, `the value of "timeout" has the wrong type`},
		"nested header": {&connections.Connection{Host: new("h"), Extra: new(connections.Secret(`{"x": ["` + token + `"]}`))}, `extra: "x" must be text`},
		"broken proxy":  {&connections.Connection{Host: new("h"), Extra: new(connections.Secret(`{"proxies": {"http": "http://` + token + `:%"}}`))}, `the proxy for "http" is not a valid URL`},
		"no authority":  {&connections.Connection{Host: new("h"), Extra: new(connections.Secret(`{"verify": "/no/such/file"}`))}, "/no/such/file"},
		"no cert":       {&connections.Connection{Host: new("h"), Extra: new(connections.Secret(`{"cert": "/no/such/file"}`))}, "read the client certificate"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			task := operatortest.NewTask(t)
			if tc.conn != nil {
				tc.conn.ID = "c"
				task.Conns["c"] = tc.conn
			}
			_, err := execute(t, task, "http_conn_id: c")
			require.ErrorContains(t, err, tc.want)
			assert.NotContains(t, err.Error(), token)
		})
	}
}

func TestStatus(t *testing.T) {
	t.Parallel()
	answer := func(status int, retryAfter string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			if retryAfter != "" {
				w.Header().Set("Retry-After", retryAfter)
			}
			w.WriteHeader(status)
			_, _ = io.WriteString(w, strings.Repeat("é", 400))
		}
	}
	for name, tc := range map[string]struct {
		handle http.HandlerFunc
		yaml   string
		want   operator.Outcome
	}{
		"404":                  {answer(404, ""), "{}", operator.Outcome{Kind: operator.Retry}},
		"500":                  {answer(500, "7"), "{}", operator.Outcome{Kind: operator.Retry}},
		"not checked":          {answer(404, ""), "extra_options: {check_response: no}", operator.Outcome{Kind: operator.Success}},
		"too many":             {answer(429, "7"), "{}", operator.Outcome{Kind: operator.Retry, RetryAfter: 7 * time.Second}},
		"too many, by date":    {answer(429, "Wed, 21 Oct 2026 07:28:00 GMT"), "{}", operator.Outcome{Kind: operator.Retry}},
		"redirect not allowed": {redirect, "{endpoint: x, extra_options: {allow_redirects: no}}", operator.Outcome{Kind: operator.Success}},
		"redirect":             {redirect, "{endpoint: x, method: GET}", operator.Outcome{Kind: operator.Success}},
		"too many redirects":   {redirectForever, "extra_options: {max_redirects: 2}", operator.Outcome{Kind: operator.Retry}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			task, requests := serve(t, tc.handle)
			_, err := execute(t, task, tc.yaml)
			got := operator.Classify(t.Context(), err)
			if err != nil {
				assert.Less(t, len(err.Error()), 1000)
				assert.NotContains(t, err.Error(), token)
			}
			got.Err = nil
			assert.Equal(t, tc.want, got)
			switch name {
			case "404":
				assert.ErrorContains(t, err, "/base: answered 404 Not Found: éé")
			case "redirect":
				assert.Len(t, requests.all(), 2)
			case "redirect not allowed":
				assert.Len(t, requests.all(), 1)
			}
		})
	}
}

func redirect(w http.ResponseWriter, r *http.Request) {
	if strings.HasSuffix(r.URL.Path, "/x") {
		http.Redirect(w, r, "/y", http.StatusFound)
	}
}

func redirectForever(w http.ResponseWriter, r *http.Request) {
	http.Redirect(w, r, "/z?token="+token, http.StatusFound)
}

func TestNetworkErrorsHideTheQuery(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	refused := "http://" + listener.Addr().String()
	require.NoError(t, listener.Close())
	cut, _ := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		conn, _, err := http.NewResponseController(w).Hijack()
		if assert.NoError(t, err) {
			_ = conn.Close()
		}
	})
	for name, host := range map[string]string{"refused": refused, "cut": cut.Conns["http_default"].GetHost()} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			task := operatortest.NewTask(t)
			u, err := url.Parse(host)
			require.NoError(t, err)
			u.User = url.UserPassword("u", "pw-in-url")
			task.Conns["http_default"] = &connections.Connection{ID: "http_default", Host: new(u.String())}
			_, err = execute(t, task, "{method: GET, endpoint: 'x?token="+token+"'}")
			require.ErrorContains(t, err, "GET http://127.0.0.1:")
			assert.NotContains(t, err.Error()+task.LogText(), token)
			assert.NotContains(t, err.Error()+task.LogText(), "pw-in-url")
		})
	}
}

func TestTimeout(t *testing.T) {
	t.Parallel()
	task, _ := serve(t, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	_, err := execute(t, task, "extra_options: {timeout: 20ms}")
	require.Error(t, err)
	assert.Equal(t, operator.Retry, operator.Classify(t.Context(), err).Kind)

	ctx, cancel := context.WithTimeoutCause(t.Context(), 20*time.Millisecond, operator.ErrTimeout)
	defer cancel()
	_, err = operatortest.Decode(t, spec(), "{}").Execute(ctx, task.TaskContext)
	require.ErrorIs(t, err, operator.ErrTimeout)
}

func TestResponseLimit(t *testing.T) {
	t.Parallel()
	task, _ := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write(make([]byte, 10<<20+1))
	})
	_, err := execute(t, task, "{}")
	require.ErrorContains(t, err, "the response is larger than 10485760 bytes")
}

func TestResponseText(t *testing.T) {
	t.Parallel()
	task, _ := serve(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(" a\xffb\n")) })
	result, err := execute(t, task, "log_response: true")
	require.NoError(t, err)
	assert.Equal(t, " a\uFFFDb\n", result)
	assert.Contains(t, task.LogText(), "a\uFFFDb")
}

func TestVerify(t *testing.T) {
	t.Parallel()
	server := httptest.NewTLSServer(http.HandlerFunc(ok))
	t.Cleanup(server.Close)
	server.Config.ErrorLog = nil
	task := operatortest.NewTask(t)
	task.Conns["http_default"] = &connections.Connection{ID: "http_default", Host: new(server.URL)}
	_, err := execute(t, task, "{}")
	require.ErrorContains(t, err, "certificate")
	result, err := execute(t, task, "extra_options: {verify: no}")
	require.NoError(t, err)
	assert.Equal(t, "fine", result)
}

func TestProxy(t *testing.T) {
	t.Parallel()
	proxy, requests := serve(t, ok)
	task := operatortest.NewTask(t)
	task.Conns["http_default"] = &connections.Connection{ID: "http_default", Host: new("service.invalid")}
	proxyURL := strings.TrimSuffix(proxy.Conns["http_default"].GetHost(), "/base")
	_, err := execute(t, task, "{endpoint: x, extra_options: {proxies: {http: '"+proxyURL+"'}}}")
	require.NoError(t, err)
	assert.Equal(t, "/x", requests.all()[0].Path)
}

func TestRefusedParameters(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"method: FETCH":           "unknown method",
		"{method: HEAD, data: a}": "takes no data",
		"data: [1]":               "Content-Type: application/json",
		"data: {a: {b: 1}}":       `key "a"`,
		"{data: '{', headers: {Content-Type: application/json}}": "not valid JSON",
		"auth_type: x":                     "Authorization header",
		"response_check_lambda: x":         "Python code cannot run here",
		"extra_options: {verify: 3}":       "verify must be",
		"extra_options: {tiemout: 3}":      `did you mean "timeout"?`,
		"extra_options: {cert: [a, b, c]}": "one path or two",
	} {
		var doc yaml.Node
		require.NoError(t, yaml.Unmarshal([]byte(text), &doc))
		_, problems := spec().Decode(doc.Content[0])
		require.Len(t, problems, 1, text)
		assert.Contains(t, problems[0].Text, want)
		assert.Positive(t, problems[0].Line, text)
	}
	operatortest.Decode(t, spec(), "{data: '{{ x }}', headers: {Content-Type: application/json}, deferrable: true}")
}
