package main

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/hex"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	traces "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"
)

// TestMain is the program itself where a test starts it as one.
func TestMain(m *testing.M) {
	if os.Getenv("OTLP_TEST_IS_PROGRAM") != "" {
		main()
	}
	os.Exit(m.Run())
}

// receiver takes spans over OTLP/HTTP, as a collector does.
type receiver struct {
	*httptest.Server
	mu      sync.Mutex
	spans   []*traces.Span
	service string
	secrets string // all that was sent
}

func newReceiver(t *testing.T) *receiver {
	t.Helper()
	r := &receiver{}
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		body := io.Reader(req.Body)
		if req.Header.Get("Content-Encoding") == "gzip" {
			z, err := gzip.NewReader(req.Body)
			if !assert.NoError(t, err) {
				return
			}
			body = z
		}
		b, err := io.ReadAll(body)
		var sent collector.ExportTraceServiceRequest
		if !assert.NoError(t, err) || !assert.Equal(t, "/v1/traces", req.URL.Path) || !assert.NoError(t, proto.Unmarshal(b, &sent)) {
			return
		}
		r.mu.Lock()
		defer r.mu.Unlock()
		r.secrets += string(b)
		for _, rs := range sent.ResourceSpans {
			for _, a := range rs.Resource.Attributes {
				if a.Key == "service.name" {
					r.service = a.Value.GetStringValue()
				}
			}
			for _, ss := range rs.ScopeSpans {
				r.spans = append(r.spans, ss.Spans...)
			}
		}
	}))
	t.Cleanup(r.Close)
	return r
}

// named is the span with a name.
func (r *receiver) named(t *testing.T, name string) *traces.Span {
	t.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, s := range r.spans {
		if s.Name == name {
			return s
		}
	}
	var names []string
	for _, s := range r.spans {
		names = append(names, s.Name)
	}
	require.Fail(t, "no span "+name, "there are %s", strings.Join(names, ", "))
	return nil
}

// program is a command line of the program, in a home folder with a DAG.
func program(t *testing.T, home, dag string, env []string, args ...string) (output string, err error) {
	t.Helper()
	require.NoError(t, os.MkdirAll(filepath.Join(home, "dags"), 0o700))
	require.NoError(t, os.WriteFile(filepath.Join(home, "dags", "etl.yaml"), []byte(dag), 0o600))
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, os.Args[0], args...)
	cmd.Env = append([]string{"PATH=" + os.Getenv("PATH"), "OTLP_TEST_IS_PROGRAM=1", "DINGDAG_HOME=" + home}, env...)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	err = cmd.Run()
	return out.String(), err
}

// A run, its tasks and the requests that these send are one trace, which a command of a task can go on.
func TestARunIsATrace(t *testing.T) {
	t.Parallel()
	to := newReceiver(t)
	var asked string
	srv := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { asked = r.Header.Get("Traceparent") }))
	defer srv.Close()
	home := t.TempDir()
	out, err := program(t, home, `etl:
  schedule: null
  tasks:
    - {task_id: load, operator: bash, bash_command: 'echo "parent $TRACEPARENT"'}
    - {task_id: call, operator: http, method: GET, endpoint: 'hook?token=s3cret-of-a-hook', dependencies: [load]}
    - {task_id: fail, operator: bash, bash_command: exit 3, dependencies: [call]}
`, []string{
		"OTEL_EXPORTER_OTLP_ENDPOINT=" + to.URL, "OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf", "OTEL_BSP_SCHEDULE_DELAY=100",
		"AIRFLOW_CONN_HTTP_DEFAULT=" + srv.URL, "DINGDAG_ON_UNDELIVERED=none",
	}, "dags", "test", "etl")
	require.Error(t, err, out)
	run, load, call, fail := to.named(t, "run etl"), to.named(t, "task etl.load"), to.named(t, "task etl.call"), to.named(t, "task etl.fail")
	request := to.named(t, "HTTP GET")
	for _, s := range []*traces.Span{load, call, fail} {
		assert.Equal(t, run.TraceId, s.TraceId)
		assert.Equal(t, run.SpanId, s.ParentSpanId, s.Name)
	}
	assert.Empty(t, run.ParentSpanId)
	assert.Equal(t, call.SpanId, request.ParentSpanId)
	assert.Equal(t, traces.Status_STATUS_CODE_ERROR, run.Status.Code)
	assert.Equal(t, traces.Status_STATUS_CODE_ERROR, fail.Status.Code)
	assert.NotEqual(t, traces.Status_STATUS_CODE_ERROR, load.Status.GetCode())
	assert.Contains(t, out, "parent 00-"+hex.EncodeToString(run.TraceId)+"-"+hex.EncodeToString(load.SpanId)+"-01")
	assert.Equal(t, "00-"+hex.EncodeToString(run.TraceId)+"-"+hex.EncodeToString(request.SpanId)+"-01", asked)
	to.mu.Lock()
	defer to.mu.Unlock()
	assert.Equal(t, "dingdag", to.service)
	assert.NotContains(t, to.secrets, "s3cret")
}

// Nothing is sent where nobody wants it, and a wrong setting is an error before anything runs.
func TestSettings(t *testing.T) {
	t.Parallel()
	const dag = "etl:\n  schedule: null\n  tasks: [{task_id: load, operator: bash, bash_command: 'echo \"parent <$TRACEPARENT>\"'}]\n"
	for _, off := range []string{"OTEL_SDK_DISABLED=true", "OTEL_TRACES_EXPORTER=none"} {
		out, err := program(t, t.TempDir(), dag, []string{off}, "dags", "test", "etl")
		require.NoError(t, err, out)
		assert.Contains(t, out, "parent <>")
	}
	out, err := program(t, t.TempDir(), dag, []string{"OTEL_TRACES_EXPORTER=nosuch"}, "dags", "test", "etl")
	require.Error(t, err)
	assert.Contains(t, out, "error: traces: ")
	assert.NotContains(t, out, "parent")
}
