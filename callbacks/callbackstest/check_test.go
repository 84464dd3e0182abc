package callbackstest_test

import (
	"context"
	"encoding/json"
	"fmt"
	"testing"

	"github.com/dingdag/dingdag/callbacks"
	"github.com/dingdag/dingdag/callbacks/callbackstest"
	"github.com/dingdag/dingdag/params"
)

// note is a notifier that keeps all rules.
type note struct {
	Text string `yaml:"text" json:"text" param:"required"`
}

func (n *note) Prepare(ev *callbacks.Event) (callbacks.Message, error) {
	payload, err := json.Marshal(n)
	return callbacks.Message{Sender: "note", Channel: "note", Summary: fmt.Sprint(ev.Kind), Payload: payload}, err
}

// memory keeps what it is sent.
type memory struct{ sent []note }

func (s *memory) Send(ctx context.Context, m callbacks.Message) (string, error) {
	if ctx.Err() != nil {
		return "", ctx.Err()
	}
	var n note
	if err := json.Unmarshal(m.Payload, &n); err != nil {
		return "", err
	}
	s.sent = append(s.sent, n)
	return "kept", nil
}

func TestCheckTakesWhatKeepsTheRules(t *testing.T) {
	t.Parallel()
	spec := callbacks.Define[note]("note",
		callbacks.Docs(params.ParseDocs(`{"note": {"text": "Keeps a text.", "fields": {"text": "What to keep."}}}`)),
		callbacks.Example("A text", "text: hello\n"),
	)
	callbackstest.Check(t, spec, callbackstest.Options{
		SenderName: "note", Secrets: []string{"s3cret"},
		Start: func(t *testing.T) callbackstest.Receiver {
			t.Helper()
			s := &memory{}
			return callbackstest.Receiver{Sender: s, Arrived: func() int { return len(s.sent) }}
		},
	})
}

// A test that needs an event of each kind gets each once.
func TestEvents(t *testing.T) {
	t.Parallel()
	seen := map[callbacks.Kind]bool{}
	for _, ev := range callbackstest.Events() {
		if seen[ev.Kind] {
			t.Errorf("two events %s", ev.Kind)
		}
		seen[ev.Kind] = true
	}
	for _, kind := range []callbacks.Kind{
		callbacks.Execute, callbacks.Success, callbacks.Failure, callbacks.Retry, callbacks.Skipped,
		callbacks.Missed, callbacks.Deadline, callbacks.ImportError, callbacks.DailyDigest,
	} {
		if !seen[kind] {
			t.Errorf("no event %s", kind)
		}
	}
}
