// Package api is what people ask of Dingdag and what they see: DAGs, runs, task instances, and why
// something waits. Commands stand over it, so its answers are typed, with the names that JSON has,
// and lists come in pages.
//
// It reads the store by the store's contract and the DAG files through a [Folder]. What only the
// rules of a running scheduler can say is asked of an [Engine].
package api

import (
	"context"
	"encoding/json"
	"strings"
	"time"

	"github.com/dingdag/dingdag/access"
	"github.com/dingdag/dingdag/connections"
	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/engine"
	"github.com/dingdag/dingdag/engine/why"
	"github.com/dingdag/dingdag/store"
	"github.com/dingdag/dingdag/tasklog"
)

// Folder is where the DAG files are.
type Folder interface {
	// DAGs lists what the files hold, by id, in a list of the caller's own with summaries that nobody may change. broken says that some of
	// them are in error, which keeps the others from nothing.
	DAGs() (all []*dag.Summary, broken bool, err error)
	// Load reads all of it. broken is as above.
	Load() (all []*dag.DAG, broken bool, err error)
	// DAG reads one DAG by its id. Its error is a [*BrokenError], or tells which DAG may have
	// been meant.
	DAG(id string) (*dag.DAG, error)
	// Restore makes the DAG of a stored version.
	Restore(source []byte) (*dag.DAG, error)
}

// Options are what an [API] stands on.
type Options struct {
	// Store may be nil while there is none: nothing has run then.
	Store store.Store
	// Vault is that of the connections and variables, or nil as well.
	Vault  Vault
	Folder Folder
	// Engine makes the engine, for the questions that need it.
	Engine func(ctx context.Context) (Engine, error)
	// LogDir is the folder of task logs.
	LogDir string
	// Logs reads them, also those of other machines; nil reads those in LogDir.
	Logs *tasklog.Reader
	// PausedAtCreation says that a DAG that nobody has seen yet is paused, unless its file
	// says otherwise.
	PausedAtCreation bool
	// By is who asks, which is kept with what is changed.
	By store.Actor
	// Visible are the DAGs that whoever asks may see; nil, or a list that is, stands for every one. What is looked up by its number
	// is not there for who is limited to other DAGs, and what is listed without a DAG is that of one's own. What names a DAG is not
	// looked at: whoever calls judges that.
	Visible func(ctx context.Context) ([]string, error)
	// Unseen are kinds of events that whoever asks may not see.
	Unseen []store.EventKind
	// Masker hides secrets in what tasks left behind.
	Masker *connections.Masker
	// Resent is called when messages are to be sent again. It may be nil where the process that
	// sends them is another one, which notices it.
	Resent func()
	// Content shows what a message says. It may be nil: then that is not shown.
	Content func(*store.Delivery) (AlertContent, error)
	// ConnIDs are the ids of the connections that are known here, with an error when some can't be read.
	// It may be nil: then names of robots are not checked.
	ConnIDs func(ctx context.Context) ([]string, error)
	Clock   func() time.Time
	// Command is a command line of the program that people can copy, for errors that name one. It may be
	// nil: then the program is called dingdag.
	Command func(words ...string) string
}

// API answers what people ask. It keeps nothing between two calls and may be used by several at
// once.
type API struct {
	o    Options
	logs *tasklog.Reader
}

// New returns an API. Every option but the store, the vault and Logs is needed, and By only for changes.
func New(o Options) *API {
	logs := o.Logs
	if logs == nil {
		logs = tasklog.NewReader(tasklog.Options{Dir: o.LogDir})
	}
	return &API{o, logs}
}

// By is the same for somebody else who asks.
func (a *API) By(who store.Actor) *API {
	o := a.o
	o.By = who
	return &API{o, a.logs}
}

// Mask hides the secrets that are known in a text.
func (a *API) Mask(text string) string { return a.o.Masker.Mask(text) }

// MaskJSON hides them in JSON.
func (a *API) MaskJSON(b json.RawMessage) json.RawMessage { return a.o.Masker.MaskJSON(b) }

// command is a command line that an error names.
func (a *API) command(words ...string) string {
	if a.o.Command == nil {
		return "dingdag " + strings.Join(words, " ")
	}
	return a.o.Command(words...)
}

// DAGOf is the DAG of a stored version, whatever has become of its file.
func (a *API) DAGOf(ctx context.Context, version string) (*dag.DAG, error) {
	src, err := a.o.Store.Version(ctx, version)
	if err != nil {
		return nil, err
	}
	return a.o.Folder.Restore(src)
}

// optional is a moment for JSON, in UTC, or nil.
func optional(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return new(t.UTC())
}

// seconds is how long something took; nil while it has not ended.
func seconds(start, end time.Time) *float64 {
	if start.IsZero() || end.IsZero() {
		return nil
	}
	return new(end.Sub(start).Seconds())
}

// Engine judges by the rules that the scheduler goes by, and changes runs. [*engine.Engine] is one.
type Engine interface {
	// WhyTask returns store.ErrNotFound when the run's version of the DAG has no such task.
	WhyTask(ctx context.Context, r *store.Run, taskID string) ([]why.Instance, error)
	// TriggerRun, Clear, Mark, Remove and CreateBackfill change runs, or let the process do it that works on
	// the store.
	TriggerRun(ctx context.Context, dagID string, t engine.Trigger) (*engine.Triggered, error)
	Clear(ctx context.Context, r engine.ClearRequest) (*engine.Affected, error)
	Mark(ctx context.Context, r engine.MarkRequest) (*engine.Affected, error)
	Remove(ctx context.Context, r engine.RemoveRequest) (*engine.Removed, error)
	CreateBackfill(ctx context.Context, dagID string, r engine.BackfillRequest) (*engine.CreatedBackfill, error)
	// TemplateFields are the parameters of an operator that may hold templates.
	TemplateFields(operator string) []string
	// RenderedTry returns store.ErrNotFound when the run's version of the DAG has no such task.
	RenderedTry(ctx context.Context, r *store.Run, taskID string, mapIndex, try int) (*engine.Rendering, error)
}

// Only is the limit of whoever asks.
func (a *API) Only(ctx context.Context) (access.Only, error) { return access.OnlyOf(ctx, a.o.Visible) }

// Unlimited is the same without it, to find out what is true for everybody: what it answers is not for whoever asks to see.
func (a *API) Unlimited() *API {
	o := a.o
	o.Visible = nil
	return &API{o, a.logs}
}
