// Package history ends what nobody needs any more: runs with their task instances, XComs and
// logs, messages that have arrived, records of ticks, events of assets, requests, jobs, and DAG
// versions. It does so by age and by number, in steps that hold the one writer of the store for a
// moment only, beside whoever works there.
//
// A run goes first for everybody who reads, then its rows and its logs; what is left to do is on
// record, so that a crash at any moment leaves nothing behind for ever. What others need stays,
// whatever its age: see [Cleaner.Clean].
package history

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/dingdag/dingdag/store"
)

// Kind is a kind of history, as people name it.
type Kind string

// The kinds of history.
const (
	// Runs are DAG runs that have ended, with all that belongs to them, their logs too.
	Runs Kind = "runs"
	// Logs are the logs of runs that stay themselves.
	Logs Kind = "logs"
	// XComs are those of runs that stay themselves.
	XComs Kind = "xcoms"
	// Alerts are messages that were delivered or refused.
	Alerts Kind = "alerts"
	// Ticks are the records of ticks without a run, and what tells of them: pauses, errors of DAG
	// files, when a scheduler was at work.
	Ticks Kind = "ticks"
	// Events are what people changed, and who.
	Events Kind = "events"
	// Assets are updates of assets.
	Assets Kind = "assets"
	// Backfills are those that have ended and whose runs are gone.
	Backfills Kind = "backfills"
	// Chat is what came from DingTalk and was answered.
	Chat Kind = "chat"
	// Requests are what processes have asked of each other.
	Requests Kind = "requests"
	// Versions are DAG versions that nothing refers to. They have no age.
	Versions Kind = "versions"
	// Jobs are jobs of the queue that have ended.
	Jobs Kind = "jobs"
)

// Kinds are all of them, in the order in which they are told.
var Kinds = []Kind{Runs, Logs, XComs, Alerts, Ticks, Events, Assets, Backfills, Chat, Requests, Versions, Jobs}

// rows are the kinds of rows that end by their age alone.
var rows = map[Kind][]store.OldKind{
	Alerts:    {store.OldAlerts, store.OldSilences},
	Ticks:     {store.OldTicks, store.OldPauses, store.OldImportErrors, store.OldLives},
	Events:    {store.OldEvents},
	Assets:    {store.OldAssetEvents},
	Backfills: {store.OldBackfills},
	Chat:      {store.OldChat},
	Requests:  {store.OldRequests},
	Jobs:      {store.OldJobs},
}

// Bound says what of a kind is old: what ended before a moment, and what is not among the newest
// ones. The zero value is a bound by which nothing is old.
type Bound struct {
	// Before is the moment; zero is none.
	Before time.Time
	// Newest is how many are not old by their number: runs of each DAG, rows of all other kinds.
	// 0 is no such bound. Versions and jobs have none.
	Newest int
}

func (b Bound) none() bool { return b.Before.IsZero() && b.Newest == 0 }

// Plan says what goes.
type Plan struct {
	// Bounds are those of the kinds that are looked at. A kind that is missing stays.
	Bounds map[Kind]Bound
	// KeepLast is how many of the newest runs of each DAG stay as they are, with their logs and
	// XComs, whatever their age and number.
	KeepLast int
	// Spare is how much of the store, in percent, may stay unused for new rows.
	Spare int
}

// Limit says how long and how many of a kind are kept. Zero fields are no limit.
type Limit struct {
	Age    time.Duration
	Number int
}

// Policy is what is kept, for a plan at any moment.
type Policy struct {
	Limits   map[Kind]Limit
	KeepLast int
	Spare    int
}

// At is the plan at a moment.
func (p Policy) At(now time.Time) Plan {
	out := Plan{Bounds: map[Kind]Bound{}, KeepLast: p.KeepLast, Spare: p.Spare}
	for kind, l := range p.Limits {
		b := Bound{Newest: l.Number}
		if l.Age > 0 {
			b.Before = now.Add(-l.Age)
		}
		if kind == Versions || !b.none() {
			out.Bounds[kind] = b
		}
	}
	return out
}

// Needs is what a DAG reads of its own runs beside the last ones.
type Needs struct {
	// Ended is how many of the runs that ended last it looks at (max_consecutive_failed_dag_runs),
	// Successes how many of the successful ones (deadlines over an average).
	Ended, Successes int
}

