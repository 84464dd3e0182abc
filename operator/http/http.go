// Package http holds the operators that call HTTP services.
package http

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-resty/resty/v2"

	"github.com/dingdag/dingdag/operator"
	"github.com/dingdag/dingdag/params"
)

//go:generate go run github.com/dingdag/dingdag/params/docgen

//go:embed docs_gen.json
var docsJSON string

// maxResponse is how much of a response is read; a larger one is an error.
const maxResponse = 10 << 20

// Specs returns the operators of this package.
func Specs() []operator.Spec {
	docs := operator.Docs(params.ParseDocs(docsJSON))
	return []operator.Spec{httpSpec(docs), sensorSpec(docs)}
}

// Operator sends one HTTP request. The text of the response is the result (XCom).
//
// A response with status 400 or above fails the task, unless check_response is false.
// So does one of more than 10 MiB. After 429 or 503 with a Retry-After header the next
// try waits at least that long.
//
// The connection gives the host or base URL, schema (http unless set), port, login and
// password (basic authentication). Its extra holds headers, and may hold the keys of
// extra_options as defaults.
type Operator struct {
	// Endpoint is the path that is appended to the base URL of the connection. Without
	// a host there it is a whole URL.
	Endpoint string `yaml:"endpoint" param:"template"`
	// Method is the HTTP method.
	Method string `yaml:"method" param:"default=POST"`
	// Data is the query of a GET request (text or mapping), else the body: text as it
	// stands, a mapping as a form, and anything as JSON when the Content-Type header
	// says application/json.
	Data any `yaml:"data" param:"template"`
	// Headers are added to those of the connection.
	Headers map[string]string `yaml:"headers" param:"template"`
	// Conn is the connection of type http.
	Conn string `yaml:"http_conn_id" param:"default=http_default"`
	// ExtraOptions are the settings of the exchange, such as its timeout. What is null
	// comes from the extra of the connection.
	ExtraOptions *ExtraOptions `yaml:"extra_options"`
	// LogResponse writes the text of the response to the task log.
	LogResponse bool `yaml:"log_response" param:"default=false"`
}

var _ operator.Operator = (*Operator)(nil)

func httpSpec(docs operator.Option) operator.Spec {
	const noPython = "Python code cannot run here; check the result in a bash task after this one"
	return operator.Define[Operator]("http", docs,
		operator.Alias(
			"airflow.providers.http.operators.http.HttpOperator",
			"airflow.providers.http.operators.http.SimpleHttpOperator",
			"airflow.operators.http_operator.SimpleHttpOperator",
		),
		operator.RejectedParams(map[string]string{
			"auth_type":           "set login and password, or an Authorization header, in the connection",
			"retry_args":          "use retries and retry_delay of the task",
			"request_kwargs":      "use headers, data and extra_options",
			"response_check*":     noPython,
			"response_filter*":    noPython,
			"pagination_function": noPython,
		}),
		withoutEffect(),
		operator.Example("Get a report", `
endpoint: reports/daily
method: GET
data: {day: "{{ ds }}"}
`),
		operator.Example("Post JSON", `
endpoint: orders
headers: {Content-Type: application/json}
data: {id: 7, tags: [new, "{{ dag.dag_id }}"]}
extra_options: {timeout: 30s}
`),
	)
}

// withoutEffect accepts what Airflow's classes take and what changes nothing here.
func withoutEffect() operator.Option {
	return operator.IgnoredParams("deferrable", "tcp_keep_alive", "tcp_keep_alive_idle", "tcp_keep_alive_count",
		"tcp_keep_alive_interval", "start_from_trigger", "end_from_trigger", "trigger_kwargs")
}

var methods = []string{
	http.MethodGet, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete,
	http.MethodHead, http.MethodOptions,
}

// Validate checks what can be known before templates are rendered.
func (o *Operator) Validate() error {
	return errors.Join(params.At("method", o.checkMethod()), params.At("data", o.checkData()))
}

func (o *Operator) checkMethod() error {
	if !slices.Contains(methods, strings.ToUpper(o.Method)) {
		return fmt.Errorf("unknown method %q: use one of %s", o.Method, strings.Join(methods, ", "))
	}
	return nil
}

