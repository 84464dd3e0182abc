// Package worker runs one try of one task instance: it opens the log, renders the fields, executes
// the operator or lets the sensor look, and says in a [Result] what became of it. Whoever holds the
// run applies the Result to it. The room reads the store; what must last through a crash while a try
// still runs goes through a [Keeper], and nothing else is written but logs.
package worker

import (
	"context"
	"io"
	"iter"
	"log/slog"
	"time"

	"github.com/dingdag/dingdag/connections"
	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/operator"
	"github.com/dingdag/dingdag/render"
	"github.com/dingdag/dingdag/store"
)

// Store is what tries read. Its methods are those of [store.Reader].
type Store interface {
	render.Reader
	RunAt(ctx context.Context, dagID string, logicalDate time.Time) (*store.Run, error)
	NearestRun(ctx context.Context, dagID string, at time.Time) (*store.Run, error)
	Instances(ctx context.Context, runKey int64) ([]*store.Instance, error)
	TaskProgress(ctx context.Context, in *store.Instance, key string) (string, error)
	AskOf(ctx context.Context, in *store.Instance) (*store.Ask, error)
}

// Keeper writes what must be there although the process dies while a try runs.
type Keeper interface {
	// KeepProgress keeps what a try has done of its work, for the tries after it. It has been
	// written when the error is nil, although the context ended meanwhile: what was done, was done.
	KeepProgress(ctx context.Context, in *store.Instance, key, value string) error
	// KeepRendered keeps what a try that goes on has rendered.
	KeepRendered(ctx context.Context, r *store.RenderedTry) error
}

// Runs is what tries ask of whoever makes runs.
type Runs interface {
	// Trigger makes a manual run for a try. By names the try among all of the store, and which
	// of the runs that it asks for: if it has made that one already, it gets it again. Errors are
	// those of [operator.Runs].
	Trigger(ctx context.Context, t operator.TriggerRequest, by string) (runID string, err error)
	// DAG returns the DAG with an id as it is now, nil for an unknown one, and whether it is paused. While it can't be
	// read it waits, until ctx ends.
	DAG(ctx context.Context, id string) (d *dag.DAG, paused bool)
}

// LogJournal is told of each log before it is opened, so that whoever brings logs to another place knows of it whatever happens to the
// process. Begin must return soon; done is called when the log is closed, or could not be opened. A log that cannot be begun is not
// opened.
type LogJournal interface {
	Begin(path string) (done func(), err error)
}

// Options configures [New]. Fields without a default are needed, unless they say otherwise.
type Options struct {
	Render *render.Renderer
	Store  Store
	Keep   Keeper
	Runs   Runs
	// Masker hides secrets in task logs and errors.
	Masker *connections.Masker
	// Environ is the environment that commands of tasks inherit; nil is that of the process
	// without our secrets.
	Environ []string
	// ProcessDir is where operators note the processes that they start; empty notes nothing.
	ProcessDir string
	// TaskOutput, when set, receives a copy of every line of every task log.
	TaskOutput io.Writer
	// Written, when set, is told how many bytes were written to a task log. It must return at once.
	Written func(bytes int)
	// Journal, when set, is told of task logs.
	Journal LogJournal
	// KillGrace is how long an operator may ignore the end of its context before its try is
	// given up.
	KillGrace time.Duration
	// MaxMapLength is how many elements a result may have that a task is mapped over.
	MaxMapLength int
	// RenderedLength is how many bytes of a rendered field are kept; 0 keeps none.
	RenderedLength int
	Clock          func() time.Time
	// Log is the log of the process itself.
	Log *slog.Logger
}

// Worker runs tries. It is safe for concurrent use.
type Worker struct{ o Options }

// New returns a worker.
func New(o Options) *Worker { return &Worker{o} }

// now is the time as the store keeps it.
func (w *Worker) now() time.Time { return w.o.Clock().UTC().Truncate(time.Millisecond) }

// The pauses between two tries of what may pass, such as a full disk.
const (
	firstPause = 500 * time.Millisecond
	lastPause  = 30 * time.Second
)

// Pauses are the pauses between two tries to write what can't be written, without end: each is
// twice as long as the one before, up to half a minute.
func Pauses() iter.Seq[time.Duration] {
	return func(yield func(time.Duration) bool) {
		pause := firstPause
		for yield(pause) {
			pause = min(2*pause, lastPause)
		}
	}
}
