// Package measuring has metrics count what a service does, and take samples of what there is.
package measuring

import (
	"context"
	"errors"
	"maps"
	"slices"
	"time"

	"github.com/dingdag/dingdag/access/accounts"
	"github.com/dingdag/dingdag/api/browse"
	"github.com/dingdag/dingdag/api/health"
	"github.com/dingdag/dingdag/api/nodes"
	"github.com/dingdag/dingdag/callbacks"
	"github.com/dingdag/dingdag/cli/internal/app"
	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/engine"
	"github.com/dingdag/dingdag/metrics"
	"github.com/dingdag/dingdag/store"
	"github.com/dingdag/dingdag/store/sqlstore/sqlcommit"
	"github.com/dingdag/dingdag/web"
)

// New returns the metrics of a service whose settings have been read and whose store has not been opened; nil when nobody wants any.
func New(a *app.App, version string) *metrics.Metrics {
	if !a.Settings.Metrics || a.Settings.Listen == "" {
		return nil
	}
	m := metrics.New(metrics.Options{Labels: metrics.Labels(a.Settings.MetricsLabels), Version: version, Clock: a.Clock, Log: a.Log()})
	a.OnStore = func(s sqlcommit.Stage, took time.Duration) { m.Store(string(s), took) }
	return m
}

// Engine has what an engine does counted too. m may be nil, here and below.
func Engine(m *metrics.Metrics, o *engine.Options) {
	if m != nil {
		o.Observe, o.LogWritten = telling(m, o.Observe), m.LogWritten
	}
}

// Serve has a server answer scrapes, and its requests counted.
func Serve(m *metrics.Metrics, o *web.Options, from *Sources) {
	if m != nil {
		m.SampleBy(from.Sample)
		o.Metrics, o.Measure = m.Handler(), m.Requests
	}
}

// telling counts what an engine changes, and then calls tell.
func telling(m *metrics.Metrics, tell func(engine.Update)) func(engine.Update) {
	return func(u engine.Update) {
		switch {
		case u.Delivery != nil:
			_, connID, _ := callbacks.SplitChannel(u.Delivery.Channel)
			m.Delivery(u.Delivery, connID)
		case u.Instance != nil:
			in := *u.Instance
			in.Operator = browse.OperatorName(in.Operator) // as Airflow tells it
			m.Task(u.Run.DAGID, &in)
		default:
			m.Run(&u.Run, u.Created)
		}
		tell(u)
	}
}

// SigningIn counts who was not let in.
func SigningIn(m *metrics.Metrics) func(error) {
	if m == nil {
		return nil
	}
	return func(err error) {
		var many *accounts.TooManyError
		switch {
		case errors.As(err, &many):
			m.SignIn(metrics.Limited)
		case errors.Is(err, accounts.ErrToken):
			m.SignIn(metrics.WrongToken)
		default:
			m.SignIn(metrics.WrongPassword)
		}
	}
}

// Store is what is read of the store.
type Store interface {
	store.Daily
	store.DAGs
	Space(ctx context.Context) (store.Space, error)
	Commits() int64
}

// Sources are what samples are taken of.
type Sources struct {
	Engine  *engine.Engine
	Store   Store
	Workers int
	// Nodes are the processes that share the store, and none of one that works alone.
	Nodes func(ctx context.Context) ([]nodes.Node, error)
	// Health is how things are; nil when ctx ends first.
	Health func(ctx context.Context) *health.Health
	// DAGs is how many there are, Parsed how long their last load took, Streams how many pages follow changes.
	DAGs, Streams func() int
	Parsed        func() time.Duration
	Clock         func() time.Time
}

// Sample takes one. What cannot be read is not in it; the health says why. Of several processes the one that leads knows what is
// under way, and the others do not tell of it.
func (s *Sources) Sample(ctx context.Context) *metrics.Sample {
	out := &metrics.Sample{
		Store: metrics.Store{Commits: s.Store.Commits()}, Streams: s.Streams(), DAGs: s.DAGs(), ParseTime: s.Parsed(),
		Scheduler: s.scheduler(),
	}
	h := s.Health(ctx)
	if h == nil {
		return out
	}
	out.Scheduler.Healthy, out.Store.Healthy = h.Scheduler.Status == health.Healthy, h.Store.Status == health.Healthy
	if out.Scheduler.Leads {
		out.Work = s.work()
	}
	if !out.Store.Healthy {
		return out
	}
	s.read(ctx, out)
	out.ImportErrors = new(h.ImportErrors.Count)
	for _, q := range h.UnservedQueues {
		out.Unserved = append(out.Unserved, metrics.Unserved{Queue: q.Queue, Tasks: q.Tasks, Oldest: max(h.At.Sub(q.Since), 0)})
	}
	out.Outbox = s.outbox(h)
	return out
}

