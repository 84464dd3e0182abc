// Package demo has the local DingTalk: the sandbox, and the run of the examples against it.
package demo

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/jedib0t/go-pretty/v6/progress"
	"github.com/spf13/cobra"

	"github.com/dingdag/dingdag/api"
	"github.com/dingdag/dingdag/cli/internal/app"
	"github.com/dingdag/dingdag/cli/internal/command"
	"github.com/dingdag/dingdag/cli/internal/home"
	"github.com/dingdag/dingdag/cli/internal/receiving"
	"github.com/dingdag/dingdag/cli/internal/settings"
	"github.com/dingdag/dingdag/cli/internal/show"
	"github.com/dingdag/dingdag/connections"
	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/dags/examples"
	"github.com/dingdag/dingdag/engine"
	"github.com/dingdag/dingdag/sandbox"
	"github.com/dingdag/dingdag/store"
)

// New makes the command demo.
func New(a *app.App) *cobra.Command {
	var timeout time.Duration
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Run the example DAGs against a local DingTalk",
		Long: `Starts the sandbox, a local DingTalk, on loopback, and runs the example DAGs end to end:
scheduler, store, workers, hook and callbacks, without an account and without keys.
Each message is printed as the group would see it. Some tasks fail on purpose; the
summary tells which alert each of them caused. State goes to a temporary folder unless
--home is given.`,
		Example: "  dingdag demo\n  dingdag demo --home ./demo      # keep the store and the logs",
		Args:    command.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx, cancel := context.WithTimeoutCause(cmd.Context(), timeout, fmt.Errorf("the demo took longer than %s", timeout))
			defer cancel()
			err := runDemo(ctx, a)
			if err != nil && ctx.Err() != nil {
				return context.Cause(ctx)
			}
			return err
		},
	}
	cmd.Flags().DurationVar(&timeout, "timeout", 2*time.Minute, "give up after this time")
	return cmd
}

func runDemo(ctx context.Context, a *app.App) (err error) {
	if a.Flags[settings.HomeKey] == "" {
		dir, err := os.MkdirTemp("", "dingdag-demo-")
		if err != nil {
			return fmt.Errorf("create a folder for the demo: %w", err)
		}
		a.Flags[settings.HomeKey] = dir
		defer func() { _ = os.RemoveAll(dir) }()
	}
	if a.Flags["log_level"] == "" {
		a.Flags["log_level"] = "error" // the demo says itself what happens
	}
	if err := a.Lock(); err != nil {
		return err
	}
	s, err := a.OpenStore(ctx)
	if err != nil {
		return err
	}
	d := &demo{app: a, store: s}
	if err := d.writeExamples(); err != nil {
		return err
	}
	stop, err := d.startSandbox(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stop()) }()
	if err := d.run(ctx); err != nil {
		return err
	}
	return d.summary(ctx)
}

// demo is one run of the examples.
type demo struct {
	app   *app.App
	store home.Store
	box   *sandbox.Server
	began time.Time
	dags  []*dag.DAG
	// written says that the message was written that starts startedByMessage.
	written bool
	// broken are the tasks that failed, and their runs as they were then, before they are mended.
	broken []brokenRun

	mu       sync.Mutex
	progress *demoProgress
	shown    int // the last message of the inbox that was printed
	changed  chan struct{}
}

// waitsForPeople is the example that goes on when somebody has answered, which takes as long as it takes.
const waitsForPeople = "example_approval.yaml"

// needsPython is the example that runs only where there is an interpreter.
const needsPython = "example_python.yaml"

// writeExamples puts the example files that the binary carries into the home folder.
func (d *demo) writeExamples() error {
	dir := filepath.Join(d.app.Settings.Home, "dags")
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return fmt.Errorf("write the examples: %w", command.WithoutOp(err))
	}
	d.app.Settings.DAGsFolder = dir
	_, err := exec.LookPath(cmp.Or(d.app.Settings.Python, "python3"))
	hasPython := err == nil
	return fs.WalkDir(examples.Files, ".", func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() || path == waitsForPeople || path == needsPython && !hasPython {
			return err
		}
		b, err := examples.Files.ReadFile(path)
		if err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(dir, path), b, 0o600)
	})
}

