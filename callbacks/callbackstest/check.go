// Package callbackstest holds the checks that every notifier must pass, and events for
// tests.
package callbackstest

import (
	"context"
	"encoding/json"
	"errors"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/callbacks"
	"github.com/dingdag/dingdag/dag/dagfile/keys"
	"github.com/dingdag/dingdag/params/declare/declaretest"
)

// endsWithin is how soon a sender must return after its context was canceled.
const endsWithin = 10 * time.Second

// Receiver is what the messages of a notifier go to, in a test.
type Receiver struct {
	// Sender delivers them.
	Sender callbacks.Sender
	// Arrived counts what has arrived so far.
	Arrived func() int
}

// Options are what [Check] cannot know by itself.
type Options struct {
	// SenderName is the name under which messages of the notifier find their sender.
	SenderName string
	// Start starts a receiver of its own for one delivery. It ends with the test.
	Start func(t *testing.T) Receiver
	// Secrets must not show in any message, error or receipt.
	Secrets []string
}

// Check fails t unless the notifier keeps the rules that hold for all: it has
// documentation for itself and for each parameter; its examples decode without a finding
// and fit the JSON Schema; an unknown parameter is refused at its place; of each kind of
// event Prepare makes the same message each time and changes neither notifier nor event;
// the message is delivered once and its record has no secret; the fallback, if there is
// one, is delivered too, and so is the end of a silence, if the sender can tell it; nothing arrives and the sender ends soon when its context is
// canceled; and a payload that cannot be read is a final error.
func Check(t *testing.T, spec callbacks.Spec, opts Options) {
	t.Helper()
	declaretest.Check(t, spec)
	assert.NotContains(t, spec.Claims(), keys.ReservedArgument, "that key names the notifier")
	for _, example := range spec.Examples {
		for _, ev := range Events() {
			t.Run(example.Title+" "+string(ev.Kind), func(t *testing.T) {
				t.Parallel()
				checkPrepare(t, spec, opts, example.YAML, ev)
			})
		}
		t.Run("delivery of "+example.Title, func(t *testing.T) {
			t.Parallel()
			m := prepare(t, declaretest.Decode(t, spec, example.YAML), Failure())
			checkDelivery(t, opts, m)
		})
		t.Run("end of a silence after "+example.Title, func(t *testing.T) { t.Parallel(); checkTell(t, spec, opts, example.YAML) })
		t.Run("fallback of "+example.Title, func(t *testing.T) { t.Parallel(); checkFallback(t, spec, opts, example.YAML) })
	}
	first := spec.Examples[0].YAML
	t.Run("canceled before", func(t *testing.T) {
		t.Parallel()
		checkCanceled(t, opts, prepare(t, declaretest.Decode(t, spec, first), Failure()))
	})
	t.Run("broken payload", func(t *testing.T) {
		t.Parallel()
		m := prepare(t, declaretest.Decode(t, spec, first), Failure())
		m.Payload = json.RawMessage(`{"`)
		checkBroken(t, opts, m)
	})
}

func prepare(t *testing.T, c callbacks.Callback, ev *callbacks.Event) callbacks.Message {
	t.Helper()
	m, err := c.Prepare(ev)
	require.NoError(t, err)
	return m
}

func checkPrepare(t *testing.T, spec callbacks.Spec, opts Options, text string, ev *callbacks.Event) {
	t.Helper()
	c, untouched := declaretest.Decode(t, spec, text), declaretest.Decode(t, spec, text)
	before := *ev
	m := prepare(t, c, ev)
	assert.Equal(t, untouched, c, "Prepare must not change the notifier")
	assert.Equal(t, before, *ev, "Prepare must not change the event")
	assert.Equal(t, m, prepare(t, c, ev), "one event gives one message")
	assert.Equal(t, opts.SenderName, m.Sender)
	assert.NotEmpty(t, m.Channel, "messages of one receiver leave in order")
	assert.NotEmpty(t, m.Summary)
	assert.NotContains(t, m.Summary, "\n", "the summary is one line")
	assert.True(t, json.Valid(m.Payload), "the payload is JSON")
	noSecrets(t, opts, m.Summary, string(m.Payload), m.Channel)
}

