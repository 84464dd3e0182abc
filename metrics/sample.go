package metrics

import (
	"context"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/dingdag/dingdag/dag"
)

// Sample is what there is at a moment. What is nil, or a moment that is zero, is not known and has no metric.
type Sample struct {
	Scheduler    *Scheduler
	Work         *Work
	Outbox       *Outbox
	Store        Store
	Streams      int
	DAGs         int
	ParseTime    time.Duration
	DAGsPaused   *int
	ImportErrors *int
	// Nodes are how many processes share the store, by state; nil where one works alone.
	Nodes map[string]int
	// NodeClocks are by how much the clocks of those are ahead of that of the store, by their ids.
	NodeClocks map[string]time.Duration
	// Logs are the task logs of those that wait for the log store, by their ids.
	Logs map[string]Logs
	// Unserved are the queues that no live node serves.
	Unserved []Unserved
}

// Logs are the task logs of a process that wait for the log store.
type Logs struct {
	Waiting int
	// Oldest is how long the first of them has waited.
	Oldest time.Duration
}

// Unserved is what waits in a queue that no live node serves.
type Unserved struct {
	Queue  string
	Tasks  int
	Oldest time.Duration
}

// Scheduler is how far the scheduler of this process has come.
type Scheduler struct {
	Healthy bool
	// Leads says that it is this process that schedules; how far another one has come is not known here.
	Leads                         bool
	Beats, Passes, Rounds         int64
	LastBeat, LastPass, LastRound time.Time
}

// Store is how the store is.
type Store struct {
	Healthy bool
	Commits int64
	// Bytes is 0 where it is not known.
	Bytes int64
}

// Work is what is under way.
type Work struct {
	// Queued is nil where it is not known.
	Queued  *int
	Running int
	Tasks   map[dag.State]int
	Workers int
	Pools   []Pool
}

// Pool is what is taken of a pool, in slots.
type Pool struct {
	Name                                                        string
	Slots, Open, Queued, Running, Scheduled, Deferred, Starving int
}

// Outbox is how it stands with the messages, robots and applications.
type Outbox struct {
	Waiting, Overdue, Refused, Uncertain int
	Oldest                               time.Duration
	Robots                               []Robot
	Applications                         []Application
}

// Robot is one that messages were sent to.
type Robot struct {
	Name         string
	Closed, Gone bool
	Sent, Quota  int
}

// Application is one that is to receive.
type Application struct {
	Name      string
	Connected bool
}

const (
	// fresh is how long a sample is good for.
	fresh = 5 * time.Second
	// sampleTime is how long taking one may take.
	sampleTime = 5 * time.Second
)

// SampleBy has the gauges come from samples that take takes. It is called once.
func (m *Metrics) SampleBy(take func(ctx context.Context) *Sample) {
	m.sampled = &sampled{m: m, d: declared(), take: take, clock: m.o.Clock}
	m.registry.MustRegister(m.sampled)
}

// sampled collects what a sample has.
type sampled struct {
	m     *Metrics
	d     declarations
	take  func(ctx context.Context) *Sample
	clock func() time.Time

	mu   sync.Mutex
	last *Sample
	at   time.Time
}

// now is the last sample, or a new one.
func (s *sampled) now() *Sample {
	s.mu.Lock()
	defer s.mu.Unlock()
	if age := s.clock().Sub(s.at); s.last != nil && age >= 0 && age < fresh {
		return s.last
	}
	ctx, cancel := context.WithTimeout(context.Background(), sampleTime)
	defer cancel()
	s.last, s.at = s.take(ctx), s.clock()
	return s.last
}

// Describe implements [prometheus.Collector]. What it collects depends on what is known, so that it promises nothing.
func (s *sampled) Describe(chan<- *prometheus.Desc) {}

// Collect implements it.
func (s *sampled) Collect(to chan<- prometheus.Metric) {
	now := s.now()
	out := sender{s.m, to}
	out.gauge(s.d.StoreHealthy, btof(now.Store.Healthy))
	out.count(s.d.Commits, now.Store.Commits)
	if now.Store.Bytes > 0 {
		out.gauge(s.d.StoreBytes, float64(now.Store.Bytes))
	}
	out.gauge(s.d.Streams, float64(now.Streams))
	out.gauge(s.d.DagbagSize, float64(now.DAGs))
	out.gauge(s.d.ParseTime, now.ParseTime.Seconds())
	if now.DAGsPaused != nil {
		out.gauge(s.d.DAGsPaused, float64(*now.DAGsPaused))
	}
	if now.ImportErrors != nil {
		out.gauge(s.d.ImportErrors, float64(*now.ImportErrors))
	}
	for state, n := range now.Nodes {
		out.gauge(s.d.Nodes, float64(n), state)
	}
	for node, ahead := range now.NodeClocks {
		out.gauge(s.d.NodeClock, ahead.Seconds(), node)
	}
	for node, logs := range now.Logs {
		out.gauge(s.d.LogsWaiting, float64(logs.Waiting), node)
		out.gauge(s.d.LogsOldest, logs.Oldest.Seconds(), node)
	}
	for _, q := range now.Unserved {
		out.gauge(s.d.Unserved, float64(q.Tasks), q.Queue)
		out.gauge(s.d.UnservedOldest, q.Oldest.Seconds(), q.Queue)
	}
	s.scheduler(out, now.Scheduler)
	s.work(out, now.Work)
	s.outbox(out, now.Outbox)
}

