// Package upkeep has the commands that look after the home folder, and what a scheduler does of it by
// itself.
package upkeep

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/dingdag/dingdag/cli/internal/app"
	"github.com/dingdag/dingdag/cli/internal/command"
	"github.com/dingdag/dingdag/cli/internal/settings"
	"github.com/dingdag/dingdag/cli/internal/show"
	"github.com/dingdag/dingdag/dag/dagfile"
	"github.com/dingdag/dingdag/history"
	"github.com/dingdag/dingdag/store"
	"github.com/dingdag/dingdag/store/sqlstore/sqlcheck"
	"github.com/dingdag/dingdag/yamlvalue"
)

// NewDB is the command for the store.
func NewDB(a *app.App) *cobra.Command {
	cmd := &cobra.Command{Use: "db", Short: "Look after the store", Example: "  dingdag db clean --before 90d --dry-run"}
	cmd.AddCommand(newMigrate(a), newCheck(a), newUpgradePlan(a), newCopy(a), newClean(a))
	return cmd
}

// clean is what the command is told.
type clean struct {
	before, output      string
	tables              []string
	keepLast            int
	dryRun, yes, vacuum bool
}

func newClean(a *app.App) *cobra.Command {
	var c clean
	cmd := &cobra.Command{
		Use: "clean", Short: "Remove old runs with their logs, messages and records",
		Long: `Removes what ended before a moment: runs with their tasks, XComs and logs, messages that
were delivered or refused, records of ticks, events and assets, and what nothing refers
to any more. It lists what it would remove and asks first. The scheduler does the same by
itself, by the settings of history; both may work at once.

What is needed stays, whatever its age: runs that are queued or running and those before
them, the run from which a schedule goes on, the newest run and the newest success of each
DAG, those that deadlines and max_consecutive_failed_dag_runs count, and messages that
wait or are uncertain.`,
		Example: `  dingdag db clean --before 90d --dry-run
  dingdag db clean --before 2026-01-01 --keep-last 10 -y
  dingdag db clean --before 30d --tables logs,xcoms -y`,
		Args: command.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return c.run(cmd.Context(), a) },
	}
	f := cmd.Flags()
	f.StringVar(&c.before, "before", "", "remove what ended before this moment: 90d, 12h, or a date")
	f.StringSliceVarP(&c.tables, "tables", "t", nil, "only these, separated by commas: "+words(history.Kinds)+" (default all)")
	f.IntVar(&c.keepLast, "keep-last", 0, "how many of the newest runs of each DAG to keep whole")
	f.BoolVar(&c.dryRun, "dry-run", false, "only list what would be removed")
	f.BoolVarP(&c.yes, "yes", "y", false, "do not ask")
	f.BoolVar(&c.vacuum, "vacuum", false, "rewrite the store afterwards, without unused space; no other dingdag may be running")
	show.OutputFlag(cmd, &c.output)
	f.SetNormalizeFunc(func(_ *pflag.FlagSet, name string) pflag.NormalizedName {
		if name == "clean-before-timestamp" { // Airflow's
			name = "before"
		}
		return pflag.NormalizedName(name)
	})
	_ = cmd.RegisterFlagCompletionFunc("tables", cobra.FixedCompletions(texts(history.Kinds), cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

func texts(kinds []history.Kind) (out []string) {
	for _, k := range kinds {
		out = append(out, string(k))
	}
	return out
}

func words(kinds []history.Kind) string { return strings.Join(texts(kinds), ", ") }

// plan reads what is to go.
func (c *clean) plan(a *app.App) (history.Plan, error) {
	p := history.Plan{KeepLast: c.keepLast, Bounds: map[history.Kind]history.Bound{}}
	if c.keepLast < 0 {
		return p, command.Usagef("--keep-last %d: must be a whole number, 0 or more", c.keepLast)
	}
	if c.before == "" {
		if c.vacuum && len(c.tables) == 0 {
			return p, nil
		}
		return p, command.Usagef("--before is missing: 90d for what ended more than 90 days ago, or a date such as 2026-01-31")
	}
	var at time.Time
	if d, err := yamlvalue.ParseDuration(c.before); err == nil {
		at = a.Clock().Add(-d)
	} else if at, err = a.ParseDate(c.before); err != nil {
		return p, command.Usagef("--before: %q is neither a duration such as 12h or 90d nor a date such as 2026-01-31", c.before)
	}
	kinds := history.Kinds
	if len(c.tables) > 0 {
		kinds = nil
		for _, name := range c.tables {
			kind := history.Kind(strings.TrimSpace(name))
			if !slices.Contains(history.Kinds, kind) {
				return p, command.Usagef("--tables: there is no %q%s; there are %s", name, yamlvalue.DidYouMean(name, slices.Values(texts(history.Kinds))), words(history.Kinds))
			}
			kinds = append(kinds, kind)
		}
	}
	for _, kind := range kinds {
		p.Bounds[kind] = history.Bound{Before: at}
	}
	return p, nil
}

func (c *clean) run(ctx context.Context, a *app.App) error {
	if err := show.CheckOutput(c.output); err != nil {
		return err
	}
	p, err := c.plan(a)
	if err != nil {
		return err
	}
	if c.vacuum && !c.dryRun {
		if err := a.Lock(); err != nil { // before anything is removed
			return fmt.Errorf("--vacuum: %w", err)
		}
	}
	s, err := a.OpenStore(ctx)
	if err != nil {
		return err
	}
	if err := c.remove(ctx, a, s, p); err != nil || !c.vacuum || c.dryRun {
		return err
	}
	before, err := s.Space(ctx)
	if err != nil {
		return err
	}
	if err := s.Vacuum(ctx); err != nil {
		return err
	}
	after, err := s.Space(ctx)
	if err == nil {
		fmt.Fprintf(a.Err, "the store has %s and had %s\n", sqlcheck.Size(after.Total), sqlcheck.Size(before.Total))
	}
	return err
}

// remove lists what would go, asks, and lets it go.
func (c *clean) remove(ctx context.Context, a *app.App, s store.Store, p history.Plan) error {
	if len(p.Bounds) == 0 {
		return nil
	}
	needs, err := NewNeeds(a, s)
	if err != nil {
		return err
	}
	logs, err := a.CleanedLogs(s)
	if err != nil {
		return err
	}
	cleaner := history.New(history.Options{Store: s, LogDir: a.LogDir(), Logs: logs, Needs: needs.Of, Clock: a.Clock, Rest: history.Rest(1), Log: a.Log()})
	would, err := cleaner.Would(ctx, p)
	if err != nil {
		return err
	}
	if err := c.print(a, would); err != nil {
		return err
	}
	if c.dryRun {
		return nil
	}
	if would.Empty() {
		fmt.Fprintln(a.Err, "nothing to remove")
	} else if !c.yes {
		if ok, err := a.Confirm(ctx, "remove all of this for good"); err != nil || !ok {
			return err
		}
	}
	done, err := cleaner.Clean(ctx, p) // also what an earlier one has begun
	if !done.Empty() {
		fmt.Fprintf(a.Err, "removed %s; no step held the store for longer than %s\n", summary(done), done.Longest.Round(time.Millisecond/10))
	}
	if err != nil {
		return err
	}
	return c.tellUnused(ctx, a, s)
}

type cleanRow struct {
	Table string `json:"table"`
	Rows  int    `json:"rows"`
}

// print lists what would go.
func (c *clean) print(a *app.App, r *history.Report) error {
	l := show.List{Columns: []string{"Table", "Rows"}}
	for _, kind := range history.Kinds {
		n := r.Counts[kind]
		if n == 0 {
			continue
		}
		l.Add(cleanRow{string(kind), n}, string(kind), strconv.Itoa(n))
		if kind == history.Runs && r.Instances > 0 {
			l.Add(cleanRow{"task_instances", r.Instances}, "task_instances", strconv.Itoa(r.Instances))
		}
	}
	if would := r.Empty(); would && c.output == "table" {
		return nil
	}
	return l.Print(a.Out, c.output)
}

// summary is what has gone, in a line.
func summary(r *history.Report) string {
	var parts []string
	for _, kind := range history.Kinds {
		if n := r.Counts[kind]; n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, kind))
		}
	}
	if r.GivenBack > 0 {
		parts = append(parts, sqlcheck.Size(r.GivenBack)+" of the store's file")
	}
	return strings.Join(parts, ", ")
}

