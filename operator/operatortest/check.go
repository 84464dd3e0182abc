// Package operatortest holds the checks that every operator must pass, and a task
// context for tests.
package operatortest

import (
	"context"
	"encoding/json"
	"net/url"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/dag/dagfile/keys"
	"github.com/dingdag/dingdag/operator"
	"github.com/dingdag/dingdag/params/declare/declaretest"
)

// endsWithin is how soon an operator must return after its context was canceled.
const endsWithin = 10 * time.Second

// Options are what [Check] cannot know by itself. The zero value is for operators
// that need no connection and whose examples all succeed.
type Options struct {
	// Task makes the context of one run, [NewTask] unless set. An operator that calls a
	// service finds its connections there, and the sandbox of the service behind them.
	Task func(t *testing.T) *Task
	// Outcomes are what the examples give, by their title, when that is not success.
	Outcomes map[string]operator.Kind
	// Secrets must not show in any error or log line.
	Secrets []string
	// Blocking is the YAML of parameters with which Execute does not end by itself.
	// Running is called while it runs and returns once it has begun.
	Blocking string
	Running  func(t *testing.T, task *Task)
	// Render renders the templates of examples, which stay as they are unless set.
	Render func(field, text string) (any, error)
}

// Check fails t unless the operator keeps the rules that hold for all: it has
// documentation for itself and for each parameter; DAG files can set each of them; its examples decode without a
// finding, fit the JSON Schema and run to their outcome; an unknown parameter is
// refused at its place; Execute does not change the operator, returns what encodes to
// JSON, ends soon when its context is canceled, and shows no secret.
func Check(t *testing.T, spec operator.Spec, opts Options) {
	t.Helper()
	if opts.Task == nil {
		opts.Task = func(t *testing.T) *Task { t.Helper(); return NewTask(t) }
	}
	if opts.Render == nil {
		opts.Render = func(_, text string) (any, error) { return text, nil }
	}
	declaretest.Check(t, spec)
	for _, name := range spec.Claims() {
		assert.Empty(t, keys.ReservedParam(name, spec.Sensor), "a parameter cannot be called %q", name)
	}
	for _, example := range spec.Examples {
		t.Run("example "+example.Title, func(t *testing.T) {
			t.Parallel()
			checkExample(t, spec, opts, example.Title, example.YAML)
		})
	}
	t.Run("canceled before", func(t *testing.T) { t.Parallel(); checkCanceledBefore(t, spec, opts) })
	if opts.Blocking != "" {
		t.Run("canceled while running", func(t *testing.T) { t.Parallel(); checkCanceledRunning(t, spec, opts) })
	}
}

func checkExample(t *testing.T, spec operator.Spec, opts Options, title, text string) {
	t.Helper()
	op, untouched := Decode(t, spec, text), Decode(t, spec, text)
	rendered, err := spec.Render(op, opts.Render)
	require.NoError(t, err)
	assert.Equal(t, untouched, op, "Render must not change the operator")
	before, err := spec.Render(op, opts.Render)
	require.NoError(t, err)

	task := opts.Task(t)
	result, err := rendered.Execute(t.Context(), task.TaskContext)
	assert.Equal(t, before, rendered, "Execute must not change the operator")
	want := operator.Success
	if kind, set := opts.Outcomes[title]; set {
		want = kind
	}
	assert.Equal(t, want, operator.Classify(t.Context(), err).Kind, "the outcome, error: %v", err)
	_, encodeErr := json.Marshal(result)
	require.NoError(t, encodeErr, "the result must encode to JSON")
	noSecrets(t, opts, task, err)
}

func checkCanceledBefore(t *testing.T, spec operator.Spec, opts Options) {
	t.Helper()
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(operator.ErrShutdown)
	op, err := spec.Render(Decode(t, spec, spec.Examples[0].YAML), opts.Render)
	require.NoError(t, err)
	task := opts.Task(t)
	kind := execute(ctx, t, opts, op, task)
	assert.Contains(t, []operator.Kind{operator.Success, operator.Waiting, operator.Asking, operator.Shutdown}, kind)
}

func checkCanceledRunning(t *testing.T, spec operator.Spec, opts Options) {
	t.Helper()
	ctx, cancel := context.WithCancelCause(t.Context())
	defer cancel(nil)
	op := Decode(t, spec, opts.Blocking)
	task := opts.Task(t)
	done := make(chan operator.Kind, 1)
	go func() { done <- execute(ctx, t, opts, op, task) }()
	opts.Running(t, task)
	cancel(operator.ErrTimeout)
	assert.Equal(t, operator.Timeout, <-done)
}

// execute runs op, which must end soon once ctx is done.
func execute(ctx context.Context, t *testing.T, opts Options, op operator.Operator, task *Task) operator.Kind {
	t.Helper()
	returned := make(chan struct{})
	defer close(returned)
	stop := context.AfterFunc(ctx, func() {
		select {
		case <-time.After(endsWithin):
			panic("Execute goes on " + endsWithin.String() + " after its context was canceled")
		case <-returned:
		}
	})
	defer stop()
	_, err := op.Execute(ctx, task.TaskContext)
	noSecrets(t, opts, task, err)
	return operator.Classify(ctx, err).Kind
}

func noSecrets(t *testing.T, opts Options, task *Task, err error) {
	t.Helper()
	shown := task.LogText()
	if err != nil {
		shown += err.Error()
	}
	for _, secret := range opts.Secrets {
		assert.NotContains(t, shown, secret, "a secret shows in an error or log line")
		assert.NotContains(t, shown, url.QueryEscape(secret), "a secret shows in an error or log line")
	}
}

// Decode returns the operator with the parameters of a YAML text, which must decode
// without any finding.
func Decode(tb testing.TB, spec operator.Spec, text string) operator.Operator {
	tb.Helper()
	return declaretest.Decode(tb, spec, text)
}
