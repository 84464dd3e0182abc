package http_test

import (
	"context"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gopkg.in/yaml.v3"

	"github.com/dingdag/dingdag/connections"
	"github.com/dingdag/dingdag/operator"
	ophttp "github.com/dingdag/dingdag/operator/http"
	"github.com/dingdag/dingdag/operator/operatortest"
)

func sensor() operator.Spec { return ophttp.Specs()[1] }

func TestCheckSensor(t *testing.T) {
	t.Parallel()
	started := make(chan struct{})
	operatortest.Check(t, sensor(), operatortest.Options{
		Outcomes: map[string]operator.Kind{"Wait for the report of the day": operator.Waiting},
		Secrets:  []string{password, token},
		Blocking: "{endpoint: slow, request_params: {token: " + token + "}}",
		Running:  func(*testing.T, *operatortest.Task) { <-started },
		Task: func(t *testing.T) *operatortest.Task {
			t.Helper()
			task, _ := serve(t, func(w http.ResponseWriter, r *http.Request) {
				switch {
				case strings.HasSuffix(r.URL.Path, "/slow"):
					close(started)
					<-r.Context().Done()
				case strings.Contains(r.URL.Path, "/reports/"):
					w.WriteHeader(http.StatusNotFound)
				default:
					ok(w, r)
				}
			})
			task.Conns["http_default"].Login = new("ding")
			task.Conns["http_default"].Password = new(connections.Secret(password))
			return task
		},
	})
}

func TestSensor(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		status int
		yaml   string
		want   operator.Kind
	}{
		"found":               {200, "", operator.Success},
		"created":             {201, "", operator.Success},
		"not yet":             {404, "", operator.Waiting},
		"gone":                {410, "", operator.Retry},
		"broken":              {500, "", operator.Retry},
		"null is the default": {404, "response_error_codes_allowlist: null", operator.Waiting},
		"empty is none":       {404, "response_error_codes_allowlist: []", operator.Retry},
		"replaced":            {404, "response_error_codes_allowlist: ['503']", operator.Retry},
		"another":             {503, "response_error_codes_allowlist: ['404', '503']", operator.Waiting},
		"a number":            {503, "response_error_codes_allowlist: [503]", operator.Waiting},
		"a range":             {502, "response_error_codes_allowlist: ['5']", operator.Waiting},
		"out of range":        {404, "response_error_codes_allowlist: ['50', '41']", operator.Retry},
		"not checked":         {500, "extra_options: {check_response: false}", operator.Success},
		"not checked, 404":    {404, "extra_options: {check_response: false}", operator.Success},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			task, requests := serve(t, func(w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(tc.status)
				_, _ = io.WriteString(w, "the text")
			})
			result, err := operatortest.Decode(t, sensor(), "endpoint: x\n"+tc.yaml).Execute(t.Context(), task.TaskContext)
			assert.Nil(t, result)
			assert.Equal(t, tc.want, operator.Classify(t.Context(), err).Kind, err)
			if tc.want == operator.Retry {
				require.ErrorContains(t, err, "/base/x: answered "+strconv.Itoa(tc.status))
				require.ErrorContains(t, err, "the text")
			}
			assert.Len(t, requests.all(), 1)
		})
	}
}

func TestSensorRequest(t *testing.T) {
	t.Parallel()
	task, requests := serve(t, ok)
	task.Conns["other"] = task.Conns["http_default"]
	for _, text := range []string{
		"{endpoint: x, request_params: {a: 1}, headers: {X-A: b}}",
		"{endpoint: x, method: post, request_params: {a: 1}, http_conn_id: other, deferrable: true}",
	} {
		_, err := operatortest.Decode(t, sensor(), text).Execute(t.Context(), task.TaskContext)
		require.NoError(t, err)
	}
	got := requests.all()
	assert.Equal(t, []string{"GET", "/base/x", "a=1", "", "b"}, []string{got[0].Method, got[0].Path, got[0].Query, got[0].Body, got[0].Header.Get("X-A")})
	assert.Equal(t, []string{"POST", "/base/x", "", "a=1"}, []string{got[1].Method, got[1].Path, got[1].Query, got[1].Body})
}

func TestSensorThatIsTold(t *testing.T) {
	t.Parallel()
	task, _ := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", "7")
		w.WriteHeader(http.StatusTooManyRequests)
	})
	_, err := operatortest.Decode(t, sensor(), "endpoint: x").Execute(t.Context(), task.TaskContext)
	outcome := operator.Classify(t.Context(), err)
	assert.Equal(t, operator.Retry, outcome.Kind)
	assert.Equal(t, 7*time.Second, outcome.RetryAfter)
}

func TestSensorThatCannotLook(t *testing.T) {
	t.Parallel()
	task := operatortest.NewTask(t)
	_, err := operatortest.Decode(t, sensor(), "endpoint: x").Execute(t.Context(), task.TaskContext)
	require.ErrorIs(t, err, connections.ErrNotFound)

	slow, _ := serve(t, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	ctx, cancel := context.WithTimeoutCause(t.Context(), 20*time.Millisecond, operator.ErrTimeout)
	defer cancel()
	_, err = operatortest.Decode(t, sensor(), "endpoint: x").Execute(ctx, slow.TaskContext)
	require.ErrorIs(t, err, operator.ErrTimeout)
}

func TestSensorRefused(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"{}":                                                     `missing parameter "endpoint"`,
		"{endpoint: x, method: FETCH}":                           "unknown method",
		"{endpoint: x, data: a}":                                 `unknown parameter "data"`,
		"{endpoint: x, request_kwargs: {}}":                      "use headers, request_params",
		"{endpoint: x, response_check: a}":                       "use success_when",
		"{endpoint: x, response_check_lambda: a}":                "Python code cannot run here",
		"{endpoint: x, response_error_codes_allowlist: ['200']}": `"200" is not a status of 400 or above`,
		"{endpoint: x, response_error_codes_allowlist: [4xx]}":   `"4xx" is not a status`,
		"{endpoint: x, response_error_codes_allowlist: '404'}":   "must be a list",
		"{endpoint: x, request_params: [1], method: POST}":       "mapping",
	} {
		var doc yaml.Node
		require.NoError(t, yaml.Unmarshal([]byte(text), &doc))
		_, problems := sensor().Decode(doc.Content[0])
		require.Len(t, problems, 1, text)
		assert.Contains(t, problems[0].Text, want)
		assert.Equal(t, text != "{}", problems[0].Line > 0, text)
	}
}
