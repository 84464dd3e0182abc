package http

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/dingdag/dingdag/callbacks"
	"github.com/dingdag/dingdag/callbacks/terms"
	hookhttp "github.com/dingdag/dingdag/hook/http"
	"github.com/dingdag/dingdag/params"
	"github.com/dingdag/dingdag/params/declare"
)

const uncertainRetry = "retry"

// Notifier sends an HTTP request: to a webhook, a pager or a chat.
//
// Without data a POST, PUT or PATCH sends the event as JSON: kind, dag_id, task_id, run_id,
// map_index, try_number, max_tries, state, reason, error, logical_date, start_date, end_date,
// next_retry, failed_tasks, host, owner, owner_problem, timezone, log and log_host, without those that are
// empty, and all of it for people under text, the key that many chats read. If the templates in data fail
// or render to nothing, the same is sent instead, with the reason under problem.
//
// Requests through one connection are sent one at a time. A status of 400 to 499 is recorded
// as refused, 429 and 500 or above are tried again, as is a service that cannot be reached. If
// the answer to a request is lost, the request is sent again only if repeating it is harmless
// (not for POST and PATCH).
//
// The request itself is stored until it is sent. Credentials belong in the connection, which
// is read when the request is sent.
type Notifier struct {
	hookhttp.Request
	terms.Common

	// LogResponse keeps the beginning of the response's text in the record of the delivery.
	LogResponse bool `yaml:"log_response" json:"log_response,omitempty" param:"default=false"`
	// OnUncertain says what happens when no answer came and the request may have arrived:
	// fail records that, retry sends it again.
	OnUncertain string `yaml:"on_uncertain" json:"on_uncertain,omitempty" param:"default=fail,enum=fail|retry"`
}

var (
	_ callbacks.Callback      = (*Notifier)(nil)
	_ callbacks.Fallback      = (*Notifier)(nil)
	_ callbacks.RenderChecker = (*Notifier)(nil)
	_ params.Validator        = (*Notifier)(nil)
)

func notifierSpec(docs callbacks.Option) callbacks.Spec {
	return callbacks.Define[Notifier]("http", docs,
		callbacks.RejectedParams(hookhttp.RejectedParams()),
		callbacks.IgnoredParams(declare.DeferrableParams()...),
		callbacks.Example("The event as JSON, to a webhook", `
http_conn_id: http_default
endpoint: hooks/airflow
`),
		callbacks.Example("A custom request", `
endpoint: "incidents/{{ dag.dag_id }}"
method: PUT
headers: {Content-Type: application/json}
data: {title: "{{ ti.task_id }} failed", details: "{{ exception }}"}
extra_options: {timeout: 10s}
`),
	)
}

// Validate refuses what can never be sent. An alert that fails for its form would only
// show when it is needed.
func (n *Notifier) Validate() error {
	var errs []error
	if n.ExtraOptions != nil {
		for scheme, text := range n.ExtraOptions.Proxies {
			if strings.Contains(text, "@") {
				errs = append(errs, params.At("extra_options", fmt.Errorf(
					"the proxy for %q has a user or password: put proxies into the extra of the connection", scheme)))
			}
		}
	}
	return errors.Join(append(errs, n.Request.Validate())...)
}

// CheckRendered refuses a body of which templates left nothing. One that the file leaves
// empty is meant to be.
func (n *Notifier) CheckRendered(file callbacks.Callback) error {
	meant, ok := file.(*Notifier)
	if !ok {
		return fmt.Errorf("the file has a %T", file)
	}
	if takesBody(n.Method) && n.SendsNothing() && !meant.SendsNothing() {
		return errors.New("the callback's template rendered to nothing: data")
	}
	return nil
}

// Prepare writes down the request for the outbox.
func (n *Notifier) Prepare(ev *callbacks.Event) (callbacks.Message, error) {
	filled := *n
	filled.Data = params.FloatNumbers(n.Data)
	if n.Data == nil && takesBody(n.Method) {
		filled.Data = told{Event: withoutPeople(ev), Text: ev.Text()}
		filled.Headers = map[string]string{"Content-Type": "application/json"}
		for name, value := range n.Headers {
			if !strings.EqualFold(name, "Content-Type") {
				filled.Headers[name] = value
			}
		}
	}
	payload, err := json.Marshal(filled)
	if err != nil {
		return callbacks.Message{}, fmt.Errorf("encode the request through %s: %w", n.Conn, err)
	}
	return callbacks.Message{
		Sender:  SenderName,
		Channel: callbacks.ChannelOf(SenderName, n.Conn),
		Summary: fmt.Sprintf("%s of %s by %s through %s", ev.Kind, ev.Subject(), strings.ToUpper(n.Method), n.Conn),
		Payload: payload,
	}, nil
}

// Fallback is the notifier with the event as its data. A request whose endpoint is lost has
// no place to go.
func (n *Notifier) Fallback(lost []string) (callbacks.Callback, error) {
	if slices.Contains(lost, "endpoint") {
		return nil, errors.New("without the endpoint there is no place to send to")
	}
	plain := *n
	plain.Data = nil
	plain.Headers = maps.Clone(n.Headers)
	for _, field := range lost {
		if name, ok := strings.CutPrefix(field, "headers."); ok {
			delete(plain.Headers, name)
		}
	}
	if !takesBody(n.Method) {
		return nil, fmt.Errorf("a %s request has no body that could tell the event", strings.ToUpper(n.Method))
	}
	return &plain, nil
}

// told is the data when none is given.
type told struct {
	*callbacks.Event

	Text string `json:"text"`
}

// withoutPeople is an event without what is personal: whoever gets it has directories of their own.
func withoutPeople(ev *callbacks.Event) *callbacks.Event {
	plain := *ev
	plain.OwnerMobiles, plain.OwnerUserIDs, plain.OwnerEmails = nil, nil, nil
	return &plain
}

func takesBody(method string) bool {
	switch strings.ToUpper(method) {
	case http.MethodPost, http.MethodPut, http.MethodPatch:
		return true
	}
	return false
}