// tellUnused says how a store that can't give space back by itself does it.
func (c *clean) tellUnused(ctx context.Context, a *app.App, s store.Store) error {
	sp, err := s.Space(ctx)
	if err != nil || sp.Shrinks || c.vacuum || sp.Unused < worthATip {
		return err
	}
	a.Notef("%s of the store are unused and kept for new rows: this store was created by an older program and does not shrink by itself until dingdag db clean --vacuum has run once, with dingdag stopped", sqlcheck.Size(sp.Unused))
	return nil
}

// worthATip is how much unused space is worth a word, in bytes.
const worthATip = 16 << 20

// Upkeep removes old history while a scheduler works.
type Upkeep struct {
	a       *app.App
	needs   *Needs
	cleaner *history.Cleaner
}

// New returns the upkeep of a store.
func New(a *app.App, s store.Store) (*Upkeep, error) {
	needs, err := NewNeeds(a, s)
	if err != nil {
		return nil, err
	}
	logs, err := a.CleanedLogs(s)
	if err != nil {
		return nil, err
	}
	return &Upkeep{a, needs, history.New(history.Options{
		Store: s, LogDir: a.LogDir(), Logs: logs, Needs: needs.Of, Clock: a.Clock, Rest: history.Rest(3), Log: a.Log(),
	})}, nil
}

// Loading takes in what the scheduler has loaded, on its way there.
func (u *Upkeep) Loading(to func(context.Context, dagfile.Result) error) func(context.Context, dagfile.Result) error {
	return u.needs.Loading(to)
}

// Run works by the settings of history until ctx ends.
func (u *Upkeep) Run(ctx context.Context) {
	p, every := policy(u.a.Settings)
	u.cleaner.Run(ctx, p, every)
}

// RunLocal removes the old logs on the disk of one of the processes that share a store, by the settings of history, until ctx ends.
// waiting is how many of them are not in the log store yet; nil where there is none.
func RunLocal(ctx context.Context, a *app.App, s store.History, waiting func() int) {
	if a.Settings.HistoryEvery > 0 {
		history.NewLocal(history.LocalOptions{Store: s, LogDir: a.LogDir(), Waiting: waiting, Clock: a.Clock, Log: a.Log()}).Run(ctx, a.Settings.HistoryEvery)
	}
}

// everyJobs is how often jobs of the queue are removed where nothing else is.
const everyJobs = 10 * time.Minute

// policy is what goes by itself, and how often. Jobs of the queue that have ended go in any case: they are
// nobody's history.
func policy(c *settings.Config) (history.Policy, time.Duration) {
	if c.HistoryEvery > 0 {
		return c.History, c.HistoryEvery
	}
	return history.Policy{Limits: map[history.Kind]history.Limit{history.Jobs: c.History.Limits[history.Jobs]}, Spare: 100}, everyJobs
}