// startSandbox serves a local DingTalk and adds the connection that leads to it.
func (d *demo) startSandbox(ctx context.Context) (stop func() error, err error) {
	d.box = sandbox.New(sandbox.Options{Now: d.app.Clock})
	robot := sandbox.DemoRobot("数据告警")
	robot.Secret = "SEC" + strings.Repeat("0", 60) + "demo"
	robot.Rate.PerMinute = -1 // nobody is to wait
	robot.Members = []sandbox.Member{{Name: "Ann", Mobile: "13800000001"}, {Name: "Bo", Mobile: "13800000002"}}
	if robot, err = d.box.AddRobot(robot); err == nil {
		err = addDemoApp(d.box)
	}
	if err != nil {
		return nil, fmt.Errorf("set up the sandbox: %w", err)
	}
	var lc net.ListenConfig
	ln, err := lc.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("start the sandbox: %w", err)
	}
	serving, cancel := context.WithCancel(context.WithoutCancel(ctx))
	ended := make(chan error, 1)
	go func() { ended <- d.box.Run(serving, ln) }()
	err = d.addConnections(ctx, "http://"+ln.Addr().String(), robot)
	stop = func() error {
		d.app.Dingding().CloseIdleConnections() // the sandbox would wait for them
		cancel()
		return <-ended
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("set up the demo's connection: %w", err), stop())
	}
	fmt.Fprintf(d.app.Out, "local DingTalk at http://%s, robot %s in group %s\n", ln.Addr(), robot.Name, robot.Group)
	return stop, nil
}

// addConnections adds those that the examples name.
func (d *demo) addConnections(ctx context.Context, base string, robot sandbox.Robot) error {
	robot.Name = "dingding_default"
	toRobot, err := sandboxConnection(base, robot)
	if err != nil {
		return err
	}
	toApp, err := appConnection(base, demoApp())
	if err != nil {
		return err
	}
	warehouse, err := connections.FromAttributes("warehouse_default", map[string]any{"conn_type": "sqlite", "host": ":memory:"})
	if err != nil {
		return err
	}
	for _, c := range []*connections.Connection{toRobot, toApp, warehouse} {
		if err := d.store.Connections().PutConnection(ctx, c, true); err != nil {
			return err
		}
	}
	return nil
}

// run lets the scheduler run every example once.
func (d *demo) run(ctx context.Context) error {
	a := d.app
	d.changed = make(chan struct{}, 1)
	// The environment of whoever runs the demo must not lead to a real group.
	a.LookupEnv = func(string) (string, bool) { return "", false }
	cards, err := a.CardKeeper(d.store)
	if err != nil {
		return err
	}
	e, err := a.Engine(d.store, d.store.Connections(), func(o *engine.Options) {
		o.LogDir, o.ProcessDir = a.LogDir(), a.ProcessDir()
		o.Observe = func(u engine.Update) {
			d.observe(u)
			cards.Wake()
		}
		o.FoldAfter = 2 * time.Second // nobody is to wait
	})
	if err != nil {
		return err
	}
	res, err := a.DAGs.Load(e.Catalog(), a.Settings.DAGsFolder)
	if err != nil {
		return err
	}
	if res.Diagnostics.HasErrors() {
		return fmt.Errorf("the examples cannot be loaded:\n%s", res.Diagnostics)
	}
	d.dags, d.began = res.DAGs, a.Clock()
	d.progress = newDemoProgress(a.IO, d.dags)
	defer d.progress.stop()
	if err := e.SetDAGs(ctx, d.dags); err != nil {
		return err
	}
	a.Works(e)
	talk, err := receiving.New(a, d.store, cards, e)
	if err != nil {
		return err
	}
	return app.While(ctx, e, engine.RunOptions{Schedule: true, Before: a.EndLeftovers}, func(ctx context.Context) error {
		return listening(ctx, talk, cards, func(ctx context.Context) error {
			if err := d.wait(ctx); err != nil {
				return err
			}
			if err := d.mend(ctx, e); err != nil {
				return err
			}
			if err := d.startFromTheGroup(ctx); err != nil {
				return err
			}
			return d.mendFromTheGroup(ctx)
		})
	})
}

// brokenRun is a run that failed, with its instances.
type brokenRun struct {
	run       *store.Run
	instances []*store.Instance
}

// remember keeps what failed of a DAG.
func (d *demo) remember(ctx context.Context, dagID string) error {
	rs, err := d.store.Runs(ctx, store.RunFilter{DAGID: dagID, States: []dag.RunState{dag.RunFailed}})
	if err != nil {
		return err
	}
	for _, r := range rs {
		is, err := d.store.Instances(ctx, r.Key)
		if err != nil {
			return err
		}
		d.broken = append(d.broken, brokenRun{r, is})
	}
	return nil
}

// mend does what somebody on call would do about example_failure_alert: tells the others that he has seen
// it, mends the cause, and runs what failed again.
func (d *demo) mend(ctx context.Context, e *engine.Engine) error {
	const broken = "example_failure_alert"
	for _, g := range d.dags {
		if err := d.remember(ctx, g.ID); err != nil {
			return err
		}
	}
	rs, err := d.store.Runs(ctx, store.RunFilter{DAGID: broken})
	if err != nil || len(rs) == 0 {
		return err
	}
	ask := d.app.APIOn(d.store)
	n, err := ask.AckAlerts(ctx, api.AlertQuery{DAGID: broken}, "the column is being added")
	if err != nil {
		return err
	}
	d.progress.say(fmt.Sprintf("dingdag alerts ack --dag %s --note 'the column is being added': %d alerts", broken, n))
	if _, err := ask.SetVariables(ctx, map[string]connections.Variable{"amount_column": {Value: "present"}}, api.Overwrite); err != nil {
		return err
	}
	_, err = e.Clear(ctx, engine.ClearRequest{DAGID: broken, RunID: rs[0].RunID, OnlyFailed: true, Actor: d.app.Actor()})
	if err != nil {
		return err
	}
	d.progress.say("dingdag tasks clear " + broken + " --only-failed")
	return d.wait(ctx)
}

