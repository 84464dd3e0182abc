package operatortest

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/dingdag/dingdag/connections"
	"github.com/dingdag/dingdag/operator"
	"github.com/dingdag/dingdag/template"
)

// Task is a [operator.TaskContext] for tests, with everything behind it in memory.
// Fill the maps before the operator runs.
type Task struct {
	*operator.TaskContext

	// Conns are the connections by id, Vars the variables by key.
	Conns map[string]*connections.Connection
	Vars  map[string]string
	// DAGRuns are the runs of all DAGs.
	DAGRuns *Runs
	// Results are the XComs of other tasks by task id and key.
	Results map[string]map[string]any
	// Pushed are the XComs that the operator pushed, by key.
	Pushed map[string]any
	// Kept is what tries saved of their progress, by key.
	Kept map[string]string

	// Params are the params of the run, and Conf is its conf, for programs that ask for them.
	Params, Conf map[string]any

	log *logBuffer
}

// NewTask returns the first try of task "task" in DAG "dag", run "manual__test", for
// 2024-01-02 in UTC, which begins when that day has ended. Its clock stands still. Its
// DAG folder is a temporary directory. Late templates see the operator's names alone.
func NewTask(tb testing.TB) *Task {
	tb.Helper()
	task := &Task{
		Conns: map[string]*connections.Connection{}, Vars: map[string]string{}, DAGRuns: NewRuns(),
		Results: map[string]map[string]any{}, Pushed: map[string]any{}, Kept: map[string]string{}, log: newLogBuffer(),
		Params: map[string]any{},
	}
	start := time.Date(2024, 1, 2, 0, 0, 0, 0, time.UTC)
	end := start.AddDate(0, 0, 1)
	task.TaskContext = &operator.TaskContext{
		DAGID: "dag", RunID: "manual__test", TaskID: "task", MapIndex: -1, TryNumber: 1, MaxTries: 1,
		LogicalDate: start, DataIntervalStart: start, DataIntervalEnd: end, RunAfter: end,
		DAGFolder: tb.TempDir(), Connections: source{task}, Variables: source{task}, XCom: source{task}, Progress: source{task},
		Runs: task.DAGRuns, Latest: true, StartDate: end, Now: func() time.Time { return end }, Location: time.UTC,
		Render: func(text string, names map[string]any) (string, error) {
			return template.New(template.Options{}).Render(text, &template.Context{Extra: names})
		},
		Masker: connections.NewMasker(), Insight: insight{task},
		Log: slog.New(slog.NewTextHandler(task.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
	}
	return task
}

// SetClock makes it a moment, as [time.RFC3339] writes it, from the start of the try on, in a DAG
// of a zone.
func (t *Task) SetClock(tb testing.TB, now string, zone *time.Location) {
	tb.Helper()
	moment, err := time.Parse(time.RFC3339, now)
	if err != nil {
		tb.Fatal(err)
	}
	t.Now = func() time.Time { return moment }
	t.StartDate, t.Location = moment, zone
}

// LogText returns what was logged until now, in the format of [slog.TextHandler].
func (t *Task) LogText() string { return t.log.String() }

// TimeOut executes an operator, ends it as after execution_timeout once the log has a text, and returns its error with what that is
// taken for.
func (t *Task) TimeOut(op operator.Operator, text string) (operator.Kind, error) {
	ctx, cancel := context.WithCancelCause(context.Background())
	defer cancel(nil)
	done := make(chan error, 1)
	go func() {
		_, err := op.Execute(ctx, t.TaskContext)
		done <- err
	}()
	t.AwaitLog(text)
	cancel(operator.ErrTimeout)
	err := <-done
	return operator.Classify(ctx, err).Kind, err
}

// AwaitLog returns once text was logged.
func (t *Task) AwaitLog(text string) { t.log.await(text) }

// source serves the maps of a Task.
type source struct{ task *Task }

func (s source) Connection(_ context.Context, id string) (*connections.Connection, error) {
	if c, found := s.task.Conns[id]; found {
		return c, nil
	}
	return nil, fmt.Errorf("connection %q: %w", id, connections.ErrNotFound)
}

func (s source) Variable(_ context.Context, key string) (string, error) {
	if v, found := s.task.Vars[key]; found {
		return v, nil
	}
	return "", fmt.Errorf("variable %q: %w", key, connections.ErrNotFound)
}

func (s source) Pull(_ context.Context, taskID, key string) (json.RawMessage, error) {
	value, found := s.task.Results[taskID][key]
	if !found {
		return nil, nil
	}
	return json.Marshal(value)
}

func (s source) Push(key string, value any) error {
	if _, err := json.Marshal(value); err != nil {
		return err
	}
	s.task.Pushed[key] = value
	return nil
}

func (s source) Load(_ context.Context, key string) (string, error) { return s.task.Kept[key], nil }

func (s source) Save(_ context.Context, key, value string) error {
	s.task.Kept[key] = value
	return nil
}

// logBuffer keeps what is logged and wakes those who wait for a text.
type logBuffer struct {
	mu    sync.Mutex
	grown *sync.Cond
	text  bytes.Buffer
}

func newLogBuffer() *logBuffer {
	b := &logBuffer{}
	b.grown = sync.NewCond(&b.mu)
	return b
}

func (b *logBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.grown.Broadcast()
	return b.text.Write(p)
}

func (b *logBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

func (b *logBuffer) await(text string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for !strings.Contains(b.text.String(), text) {
		b.grown.Wait()
	}
}
