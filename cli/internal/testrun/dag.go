// Package testrun has the commands that run or render something here and now, beside the real
// runs: dags test, tasks test and tasks render.
package testrun

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/dingdag/dingdag/cli/internal/app"
	"github.com/dingdag/dingdag/cli/internal/command"
	"github.com/dingdag/dingdag/cli/internal/show"
	"github.com/dingdag/dingdag/connections"
	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/dagrun"
	"github.com/dingdag/dingdag/engine"
	"github.com/dingdag/dingdag/store"
	"github.com/dingdag/dingdag/store/sqlite"
)

// NewDAG makes the command dags test.
func NewDAG(a *app.App) *cobra.Command {
	var (
		conf    string
		file    string
		answers map[string]string
	)
	cmd := &cobra.Command{
		Use:   "test DAG [LOGICAL_DATE]",
		Short: "Run a DAG once, here and now, with its logs on the screen",
		Long: `Runs one DAG run in this process, on a store of its own that is thrown away: no scheduler is
needed, and nothing of it shows among the real runs. Pools are unlimited. Messages and
callbacks are really sent, through the connections of the home folder. Tasks that ask people
have the answer of --answer, or go on with their defaults. The exit code is 1 when the run fails.`,
		Example: "  dingdag dags test my_dag\n  dingdag dags test my_dag 2026-01-31 --conf '{\"day\": \"2026-01-31\"}'\n  dingdag dags test my_dag -f dags/my_dag.yaml",
		Args:    command.RangeArgs(1, "DAG", "LOGICAL_DATE"), ValidArgsFunction: a.CompleteDAGs,
		RunE: func(cmd *cobra.Command, args []string) error {
			t, err := trigger(a, conf, args[1:])
			if err != nil {
				return err
			}
			var files []string
			if file != "" {
				files = []string{file}
			}
			d, err := a.DAGs.Find(args[0], files...)
			if err != nil {
				return err
			}
			for id := range answers {
				if d.Task(id) == nil {
					return command.Usagef("--answer %s: dag %s has no such task", id, d.ID)
				}
			}
			return runDAGsTest(cmd.Context(), a, d, t, answers)
		},
	}
	cmd.Flags().StringVarP(&conf, "conf", "c", "", "JSON object for the run's conf and params")
	cmd.Flags().StringVarP(&file, "file", "f", "", "DAG file or folder (default the DAGs folder)")
	cmd.Flags().StringToStringVar(&answers, "answer", nil, "TASK=OPTION: the answer to what a task asks people (default its defaults)")
	return cmd
}

func runDAGsTest(ctx context.Context, a *app.App, d *dag.DAG, t engine.Trigger, answers map[string]string) error {
	if _, err := t.NewRun(d, a.Clock(), time.Millisecond); err != nil {
		return command.UsageError{Err: err}
	}
	dir, err := os.MkdirTemp("", "dingdag-test-")
	if err != nil {
		return fmt.Errorf("create a folder for the test: %w", err)
	}
	noted, over := a.NoteTest(dir)
	defer over()
	defer func() { _ = os.RemoveAll(dir) }()
	db, err := a.Connections(ctx)
	if err != nil {
		return err
	}
	if err := a.KnowOwners(ctx); err != nil {
		return err
	}
	if err := warnUnknownPools(ctx, a, d); err != nil {
		return err
	}
	run, err := runOnce(ctx, a, dir, noted, db, d, t, answers)
	if err != nil {
		return err
	}
	fmt.Fprintf(a.Out, "run %s of dag %s: %s", run.RunID, d.ID, run.State)
	if run.State != dag.RunSuccess {
		fmt.Fprintf(a.Out, " (%s)\n", show.Shown(a.Out, run.Reason))
		return command.ErrQuiet
	}
	fmt.Fprintln(a.Out)
	return nil
}

// runOnce runs one run of a DAG on a store in dir and waits until it has ended and
// every message of its callbacks has left. Nobody is asked anything: answers are by task. It notes its commands in the folder noted.
func runOnce(ctx context.Context, a *app.App, dir, noted string, db connections.Source, d *dag.DAG, t engine.Trigger, answers map[string]string) (*store.Run, error) {
	s, err := sqlite.Open(ctx, filepath.Join(dir, "test.db"), sqlite.Options{Synchronous: "NORMAL"})
	if err != nil {
		return nil, err
	}
	defer func() { _ = s.Close() }()
	if err := unboundPools(ctx, s, d); err != nil {
		return nil, err
	}
	out, _ := a.LogWriter() // it gets whole lines
	w := newRunWatch(out, a.Clock)
	e, err := a.Engine(s, db, func(o *engine.Options) {
		o.Maintenance = nil // who tests wants to see the alerts
		o.LogDir, o.LogsPass, o.ProcessDir = filepath.Join(dir, "logs"), true, noted
		o.FoldAfter = 0 // whoever tests wants to see each
		o.TaskOutput = w
		o.Observe = w.observe
		o.Answer = func(q *store.Ask) []string {
			if answer := answers[q.TaskID]; answer != "" {
				return []string{answer}
			}
			return nil
		}
	})
	if err != nil {
		return nil, err
	}
	if err := e.SetDAGs(ctx, []*dag.DAG{d}); err != nil {
		return nil, err
	}
	if err := s.Tx(ctx, func(tx store.Tx) error { return tx.SetPaused(ctx, d.ID, false) }); err != nil {
		return nil, err
	}
	var run *store.Run
	err = app.While(ctx, e, engine.RunOptions{}, func(ctx context.Context) error {
		made, err := e.Trigger(ctx, d.ID, t)
		if err != nil {
			return err
		}
		run = made
		return w.wait(ctx, s)
	})
	if err != nil {
		return nil, err
	}
	return s.Run(ctx, run.Key)
}