// Report is what has gone, or would go.
type Report struct {
	// Counts are how many of each kind. Those of logs are files and what the log store has of them, with those of the runs.
	Counts map[Kind]int
	// Instances is how many task instances the runs had. XComs of the runs count as XComs.
	Instances int
	// GivenBack is how many bytes of the store were given back to the operating system.
	GivenBack int64
	// Longest is the longest time for which a step held the writer.
	Longest time.Duration
	// Steps is how many steps there were.
	Steps int
}

// Empty reports whether nothing has gone.
func (r *Report) Empty() bool {
	for _, n := range r.Counts {
		if n > 0 {
			return false
		}
	}
	return r.GivenBack == 0
}

// LogStore is where logs are beside the log folder. Its methods are those of tasklog.Store.
type LogStore interface {
	// Remove removes what is of the logs below a folder that began before a moment, and says how many parts.
	Remove(ctx context.Context, folder string, before time.Time) (int, error)
	// Count counts them.
	Count(ctx context.Context, folder string) (int, error)
}

// Options are what a [Cleaner] works on. All but Logs, Log and Rest are required.
type Options struct {
	Store store.Store
	// LogDir is the folder of task logs.
	LogDir string
	// Logs is the log store; nil where there is none.
	Logs LogStore
	// Needs tells what a DAG needs. An error keeps the runs of the DAG.
	Needs func(ctx context.Context, dagID string) (Needs, error)
	// Clock tells the time, and how long a step takes.
	Clock func() time.Time
	// Rest waits between two steps, of which the last held the writer for so long; nil goes on at
	// once. It returns early when ctx ends.
	Rest func(ctx context.Context, held time.Duration)
	// Log receives what went wrong and is tried again; nil discards it.
	Log *slog.Logger
}

// Cleaner ends history. One may be used from one goroutine at a time; several, also of other
// processes, may work on one store.
type Cleaner struct {
	o Options
	// size is how much a step of each sort does.
	sizes map[string]*size
	// removed says that runs went since versions were looked at last.
	removed bool
}

// New returns a cleaner.
func New(o Options) *Cleaner {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Rest == nil {
		o.Rest = func(context.Context, time.Duration) {}
	}
	return &Cleaner{o: o, sizes: map[string]*size{}, removed: true}
}

// Clean ends what is old by a plan, and what an earlier one has begun to. These stay, whatever
// the plan says, and of the runs their logs and XComs too:
//
//   - runs that are queued or running, and those of which a task is still at work;
//   - the run from which a schedule goes on, and the newest run of each DAG, of those that nobody
//     triggered, and of the successful ones, also before each open run: depends_on_past,
//     wait_for_downstream and prev_…_success read them;
//   - the runs that deadlines average and max_consecutive_failed_dag_runs counts ([Needs]);
//   - runs of an open backfill, and those that a task of an open run has made;
//   - messages that wait, are being sent or are uncertain, updates of assets for which a DAG
//     waits, the newest of each asset, and the last ticks on record.
//
// What fails of it does not keep the rest from going; the error has all of it.
func (c *Cleaner) Clean(ctx context.Context, p Plan) (*Report, error) {
	r := newPass(c, p)
	for _, part := range []func(context.Context) error{r.leftovers, r.runs, r.leftovers, r.storedLogs, r.rows, r.versions, r.space} {
		r.failed(part(ctx))
	}
	return &r.report, errors.Join(r.errs...)
}

// Would tells what a plan would end now. Versions that only those runs refer to are not counted.
func (c *Cleaner) Would(ctx context.Context, p Plan) (*Report, error) {
	r := newPass(c, p)
	r.dry = map[int64]bool{}
	for _, part := range []func(context.Context) error{r.runs, r.rows, r.versions} {
		r.failed(part(ctx))
	}
	return &r.report, errors.Join(r.errs...)
}

// pass is one time that a cleaner looks at everything.
type pass struct {
	c      *Cleaner
	p      Plan
	report Report
	// dry has the runs that would go; it is nil when they do.
	dry map[int64]bool
	// errs are what went wrong so far, of parts that keep no other part from going on.
	errs []error
}

// failed notes what went wrong with a part, if anything.
func (r *pass) failed(err error) {
	if err != nil {
		r.errs = append(r.errs, err)
	}
}

func newPass(c *Cleaner, p Plan) *pass {
	return &pass{c: c, p: p, report: Report{Counts: map[Kind]int{}}}
}
