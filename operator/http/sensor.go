package http

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	hookhttp "github.com/dingdag/dingdag/hook/http"
	"github.com/dingdag/dingdag/operator"
	"github.com/dingdag/dingdag/params"
)

// Sensor sends an HTTP request until the status of the response is below 400.
//
// A status of 400 or above that response_error_codes_allowlist names means not yet; any other
// one fails the sensor, and so does a service that cannot be reached. With check_response:
// false in extra_options every response succeeds.
//
// The connection is used as by the http operator.
type Sensor struct {
	// Endpoint is the path that is appended to the base URL of the connection. If the
	// connection has no host, it is a whole URL.
	Endpoint string `yaml:"endpoint" param:"required,template"`
	// Conn is the connection of type http.
	Conn string `yaml:"http_conn_id" param:"default=http_default"`
	// Method is the HTTP method.
	Method string `yaml:"method" param:"default=GET"`
	// RequestParams are the query of a GET request (text or mapping), else the body, as the
	// data of the http operator.
	RequestParams any `yaml:"request_params" param:"template"`
	// Headers are added to those of the connection.
	Headers map[string]string `yaml:"headers" param:"template"`
	// NotYetCodes are the statuses that mean not yet, or their first digits: 40 is 400 to 409.
	NotYetCodes []string `yaml:"response_error_codes_allowlist" param:"digits,default=404"`
	// SuccessWhen is a condition on a response that is not an error; until it holds, the
	// response means not yet. It has the names of success_when of the http operator.
	SuccessWhen string `yaml:"success_when" param:"late"`
	// ExtraOptions are settings of the request, such as its timeout. Null values come from the
	// extra of the connection.
	ExtraOptions *hookhttp.ExtraOptions `yaml:"extra_options"`
}

var _ operator.Operator = (*Sensor)(nil)

func sensorSpec(docs operator.Option) operator.Spec {
	return operator.Define[Sensor]("http_sensor", docs, operator.Sensor(), operator.Deferrable(),
		operator.Alias(
			"airflow.providers.http.sensors.http.HttpSensor",
			"airflow.sensors.http_sensor.HttpSensor",
			"airflow.operators.sensors.HttpSensor",
			"airflow.operators.HttpSensor",
		),
		operator.RejectedParams(map[string]string{
			"request_kwargs":  "use headers, request_params and extra_options",
			"response_check*": "Python code cannot run here; use success_when",
		}),
		operator.Example("Wait for the report of the day", `endpoint: "reports/{{ ds }}"`),
		operator.Example("Wait until a job is done", `
endpoint: jobs/7
success_when: "{{ response.json.state == 'done' }}"
`),
		operator.Example("Wait through the maintenance of a service", `
endpoint: health
response_error_codes_allowlist: ["404", "503"]
extra_options: {timeout: 10s}
`),
	)
}

// codePattern is a status, or how one begins, for those that can mean not yet.
var codePattern = regexp.MustCompile(`^[45]\d{0,2}$`)

// Validate checks what can be known before templates are rendered.
func (s *Sensor) Validate() error {
	for _, code := range s.NotYetCodes {
		if !codePattern.MatchString(code) {
			return params.At("response_error_codes_allowlist", fmt.Errorf("%q is not a status of 400 or above", code))
		}
	}
	request := s.request()
	return errors.Join(params.At("method", request.CheckMethod()), params.At("request_params", request.CheckData()))
}

func (s *Sensor) request() *hookhttp.Request {
	return &hookhttp.Request{
		Endpoint: s.Endpoint, Method: s.Method, Data: s.RequestParams, Headers: s.Headers, Conn: s.Conn, ExtraOptions: s.ExtraOptions,
	}
}

// Execute sends one request.
func (s *Sensor) Execute(ctx context.Context, tc *operator.TaskContext) (any, error) {
	response, err := exchange(ctx, tc, s.request())
	if err != nil {
		return nil, err
	}
	err = response.Err()
	switch {
	case err == nil:
		held, err := holds(tc, s.SuccessWhen, response)
		if err == nil && !held {
			err = operator.NotYet()
		}
		return nil, err
	case s.meansNotYet(response.Status):
		return nil, operator.NotYet()
	default:
		return nil, outcome(err)
	}
}

func (s *Sensor) meansNotYet(status int) bool {
	codes := s.NotYetCodes
	if codes == nil {
		codes = []string{"404"}
	}
	return slices.ContainsFunc(codes, func(code string) bool { return strings.HasPrefix(strconv.Itoa(status), code) })
}
