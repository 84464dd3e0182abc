// Package http sends the HTTP requests that tasks and callbacks describe, and says of a
// request that came to nothing whether it may have arrived.
package http

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/go-resty/resty/v2"

	"github.com/dingdag/dingdag/connections"
	"github.com/dingdag/dingdag/params"
	"github.com/dingdag/dingdag/yamlvalue"
)

//go:generate go run github.com/dingdag/dingdag/params/docgen

//go:embed docs_gen.json
var docsJSON string

// Docs are the comments of the parameters, for the structs that embed [Request].
func Docs() params.Docs { return params.ParseDocs(docsJSON) }

// maxResponse is how much of a response is read; a larger one is an error.
const maxResponse = 10 << 20

// Request is one HTTP request through a connection of type http, as DAG files describe it.
// Structs of parameters embed it.
//
// The connection gives the host or base URL, schema (default http), port, login and password
// (basic authentication). Its extra holds headers, and may hold the keys of extra_options as
// defaults.
type Request struct {
	// Endpoint is the path that is appended to the base URL of the connection. If the
	// connection has no host, it is a whole URL.
	Endpoint string `yaml:"endpoint" json:"endpoint,omitempty" param:"template"`
	// Method is the HTTP method.
	Method string `yaml:"method" json:"method" param:"default=POST"`
	// Data is the query of a GET request (text or mapping), otherwise the body: text as it is,
	// a mapping as a form, and anything as JSON if the Content-Type header says
	// application/json.
	Data any `yaml:"data" json:"data,omitempty" param:"template"`
	// Headers are added to those of the connection, which is the place for credentials.
	Headers map[string]string `yaml:"headers" json:"headers,omitempty" param:"template"`
	// Conn is the connection of type http.
	Conn string `yaml:"http_conn_id" json:"http_conn_id" param:"default=http_default"`
	// ExtraOptions are settings of the request, such as its timeout. Null values come from the
	// extra of the connection.
	ExtraOptions *ExtraOptions `yaml:"extra_options" json:"extra_options,omitempty"`
}

var methods = []string{
	http.MethodGet, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete,
	http.MethodHead, http.MethodOptions,
}

// Validate checks what can be known before templates are rendered.
func (r *Request) Validate() error {
	return errors.Join(params.At("method", r.CheckMethod()), params.At("data", r.CheckData()))
}

// CheckMethod refuses an unknown method.
func (r *Request) CheckMethod() error {
	if !slices.Contains(methods, strings.ToUpper(r.Method)) {
		return fmt.Errorf("unknown method %q: use one of %s", r.Method, strings.Join(methods, ", "))
	}
	return nil
}

// CheckData refuses data that cannot be sent.
func (r *Request) CheckData() error {
	if r.Data != nil && r.TakesNoData() {
		return fmt.Errorf("a %s request takes no data", strings.ToUpper(r.Method))
	}
	if text, ok := r.Data.(string); ok && yamlvalue.HoldsTemplate(text) {
		return nil
	}
	_, _, err := r.payload()
	return err
}

// TakesNoData reports whether the method is one without query and body.
func (r *Request) TakesNoData() bool {
	method := strings.ToUpper(r.Method)
	return method == http.MethodHead || method == http.MethodOptions
}

// RepeatSafe reports whether the method is idempotent, so that a request whose answer was
// lost may be sent again (RFC 9110, 9.2.2).
func (r *Request) RepeatSafe() bool {
	method := strings.ToUpper(r.Method)
	return method != http.MethodPost && method != http.MethodPatch
}

// Response is the answer to a request.
type Response struct {
	// Request is the method and the URL without user, query and fragment.
	Request string
	// Status is the code, StatusText that and its words: "404 Not Found".
	Status     int
	StatusText string
	Header     http.Header
	// Replaced counts the places in the text where bytes meant nothing in the charset that
	// the response names, and became U+FFFD.
	Replaced int
	// Size is the number of bytes of the body, as they are once nothing is compressed.
	Size int

	text                  string
	unreadable            error
	unchecked, repeatSafe bool
}