func (s *sampled) scheduler(out sender, of *Scheduler) {
	if of == nil {
		return
	}
	out.gauge(s.d.SchedulerHealthy, btof(of.Healthy))
	out.gauge(s.d.Leads, btof(of.Leads))
	if !of.Leads { // what it did when it last led would look like a scheduler that stands still
		return
	}
	out.count(s.d.SchedulerHeartbeat, of.Beats)
	out.count(s.d.Passes, of.Passes)
	out.count(s.d.Rounds, of.Rounds)
	out.moment(s.d.LastBeat, of.LastBeat)
	out.moment(s.d.LastPass, of.LastPass)
	out.moment(s.d.LastRound, of.LastRound)
}

func (s *sampled) work(out sender, of *Work) {
	if of == nil {
		return
	}
	if of.Queued != nil {
		out.gauge(s.d.Runs, float64(*of.Queued), string(dag.RunQueued))
		out.gauge(s.d.RunsQueued, float64(*of.Queued))
	}
	out.gauge(s.d.Runs, float64(of.Running), string(dag.RunRunning))
	out.gauge(s.d.RunsRunning, float64(of.Running))
	for _, state := range []dag.State{dag.Scheduled, dag.Queued, dag.Running, dag.UpForRetry, dag.UpForReschedule, dag.Deferred, dag.Restarting} {
		out.gauge(s.d.Tasks, float64(of.Tasks[state]), string(state))
	}
	running := of.Tasks[dag.Running] + of.Tasks[dag.Restarting]
	out.gauge(s.d.Workers, float64(of.Workers))
	out.gauge(s.d.ExecutorOpen, float64(max(of.Workers-running, 0)))
	out.gauge(s.d.ExecutorQueued, float64(of.Tasks[dag.Queued]))
	out.gauge(s.d.ExecutorRunning, float64(running))
	starving := 0
	for _, p := range of.Pools {
		starving += p.Starving
		for m, n := range map[*Metric]int{
			&s.d.PoolSlots: p.Slots, &s.d.PoolOpen: p.Open, &s.d.PoolQueued: p.Queued, &s.d.PoolRunning: p.Running,
			&s.d.PoolScheduled: p.Scheduled, &s.d.PoolDeferred: p.Deferred, &s.d.PoolStarving: p.Starving,
		} {
			out.gauge(*m, float64(n), p.Name)
		}
	}
	out.gauge(s.d.TasksStarving, float64(starving))
}

func (s *sampled) outbox(out sender, of *Outbox) {
	if of == nil {
		return
	}
	out.gauge(s.d.OutboxWaiting, float64(of.Waiting))
	out.gauge(s.d.OutboxOldest, of.Oldest.Seconds())
	out.gauge(s.d.OutboxOverdue, float64(of.Overdue))
	out.gauge(s.d.Undelivered, float64(of.Refused), "refused")
	out.gauge(s.d.Undelivered, float64(of.Uncertain), "uncertain")
	for _, r := range of.Robots {
		out.gauge(s.d.RobotClosed, btof(r.Closed), r.Name)
		out.gauge(s.d.RobotGone, btof(r.Gone), r.Name)
		out.gauge(s.d.RobotSent, float64(r.Sent), r.Name)
		out.gauge(s.d.RobotQuota, float64(r.Quota), r.Name)
	}
	for _, a := range of.Applications {
		out.gauge(s.d.Connected, btof(a.Connected), a.Name)
	}
}

// sender sends values to a scrape.
type sender struct {
	m  *Metrics
	to chan<- prometheus.Metric
}

func (o sender) gauge(of Metric, v float64, labels ...string) {
	o.send(of, prometheus.GaugeValue, v, labels)
}

func (o sender) count(of Metric, n int64) { o.send(of, prometheus.CounterValue, float64(n), nil) }

// moment sends a moment that has been.
func (o sender) moment(of Metric, at time.Time) {
	if !at.IsZero() {
		o.gauge(of, float64(at.UnixMilli())/1000)
	}
}

func (o sender) send(of Metric, t prometheus.ValueType, v float64, labels []string) {
	f := o.m.form(of)
	o.to <- prometheus.MustNewConstMetric(f.desc(), t, v, f.values(labels)...)
}

func btof(b bool) float64 {
	if b {
		return 1
	}
	return 0
}