func (d *demo) observe(u engine.Update) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if u.Delivery == nil {
		d.progress.update(u)
	}
	select {
	case d.changed <- struct{}{}:
	default: // the waiter looks anyway
	}
}

// wait prints messages as they arrive and returns once every example has ended and
// every alert has left.
func (d *demo) wait(ctx context.Context) error {
	look := time.NewTicker(50 * time.Millisecond) // the inbox has no part in the updates
	defer look.Stop()
	for {
		d.printMessages()
		over, err := d.over(ctx)
		if err != nil {
			return err
		}
		if over {
			d.printMessages()
			return nil
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-d.changed:
		case <-look.C:
		}
	}
}

func (d *demo) over(ctx context.Context) (bool, error) {
	for _, g := range d.dags {
		if g.ID == startedByMessage && !d.written {
			continue
		}
		n, err := d.store.CountRuns(ctx, g.ID, dag.RunSuccess, dag.RunFailed)
		if err != nil || n == 0 {
			return false, err
		}
	}
	ds, err := d.store.Deliveries(ctx, []store.DeliveryState{store.DeliveryWaiting, store.DeliverySending}, 1)
	return err == nil && len(ds) == 0, err
}

func (d *demo) printMessages() {
	for _, m := range d.box.Messages(sandbox.Filter{After: d.shown}) {
		d.shown = m.ID
		d.progress.print(sandbox.PlainText(m))
	}
}

// summary tells what ran, what failed on purpose and who was told.
func (d *demo) summary(ctx context.Context) error {
	out := d.app.Out
	deliveries, err := d.store.Deliveries(ctx, nil, 0)
	if err != nil {
		return err
	}
	runs := show.List{Columns: []string{"DAG", "State", "Tasks", "Took", "Alerts"}}
	for _, g := range d.dags {
		rs, err := d.store.Runs(ctx, store.RunFilter{DAGID: g.ID})
		if err != nil {
			return err
		}
		for _, r := range rs {
			is, err := d.store.Instances(ctx, r.Key)
			if err != nil {
				return err
			}
			runs.Add(r, g.ID, string(r.State), countStates(is), r.EndDate.Sub(r.StartDate).Round(10*time.Millisecond).String(),
				strconv.Itoa(len(deliveriesOf(deliveries, r))))
		}
	}
	fmt.Fprintln(out, "\nFailed on purpose:")
	for _, b := range d.broken {
		for _, line := range failures(b, deliveriesOf(deliveries, b.run)) {
			fmt.Fprintln(out, line)
		}
	}
	fmt.Fprintln(out)
	if err := runs.Print(out, "table"); err != nil {
		return err
	}
	fmt.Fprintf(out, "\n%d messages arrived in the group, in %s. Next: dingdag sandbox, or README.md for a real robot.\n",
		len(d.box.Messages(sandbox.Filter{})), d.app.Clock().Sub(d.began).Round(100*time.Millisecond))
	for _, x := range deliveries {
		if x.State != store.DeliveryDelivered && x.State != store.DeliveryFolded {
			return fmt.Errorf("the message %q is %s: %s", x.Summary, x.State, x.Error)
		}
	}
	return nil
}

func deliveriesOf(ds []*store.Delivery, r *store.Run) (out []*store.Delivery) {
	for _, x := range ds {
		if x.Owner.DAGID == r.DAGID && x.Owner.RunID == r.RunID {
			out = append(out, x)
		}
	}
	return out
}

// failures tells of each failed task and of the run which message they caused.
func failures(b brokenRun, alerts []*store.Delivery) (out []string) {
	r := b.run
	for _, in := range b.instances {
		if in.State != dag.Failed {
			continue
		}
		out = append(out, fmt.Sprintf("  %s / %s, after %d of %d tries: %s", r.DAGID, in.Label(), in.Try, in.MaxTries, show.OneLine(in.Error)))
		for _, x := range alerts {
			if x.Owner.TaskID == in.TaskID && x.Owner.MapIndex == in.MapIndex {
				out = append(out, alertLine(x))
			}
		}
	}
	for _, x := range alerts {
		if x.Owner.TaskID == "" {
			out = append(out, fmt.Sprintf("  %s, the run: %s", r.DAGID, r.Reason), alertLine(x))
		}
	}
	return out
}