// unboundPools makes the pools that the tasks of a DAG name in the store of a test run,
// without a bound. There is one run only, and its tasks must not wait for slots which
// that store knows nothing of (Airflow, DAG.test).
func unboundPools(ctx context.Context, s store.Store, d *dag.DAG) error {
	return s.Tx(ctx, func(tx store.Tx) error {
		for _, t := range d.Tasks {
			if err := tx.PutPool(ctx, &store.Pool{Name: t.Pool, Slots: -1}); err != nil {
				return err
			}
		}
		return nil
	})
}

// warnUnknownPools tells of pools that are not in the home folder's store: tasks of real
// runs would wait for them.
func warnUnknownPools(ctx context.Context, a *app.App, d *dag.DAG) error {
	known := map[string]bool{dagrun.DefaultPool: true}
	ok, err := a.HasStore()
	if err != nil {
		return err
	}
	if ok {
		s, err := a.OpenStore(ctx)
		if err != nil {
			return err
		}
		ps, err := s.Pools(ctx)
		if err != nil {
			return err
		}
		for _, p := range ps {
			known[p.Name] = true
		}
	}
	for _, t := range d.Tasks {
		if !known[t.Pool] {
			known[t.Pool] = true // told once
			fmt.Fprintf(a.Err, "warning: pool %q, which task %q names, does not exist: a test run continues, tasks of other runs wait; create it with %s\n", t.Pool, t.ID, a.Command("pools", "set", t.Pool, "SLOTS"))
		}
	}
	return nil
}

// runWatch prints what happens in a test run and knows when it is over.
type runWatch struct {
	mu      sync.Mutex
	out     io.Writer
	clock   func() time.Time
	over    bool
	changed chan struct{}
}

func newRunWatch(out io.Writer, clock func() time.Time) *runWatch {
	return &runWatch{out: out, clock: clock, changed: make(chan struct{}, 1)}
}

// Write prints a line of a task log.
func (w *runWatch) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.out.Write(p)
}

func (w *runWatch) observe(u engine.Update) {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case u.Delivery != nil:
		fmt.Fprintf(w.out, "[%s] %s: %s", u.Delivery.Summary, u.Delivery.Owner.Event, u.Delivery.State)
		if u.Delivery.Error != "" {
			fmt.Fprintf(w.out, ": %s", u.Delivery.Error)
		}
		fmt.Fprintln(w.out)
	case u.Instance != nil:
		if s := u.Instance.State; s != dag.Queued && s != dag.Scheduled {
			fmt.Fprintf(w.out, "%s: %s\n", u.Instance.Label(), s)
		}
	case u.Run.State.Finished():
		w.over = true
	default:
		return
	}
	select {
	case w.changed <- struct{}{}:
	default: // the waiter looks anyway
	}
}

// wait returns once the run has ended and the outbox is empty. A message that is to be
// tried again much later does not hold it up, and neither do those behind it: a channel
// keeps its order. What has not left is told, because the store is thrown away.
func (w *runWatch) wait(ctx context.Context, s store.Store) error {
	for {
		w.mu.Lock()
		over := w.over
		w.mu.Unlock()
		if over {
			more, err := soon(ctx, s, w.clock())
			if err != nil {
				return err
			}
			if !more {
				return w.unsent(ctx, s)
			}
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-w.changed:
		}
	}
}

// unsent names the messages that will not be sent any more.
func (w *runWatch) unsent(ctx context.Context, s store.Store) error {
	waiting, err := s.Deliveries(ctx, []store.DeliveryState{store.DeliveryWaiting}, 0)
	if err != nil {
		return err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, d := range waiting {
		fmt.Fprintf(w.out, "[%s] %s: not sent: a test run does not wait for a blocked receiver\n", d.Summary, d.Owner.Event)
	}
	return nil
}

// soon reports whether a message is leaving, or will within seconds.
func soon(ctx context.Context, s store.Store, now time.Time) (bool, error) {
	channels, err := s.OpenChannels(ctx)
	if err != nil {
		return false, err
	}
	for _, c := range channels {
		heads, at, err := s.DeliveryLine(ctx, c, now)
		if err != nil {
			return false, err
		}
		if len(heads) > 0 || at.Before(now.Add(10*time.Second)) {
			return true, nil
		}
	}
	return false, nil
}