func checkDelivery(t *testing.T, opts Options, m callbacks.Message) {
	t.Helper()
	to := opts.Start(t)
	receipt, err := to.Sender.Send(t.Context(), m)
	require.NoError(t, err)
	assert.NotEmpty(t, receipt, "the record says what the receiver answered")
	assert.Equal(t, 1, to.Arrived(), "the message arrives once")
	noSecrets(t, opts, receipt)
	if s, ok := to.Sender.(callbacks.ConnSender); ok {
		assert.NotEmpty(t, s.ConnID(m), "a change of the connection lets the message leave at once")
	}
}

func checkFallback(t *testing.T, spec callbacks.Spec, opts Options, text string) {
	t.Helper()
	c, untouched := declaretest.Decode(t, spec, text), declaretest.Decode(t, spec, text)
	f, ok := c.(callbacks.Fallback)
	if !ok {
		return
	}
	plain, err := f.Fallback(nil)
	require.NoError(t, err)
	assert.Equal(t, untouched, c, "Fallback must not change the notifier")
	ev := Failure()
	ev.Problem = "the message cannot be rendered"
	checkDelivery(t, opts, prepare(t, plain, ev))
}

// checkTell fails t unless the end of a silence is told to the receiver of a message, by the same
// message whatever was silenced.
func checkTell(t *testing.T, spec callbacks.Spec, opts Options, text string) {
	t.Helper()
	s, ok := opts.Start(t).Sender.(callbacks.EventSender)
	if !ok {
		return
	}
	ev := SilenceEnd()
	m := prepare(t, declaretest.Decode(t, spec, text), Failure())
	told, err := s.Tell(m, ev)
	require.NoError(t, err)
	assert.Equal(t, m.Channel, told.Channel)
	other := Failure()
	other.RunID, other.Kind = "another", callbacks.Retry
	again, err := s.Tell(prepare(t, declaretest.Decode(t, spec, text), other), ev)
	require.NoError(t, err)
	assert.Equal(t, told, again, "the receiver is the same")
	_, err = s.Tell(callbacks.Message{Payload: json.RawMessage(`{"`)}, ev)
	require.Error(t, err)
	checkDelivery(t, opts, told)
}

func checkCanceled(t *testing.T, opts Options, m callbacks.Message) {
	t.Helper()
	to := opts.Start(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	done := make(chan error, 1)
	go func() {
		_, err := to.Sender.Send(ctx, m)
		done <- err
	}()
	select {
	case err := <-done:
		require.Error(t, err, "nothing was delivered")
		noSecrets(t, opts, err.Error())
	case <-time.After(endsWithin):
		t.Fatalf("Send goes on %s after its context was canceled", endsWithin)
	}
	assert.Zero(t, to.Arrived())
}

func checkBroken(t *testing.T, opts Options, m callbacks.Message) {
	t.Helper()
	to := opts.Start(t)
	_, err := to.Sender.Send(t.Context(), m)
	require.Error(t, err)
	if e, ok := errors.AsType[callbacks.DeliveryError](err); ok {
		assert.False(t, e.Retryable() || e.Uncertain(), "what cannot be read is never sent")
	}
	if s, ok := to.Sender.(callbacks.ConnSender); ok {
		assert.Empty(t, s.ConnID(m))
	}
	if s, ok := to.Sender.(callbacks.RepeatSender); ok {
		assert.False(t, s.RepeatSafe(m))
	}
	assert.Zero(t, to.Arrived())
}

func noSecrets(t *testing.T, opts Options, texts ...string) {
	t.Helper()
	shown := strings.Join(texts, "\n")
	for _, secret := range opts.Secrets {
		assert.NotContains(t, shown, secret, "a secret shows")
		assert.NotContains(t, shown, url.QueryEscape(secret), "a secret shows")
	}
}
