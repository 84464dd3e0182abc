// Package http holds the operators that call HTTP services.
package http

import (
	"context"
	_ "embed"
	"errors"
	"maps"

	hookhttp "github.com/dingdag/dingdag/hook/http"
	"github.com/dingdag/dingdag/operator"
	"github.com/dingdag/dingdag/params"
)

//go:generate go run github.com/dingdag/dingdag/params/docgen

//go:embed docs_gen.json
var docsJSON string

// Specs returns the operators of this package.
func Specs() []operator.Spec {
	comments := params.ParseDocs(docsJSON).With(hookhttp.Docs())
	docs := operator.Docs(comments)
	return []operator.Spec{httpSpec(docs), sensorSpec(docs)}
}

// Operator sends one HTTP request. The text of the response is the result (XCom).
//
// The text is decoded by the charset of the Content-Type header, otherwise as UTF-8, and
// text/… that is not valid UTF-8 as ISO-8859-1, as in Python's requests; encoding in
// extra_options overrides these. A response that cannot be decoded fails the task at once.
// gzip and deflate are decompressed.
//
// Redirects are followed as in requests: after 301, 302 and 303 a POST becomes a GET, DELETE
// stays DELETE after 301, and PUT or PATCH with data fails there, because the data would not
// be sent again. Credentials are not sent to another host.
//
// A response with status 400 or above fails the task, unless check_response is false.
// So does one of more than 10 MiB. After 429 or 503 with a Retry-After header the next
// try waits at least that long.
//
// The connection gives the host or base URL, schema (default http), port, login and password
// (basic authentication). Its extra holds headers, and may hold the keys of extra_options as
// defaults.
type Operator struct {
	hookhttp.Request

	// SuccessWhen is a condition on the response; the task fails if it does not hold. It has
	// the name response, with status, headers (in their usual spelling or in lower case),
	// text, and json if the text is JSON. It does not hold if it renders to nothing or, in
	// upper or lower case, to false, no, off, 0, none or null.
	SuccessWhen string `yaml:"success_when" param:"late"`
	// LogResponse writes the text of the response to the task log.
	LogResponse bool `yaml:"log_response" param:"default=false"`
}

var _ operator.Operator = (*Operator)(nil)

func httpSpec(docs operator.Option) operator.Spec {
	return operator.Define[Operator]("http", docs,
		operator.Alias(
			"airflow.providers.http.operators.http.HttpOperator",
			"airflow.providers.http.operators.http.SimpleHttpOperator",
			"airflow.operators.http_operator.SimpleHttpOperator",
			"airflow.operators.SimpleHttpOperator",
		),
		operator.RejectedParams(rejected()),
		operator.Deferrable(),
		operator.Example("Get a report", `
endpoint: reports/daily
method: GET
data: {day: "{{ ds }}"}
`),
		operator.Example("Succeed only if the service says so", `
endpoint: jobs/7
method: GET
success_when: "{{ response.json.state == 'done' }}"
`),
		operator.Example("Post JSON", `
endpoint: orders
headers: {Content-Type: application/json}
data: {id: 7, tags: [new, "{{ dag.dag_id }}"]}
extra_options: {timeout: 30s}
`),
	)
}

// rejected are the parameters of Airflow that are refused.
func rejected() map[string]string {
	const noPython = "Python code cannot run here; use success_when"
	all := hookhttp.RejectedParams()
	maps.Copy(all, map[string]string{
		"response_check*": noPython, "response_filter*": "Python code cannot run here: the response is the result as it is; extract what you need from it where it is used",
		"pagination_function": "call http once for each page",
	})
	return all
}

// Execute sends the request and returns the text of the response.
func (o *Operator) Execute(ctx context.Context, tc *operator.TaskContext) (any, error) {
	response, err := exchange(ctx, tc, &o.Request)
	if err != nil {
		return nil, err
	}
	text, unreadable := response.Text()
	if o.LogResponse && unreadable == nil {
		tc.Log.InfoContext(ctx, text) //nolint:sloglint // the response is the message
	}
	if err := response.Err(); err != nil {
		return nil, outcome(err)
	}
	if unreadable != nil {
		return nil, operator.Fail(unreadable) // the request has done its work: no further try
	}
	held, err := holds(tc, o.SuccessWhen, response)
	if err == nil && !held {
		err = unmet(response)
	}
	if err != nil {
		return nil, err
	}
	return text, nil
}

// exchange sends the request and reads the response.
func exchange(ctx context.Context, tc *operator.TaskContext, request *hookhttp.Request) (*hookhttp.Response, error) {
	response, err := request.Send(ctx, tc.Connections)
	if err != nil {
		return nil, err
	}
	tc.Log.InfoContext(ctx, "got the response", "request", response.Request, "status", response.Status, "bytes", response.Size)
	if response.Replaced > 0 {
		tc.Log.WarnContext(ctx, "bytes of the response are invalid in the charset that it names, and became \uFFFD", "places", response.Replaced)
	}
	return response, nil
}

// outcome lets the next try wait as long as the service asks for.
func outcome(err error) error {
	if e, ok := errors.AsType[*hookhttp.Error](err); ok && e.Wait > 0 {
		return operator.RetryAfter(e.Wait, err)
	}
	return err
}