func (s *Sources) scheduler() *metrics.Scheduler {
	progress, latest := s.Engine.Progress(), s.Engine.Latest()
	return &metrics.Scheduler{
		Leads: !s.Engine.Follows(), Beats: progress.Beats, Passes: progress.Passes, Rounds: progress.Rounds,
		LastBeat: latest.Beat, LastPass: latest.Pass, LastRound: latest.Round,
	}
}

func (s *Sources) work() *metrics.Work {
	load := s.Engine.Load()
	out := &metrics.Work{Running: load.Runs, Tasks: load.Tasks, Workers: s.Workers}
	for _, name := range slices.Sorted(maps.Keys(load.Pools)) {
		p := load.Pools[name]
		out.Pools = append(out.Pools, metrics.Pool{
			Name: name, Slots: p.Slots, Open: p.Open, Queued: p.Queued, Running: p.Running, Scheduled: p.Scheduled, Deferred: p.Deferred, Starving: p.Starving,
		})
	}
	return out
}

// read reads what the health does not know.
func (s *Sources) read(ctx context.Context, out *metrics.Sample) {
	if all, err := s.Nodes(ctx); err == nil && len(all) > 0 {
		s.nodes(all, out)
	}
	if open, err := s.Store.OpenRunCounts(ctx); err == nil && out.Work != nil {
		queued := 0
		for _, c := range open {
			if c.State == dag.RunQueued {
				queued += c.Count
			}
		}
		out.Work.Queued = &queued
	}
	if paused, err := s.Store.PausedDAGs(ctx); err == nil {
		out.DAGsPaused = new(len(paused))
	}
	if space, err := s.Store.Space(ctx); err == nil {
		out.Store.Bytes = space.Total
	}
}

// nodes counts the processes that share the store, and the tasks that they may run at once.
func (s *Sources) nodes(all []nodes.Node, out *metrics.Sample) {
	out.Nodes = map[string]int{string(nodes.Working): 0, string(nodes.Draining): 0, string(nodes.Stopping): 0}
	out.NodeClocks, out.Logs = map[string]time.Duration{}, map[string]metrics.Logs{}
	workers := 0
	for _, n := range all {
		out.NodeClocks[n.ID] = n.ClockAhead
		out.Logs[n.ID] = metrics.Logs{Waiting: n.LogsWaiting, Oldest: n.LogsWaitingFor}
		if _, alive := out.Nodes[string(n.State)]; alive {
			out.Nodes[string(n.State)]++
		}
		if n.State == nodes.Working && slices.Contains(n.Roles, nodes.Worker) {
			workers += n.Workers
		}
	}
	if out.Work != nil {
		out.Work.Workers = workers
	}
}

// outbox is how it stands with the messages. Of several robots with one name, such as one with an old token, one has the name.
func (s *Sources) outbox(h *health.Health) *metrics.Outbox {
	o := &metrics.Outbox{
		Waiting: h.Outbox.Waiting, Overdue: h.Outbox.Overdue, Refused: h.Outbox.Refused, Uncertain: h.Outbox.Uncertain,
		Oldest: time.Duration(h.Outbox.OldestWaitingSeconds * float64(time.Second)),
	}
	robots := map[string]metrics.Robot{}
	for _, r := range h.Robots {
		known := robots[r.Name]
		robots[r.Name] = metrics.Robot{
			Name: r.Name, Closed: known.Closed || r.ClosedUntil != nil && r.ClosedUntil.After(s.Clock()), Gone: known.Gone || r.GoneSince != nil,
			Sent: known.Sent + r.SentThisMonth, Quota: max(known.Quota, r.Quota),
		}
	}
	for _, name := range slices.Sorted(maps.Keys(robots)) {
		o.Robots = append(o.Robots, robots[name])
	}
	seen := map[string]bool{}
	for _, a := range h.Applications {
		if !seen[a.ConnID] {
			seen[a.ConnID] = true
			o.Applications = append(o.Applications, metrics.Application{Name: a.ConnID, Connected: a.Status == health.Connected})
		}
	}
	return o
}
