package callbacks_test

import (
	"context"
	"encoding/json"
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/callbacks"
)

type note struct {
	Text string `yaml:"text" param:"required,template"`
}

func (n *note) Prepare(*callbacks.Event) (callbacks.Message, error) {
	return callbacks.Message{Sender: "note", Summary: n.Text}, nil
}

type sink struct{}

func (sink) Send(context.Context, callbacks.Message) (string, error) { return "", nil }

func TestRegistry(t *testing.T) {
	t.Parallel()
	r, err := callbacks.NewRegistry(
		[]callbacks.Spec{callbacks.Define[note]("note", callbacks.Alias("airflow.providers.note.NoteNotifier"))},
		map[string]callbacks.Sender{"note": sink{}},
	)
	require.NoError(t, err)
	spec, found := r.Lookup("airflow.providers.note.NoteNotifier")
	require.True(t, found)
	assert.Equal(t, "note", spec.Name)
	assert.Equal(t, "note", r.Suggest("noet"))
	_, found = r.Sender("note")
	assert.True(t, found)
	_, found = r.Sender("other")
	assert.False(t, found)
	assert.Len(t, r.Specs(), 1)
}

func TestRegistryRefuses(t *testing.T) {
	t.Parallel()
	call := func(context.Context, *callbacks.Event) error { return nil }
	_, err := callbacks.NewRegistry(
		[]callbacks.Spec{callbacks.Define[note]("note"), callbacks.Define[note]("slack")}, nil,
		callbacks.Func("note", call), callbacks.Func("page", call), callbacks.Func("page", call),
	)
	require.Error(t, err)
	assert.Contains(t, err.Error(), `callback function "page" is registered twice`)
	assert.Contains(t, err.Error(), `callback "note": the name "note" is taken by "note"`)
	assert.Contains(t, err.Error(), `callback "slack": the name "slack" cannot be registered: slack is not supported`)
}

func TestRejected(t *testing.T) {
	t.Parallel()
	for _, name := range []string{
		"slack", "apprise",
		"airflow.providers.slack.notifications.slack_notifier.SlackNotifier",
		"airflow.providers.discord.notifications.discord.DiscordNotifier",
		"airflow.providers.pagerduty.notifications.send_pagerduty_notification",
	} {
		message, ok := callbacks.Rejected(name)
		assert.True(t, ok, name)
		assert.Contains(t, message, "use dingding", name)
	}
	for _, name := range []string{"", "dingding", "mycompany.SlackNotifier", "airflow.providers.smtp.notifications.smtp.SmtpNotifier"} {
		_, ok := callbacks.Rejected(name)
		assert.False(t, ok, name)
	}
}

// send registers call, names it as a DAG file would and delivers ev to it.
func send(t *testing.T, ev callbacks.Event, call func(context.Context, *callbacks.Event) error) (callbacks.Message, error) {
	t.Helper()
	r, err := callbacks.NewRegistry(nil, nil, callbacks.Func("mycompany.page", call))
	require.NoError(t, err)
	spec, found := r.Lookup("mycompany.page")
	require.True(t, found)
	callback, problems := spec.Decode(nil)
	require.Empty(t, problems)
	callback, err = spec.Render(callback, nil)
	require.NoError(t, err)
	m, err := callback.Prepare(&ev)
	require.NoError(t, err)
	sender, found := r.Sender(m.Sender)
	require.True(t, found)
	_, err = sender.Send(t.Context(), m)
	return m, err
}

func TestFunctionGetsTheEvent(t *testing.T) {
	t.Parallel()
	want := callbacks.Event{
		Kind: callbacks.Failure, DAGID: "etl", RunID: "r", TaskID: "load", MapIndex: -1, TryNumber: 2, MaxTries: 3,
		State: "failed", Error: "boom",
	}
	var got callbacks.Event
	m, err := send(t, want, func(_ context.Context, ev *callbacks.Event) error {
		got = *ev
		return nil
	})
	require.NoError(t, err)
	assert.Equal(t, want, got)
	assert.Equal(t, "on_failure of etl.load to function mycompany.page", m.Summary)
	assert.True(t, json.Valid(m.Payload))
}

func TestFunctionErrors(t *testing.T) {
	t.Parallel()
	boom := errors.New("boom")
	_, err := send(t, callbacks.Event{}, func(context.Context, *callbacks.Event) error { return boom })
	require.ErrorIs(t, err, boom)
	require.EqualError(t, err, "callback function mycompany.page: boom")

	_, err = send(t, callbacks.Event{}, func(context.Context, *callbacks.Event) error { panic("ouch") })
	require.ErrorContains(t, err, "callback function mycompany.page: panic: ouch")
	require.ErrorContains(t, err, "registry_test.go", "the stack says where")

	f := callbacks.Func("f", func(context.Context, *callbacks.Event) error { return nil })
	_, err = f.Send(t.Context(), callbacks.Message{Payload: json.RawMessage("{")})
	require.ErrorContains(t, err, "callback function f: read the event")
}