// alertLine tells what became of an alert.
func alertLine(x *store.Delivery) string {
	state := string(x.State)
	if x.DigestID != 0 {
		state += fmt.Sprintf(" into message %d", x.DigestID)
	}
	if x.AckedBy != "" {
		state += ", acknowledged"
	}
	return fmt.Sprintf("    %-10s -> %s: %s", x.Owner.Event, x.Summary, state)
}

// countStates is for instance "3 success, 1 failed".
func countStates(is []*store.Instance) string {
	n := map[dag.State]int{}
	for _, in := range is {
		n[in.State]++
	}
	var parts []string
	for _, s := range []dag.State{dag.Success, dag.Failed, dag.UpstreamFailed, dag.Skipped} {
		if n[s] > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n[s], s))
		}
	}
	return strings.Join(parts, ", ")
}

// demoProgress shows a line for each run on a terminal, and plain lines elsewhere.
type demoProgress struct {
	o        show.IO
	w        progress.Writer // nil when not a terminal
	rendered chan struct{}   // closed after its last frame
	// messages counts them. It is active to the end, because nothing is drawn, not even a
	// message, when no tracker is.
	messages *progress.Tracker
	trackers map[string]*progress.Tracker
	tasks    map[string]int
}

func newDemoProgress(o show.IO, ds []*dag.DAG) *demoProgress {
	p := &demoProgress{o: o, trackers: map[string]*progress.Tracker{}, tasks: map[string]int{}}
	for _, d := range ds {
		p.tasks[d.ID] = len(d.Tasks)
	}
	if !o.Terminal() {
		return p
	}
	p.w = progress.NewWriter()
	p.w.SetOutputWriter(o.Out)
	p.w.SetAutoStop(false)
	p.w.SetStyle(progress.StyleBlocks)
	p.w.Style().Visibility.Value = true
	p.w.Style().Visibility.ETA = false
	p.w.Style().Visibility.Speed = false
	p.w.SetTrackerLength(24)
	width := 0
	for _, d := range ds {
		width = max(width, len(d.ID))
	}
	p.w.SetMessageLength(width + len(" failed"))
	p.w.SetUpdateFrequency(100 * time.Millisecond)
	ids := make([]string, len(ds))
	for i, d := range ds {
		ids[i] = d.ID
	}
	slices.Sort(ids)
	for _, id := range ids {
		t := &progress.Tracker{Message: id, Total: int64(p.tasks[id]), AutoStopDisabled: true} // the run says how it ended
		p.trackers[id] = t
		p.w.AppendTracker(t)
	}
	p.messages = &progress.Tracker{Message: "messages"}
	p.w.AppendTracker(p.messages)
	p.w.SetTerminalWidth(o.Width())
	p.rendered = make(chan struct{})
	drawn := show.Drawing(o.Out)
	go func() {
		defer close(p.rendered)
		defer drawn()
		p.w.Render()
	}()
	return p
}

// update shows a change of a run.
func (p *demoProgress) update(u engine.Update) {
	id := u.Run.DAGID
	if p.w == nil {
		switch {
		case u.Instance != nil && u.Instance.State != dag.Scheduled && u.Instance.State != dag.Queued:
			fmt.Fprintf(p.o.Out, "%s / %s: %s\n", id, u.Instance.Label(), u.Instance.State)
		case u.Instance == nil:
			fmt.Fprintf(p.o.Out, "%s: run %s\n", id, u.Run.State)
		}
		return
	}
	t := p.trackers[id]
	switch {
	case u.Instance != nil && u.Instance.State.Finished():
		t.Increment(1)
	case u.Instance == nil && u.Run.State == dag.RunFailed:
		t.UpdateMessage(id + " failed")
		t.MarkAsErrored()
	case u.Instance == nil && u.Run.State == dag.RunSuccess:
		t.MarkAsDone()
	}
}

// print writes text above the progress lines.
func (p *demoProgress) print(text string) {
	p.say(text)
	if p.w != nil {
		p.messages.Increment(1)
	}
}

// say prints what is no message.
func (p *demoProgress) say(text string) {
	if p.w != nil {
		p.w.Log("%s", strings.TrimRight(show.Tame(p.o.Out, text), "\n"))
		return
	}
	fmt.Fprintln(p.o.Out, strings.TrimRight(text, "\n"))
}

func (p *demoProgress) stop() {
	if p.w == nil {
		return
	}
	p.messages.MarkAsDone()
	// Its last frame has the last messages and states. A stop before its first one would
	// not be heard.
	again := time.NewTicker(10 * time.Millisecond)
	defer again.Stop()
	for {
		p.w.Stop()
		select {
		case <-p.rendered:
			return
		case <-again.C:
		}
	}
}