func (o *Operator) checkData() error {
	method := strings.ToUpper(o.Method)
	if o.Data != nil && (method == http.MethodHead || method == http.MethodOptions) {
		return fmt.Errorf("a %s request takes no data", method)
	}
	if text, ok := o.Data.(string); ok && (strings.Contains(text, "{{") || strings.Contains(text, "{%")) {
		return nil
	}
	_, _, err := o.payload()
	return err
}

// Execute sends the request and returns the text of the response.
func (o *Operator) Execute(ctx context.Context, tc *operator.TaskContext) (any, error) {
	a, err := o.exchange(ctx, tc)
	if err != nil {
		return nil, err
	}
	if o.LogResponse {
		tc.Log.InfoContext(ctx, a.text) //nolint:sloglint // the response is the message
	}
	if a.failed() {
		return nil, a.err()
	}
	return a.text, nil
}

// answer is the response to a request.
type answer struct {
	// request is the method and the bare URL.
	request  string
	response *resty.Response
	text     string
	// check says that a status of 400 and above counts as failed.
	check bool
}

func (a *answer) failed() bool { return a.check && a.response.StatusCode() >= http.StatusBadRequest }

// exchange sends the request and reads the response.
func (o *Operator) exchange(ctx context.Context, tc *operator.TaskContext) (*answer, error) {
	conn, err := tc.Connections.Connection(ctx, o.Conn)
	if err != nil {
		return nil, fmt.Errorf("get the connection of the http task: %w", err)
	}
	opts, headers, err := connectionOptions(conn)
	if err != nil {
		return nil, err
	}
	opts = o.ExtraOptions.over(opts)
	target, err := targetURL(conn, o.Endpoint)
	if err != nil {
		return nil, err
	}
	client, closeIdle, err := newClient(opts)
	if err != nil {
		return nil, err
	}
	defer closeIdle()
	request := client.R().SetContext(ctx).SetHeaders(headers).SetHeaders(o.Headers)
	if login := conn.GetLogin(); login != "" {
		request.SetBasicAuth(login, conn.GetPassword().Reveal())
	}
	if err := o.fill(request); err != nil {
		return nil, err
	}
	what := strings.ToUpper(o.Method) + " " + bare(target)
	response, err := request.Execute(strings.ToUpper(o.Method), target.String())
	if err != nil {
		return nil, sendError(ctx, what, err)
	}
	tc.Log.InfoContext(ctx, "got the response", "request", what, "status", response.StatusCode(), "bytes", len(response.Body()))
	text := strings.ToValidUTF8(string(response.Body()), "\uFFFD")
	return &answer{what, response, text, or(opts.CheckResponse, true)}, nil
}

// bare is a URL without what may be secret in it: user, query and fragment.
func bare(u *url.URL) string {
	return (&url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path}).String()
}

// sendError takes the whole URL out of what the HTTP client says.
func sendError(ctx context.Context, what string, err error) error {
	if outer, ok := errors.AsType[*url.Error](err); ok {
		err = outer.Err
	}
	switch {
	case ctx.Err() != nil:
		return fmt.Errorf("%s: stopped: %w", what, context.Cause(ctx))
	case errors.Is(err, resty.ErrResponseBodyTooLarge):
		return fmt.Errorf("%s: the response is larger than %d bytes", what, maxResponse)
	}
	return fmt.Errorf("%s: %w", what, err)
}

// err describes a response that counts as failed.
func (a *answer) err() error {
	const most = 300
	text := a.text
	if runes := []rune(text); len(runes) > most {
		text = string(runes[:most]) + "…"
	}
	err := fmt.Errorf("%s: answered %s: %s", a.request, a.response.Status(), text)
	switch a.response.StatusCode() {
	case http.StatusTooManyRequests, http.StatusServiceUnavailable:
		seconds, parseErr := strconv.Atoi(a.response.Header().Get("Retry-After"))
		if parseErr == nil && seconds > 0 { // else it is a date or missing, and retry_delay counts
			return operator.RetryAfter(time.Duration(seconds)*time.Second, err)
		}
	}
	return err
}