// Text is the body as text, in the charset that the extra option encoding or the Content-Type
// header names, else in UTF-8. A body that is neither is an [*Error].
func (r *Response) Text() (string, error) {
	if r.unreadable != nil {
		return "", &Error{Request: r.Request, Kind: KindRefused, Status: r.Status, Err: r.unreadable}
	}
	return r.text, nil
}

// Send sends the request and reads the response, whatever its status: see [Response.Err].
// The error is an [*Error].
func (r *Request) Send(ctx context.Context, source connections.Source) (*Response, error) {
	transport, request, target, opts, err := r.prepare(ctx, source)
	if err != nil {
		return nil, &Error{Kind: KindInvalid, Err: err}
	}
	defer transport.CloseIdleConnections()
	what := strings.ToUpper(r.Method) + " " + bare(target)
	var left atomic.Bool
	request.SetContext(httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{WroteHeaders: func() { left.Store(true) }}))
	response, err := request.Execute(strings.ToUpper(r.Method), target.String())
	if err != nil {
		kind := KindUnavailable
		if left.Load() && !r.RepeatSafe() {
			kind = KindUncertain
		}
		return nil, &Error{Request: what, Kind: kind, Err: sendError(ctx, err)}
	}
	answer := &Response{
		Request: what, Status: response.StatusCode(), StatusText: response.Status(), Header: response.Header(),
		Size:      len(response.Body()),
		unchecked: !or(opts.CheckResponse, true), repeatSafe: r.RepeatSafe(),
	}
	if encoding := transport.encoding; len(encoding) > 0 {
		answer.Header["Content-Encoding"] = encoding
	}
	answer.text, answer.Replaced, answer.unreadable = decodeText(response.Body(), answer.Header.Get("Content-Type"), opts.Encoding)
	if answer.unreadable != nil { // enough to quote
		answer.text = strings.ToValidUTF8(string(response.Body()), "\uFFFD")
	}
	return answer, nil
}

// prepare looks up the connection and fills the request from it.
func (r *Request) prepare(ctx context.Context, source connections.Source) (*decompressing, *resty.Request, *url.URL, ExtraOptions, error) {
	fail := func(err error) (*decompressing, *resty.Request, *url.URL, ExtraOptions, error) {
		return nil, nil, nil, ExtraOptions{}, err
	}
	conn, err := source.Connection(ctx, r.Conn)
	if err != nil {
		return fail(fmt.Errorf("get the connection of the http request: %w", err))
	}
	opts, headers, err := connectionOptions(conn)
	if err != nil {
		return fail(err)
	}
	opts = r.ExtraOptions.over(opts)
	target, err := targetURL(conn, r.Endpoint)
	if err != nil {
		return fail(err)
	}
	client, transport, err := newClient(opts)
	if err != nil {
		return fail(err)
	}
	request := client.R().SetHeaders(headers).SetHeaders(r.Headers)
	if login := conn.GetLogin(); login != "" {
		request.SetBasicAuth(login, conn.GetPassword().Reveal())
	}
	if err := r.fill(request, target); err != nil {
		return fail(err)
	}
	return transport, request, target, opts, nil
}

// bare is a URL without what may be secret in it: user, query and fragment.
func bare(u *url.URL) string {
	return (&url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path}).String()
}

// sendError takes the whole URL out of what the HTTP client says.
func sendError(ctx context.Context, err error) error {
	if outer, ok := errors.AsType[*url.Error](err); ok {
		err = outer.Err
	}
	switch {
	case ctx.Err() != nil:
		return fmt.Errorf("stopped: %w", context.Cause(ctx))
	case errors.Is(err, resty.ErrResponseBodyTooLarge):
		return fmt.Errorf("the response is larger than %d bytes", maxResponse)
	}
	return err
}
