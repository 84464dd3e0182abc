package http

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"

	"github.com/dingdag/dingdag/callbacks"
	"github.com/dingdag/dingdag/connections"
	hookhttp "github.com/dingdag/dingdag/hook/http"
)

// SenderName is the name under which [Sender] has to be registered.
const SenderName = "http"

// Sender sends what [Notifier] wrote into the outbox. The connection is looked up at each
// delivery, so that a corrected password helps requests that wait.
type Sender struct {
	source connections.Source
}

var (
	_ callbacks.Sender       = (*Sender)(nil)
	_ callbacks.RepeatSender = (*Sender)(nil)
	_ callbacks.ConnSender   = (*Sender)(nil)
	_ callbacks.EventSender  = (*Sender)(nil)

	_ callbacks.StandInSender = (*Sender)(nil)
)

// NewSender returns a sender that looks up connections in source.
func NewSender(source connections.Source) *Sender { return &Sender{source: source} }

// Send sends one request. The receipt is the status of the answer. The error is a
// [callbacks.DeliveryError].
func (s *Sender) Send(ctx context.Context, m callbacks.Message) (receipt string, err error) {
	n, err := readPayload(m)
	if err != nil {
		return "", err
	}
	response, err := n.Request.Send(ctx, s.source)
	if err == nil {
		err = response.Err()
	}
	if e, ok := errors.AsType[*hookhttp.Error](err); ok && e.Uncertain() && n.OnUncertain == uncertainRetry {
		return "", repeatableError{e}
	}
	if err != nil {
		return "", err
	}
	receipt = response.StatusText
	if n.LogResponse && response.Size > 0 {
		receipt += ": " + response.Excerpt()
	}
	return receipt, nil
}

// RepeatSafe reports whether the method is one whose repeat does no harm, or the notifier
// asks for a repeat.
func (s *Sender) RepeatSafe(m callbacks.Message) bool {
	n, err := readPayload(m)
	return err == nil && (n.Request.RepeatSafe() || n.OnUncertain == uncertainRetry)
}

// Tell posts ev as JSON to the endpoint of m. Headers of m are left out: they may say which request
// it is.
func (s *Sender) Tell(m callbacks.Message, ev *callbacks.Event) (callbacks.Message, error) {
	n, err := readPayload(m)
	if err != nil {
		return callbacks.Message{}, err
	}
	n.Headers = nil
	plain, err := n.Fallback(nil)
	if err != nil {
		return callbacks.Message{}, err
	}
	return plain.Prepare(ev)
}

// Serves reports whether it is a connection of an HTTP service.
func (s *Sender) Serves(c callbacks.Conn) bool { return c.Type == "http" || c.Type == "https" }

// StandIn posts the event as JSON to the base URL of the connection.
func (s *Sender) StandIn(c callbacks.Conn, ev *callbacks.Event) (callbacks.Message, error) {
	n := &Notifier{Request: hookhttp.Request{Method: http.MethodPost, Conn: c.ID}}
	return n.Prepare(ev)
}

// ConnID is the connection of the request.
func (s *Sender) ConnID(m callbacks.Message) string {
	n, err := readPayload(m)
	if err != nil {
		return ""
	}
	return n.Conn
}

func readPayload(m callbacks.Message) (Notifier, error) {
	var n Notifier
	decoder := json.NewDecoder(bytes.NewReader(m.Payload))
	decoder.UseNumber()
	if err := decoder.Decode(&n); err != nil {
		return n, fmt.Errorf("read an HTTP request from the outbox: %w", err)
	}
	return n, nil
}

// repeatableError is an uncertain error after which the request is sent again.
type repeatableError struct{ callbacks.DeliveryError }

// Retryable is true.
func (repeatableError) Retryable() bool { return true }

// Unwrap returns the error of the request.
func (r repeatableError) Unwrap() error { return r.DeliveryError }
