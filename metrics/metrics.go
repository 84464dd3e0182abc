// Package metrics counts what the program does, for Prometheus: runs, tasks, messages, the store and requests, under
// Airflow's names where Airflow has them, as the StatsD exporter of its Helm chart gives them, and under ours.
//
// What happens is counted in memory. What there is, such as slots of pools, comes from a [Sample], which is taken at most once in
// a few seconds, however many ask. A metric is declared in one place, from which docs/metrics.md is written.
package metrics

import (
	"log/slog"
	"net/http"
	"runtime"
	"strconv"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/store"
)

// Labels says which labels of DAGs and tasks metrics have.
type Labels string

// What may be dropped.
const (
	// LabelTask drops none.
	LabelTask Labels = "task"
	// LabelDAG drops task_id.
	LabelDAG Labels = "dag"
	// LabelNone drops dag_id too.
	LabelNone Labels = "none"
)

// Options are what [Metrics] stand on. All but Sample are required.
type Options struct {
	Labels Labels
	// Version is that of the program.
	Version string
	Clock   func() time.Time
	Log     *slog.Logger
}

// Metrics counts. It is safe for concurrent use; make one with [New].
type Metrics struct {
	o        Options
	registry *prometheus.Registry
	names    names
	sampled  *sampled

	tiStart, tiFinish, tiSuccesses, tiFailures, operatorSuccesses, operatorFailures, assetRuns counter
	taskDuration, taskQueued, runDuration, runFailed, runSuccessAll, runFailedAll, delay       *timings

	createDelay, startDelay, runSeconds, trySeconds, queueSeconds, deliverySeconds, storeSeconds, requestSeconds histogram
	runsEnded, triesEnded, deliveries, logBytes, signInFailures, requests                                        counter

	mu sync.Mutex
	// unstarted are the scheduled runs that this process has created and that have not started.
	unstarted map[int64]struct{}
}

// New returns metrics that have counted nothing.
func New(o Options) *Metrics {
	m := &Metrics{o: o, registry: prometheus.NewRegistry(), names: names{seen: map[[2]string]struct{}{}}, unstarted: map[int64]struct{}{}}
	d := declared()
	m.registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	m.tiStart, m.tiFinish, m.tiSuccesses, m.tiFailures = m.counter(d.TIStart), m.counter(d.TIFinish), m.counter(d.TISuccesses), m.counter(d.TIFailures)
	m.operatorSuccesses, m.operatorFailures, m.assetRuns = m.counter(d.OperatorSuccesses), m.counter(d.OperatorFailures), m.counter(d.AssetRuns)
	m.taskDuration, m.taskQueued, m.runDuration, m.runFailed = m.timings(d.TaskDuration), m.timings(d.TaskQueued), m.timings(d.RunDuration), m.timings(d.RunFailed)
	m.runSuccessAll, m.runFailedAll, m.delay = m.timings(d.RunSuccessAll), m.timings(d.RunFailedAll), m.timings(d.ScheduleDelay)
	m.createDelay, m.startDelay, m.runSeconds, m.trySeconds = m.histogram(d.CreateDelay), m.histogram(d.StartDelay), m.histogram(d.RunSeconds), m.histogram(d.TrySeconds)
	m.queueSeconds, m.deliverySeconds, m.storeSeconds, m.requestSeconds = m.histogram(d.QueueSeconds), m.histogram(d.DeliverySeconds), m.histogram(d.StoreSeconds), m.histogram(d.RequestSeconds)
	m.runsEnded, m.triesEnded, m.deliveries = m.counter(d.RunsEnded), m.counter(d.TriesEnded), m.counter(d.Deliveries)
	m.logBytes, m.signInFailures, m.requests = m.counter(d.LogBytes), m.counter(d.SignInFailures), m.counter(d.Requests)
	build := prometheus.NewGauge(prometheus.GaugeOpts{Name: d.Build.Name, Help: d.Build.Help, ConstLabels: prometheus.Labels{d.Build.Labels[0]: o.Version, d.Build.Labels[1]: runtime.Version()}})
	build.Set(1)
	m.registry.MustRegister(build)
	// What is rare is 0 before it happens, so that its rate can be seen when it does.
	for _, s := range []dag.RunState{dag.RunSuccess, dag.RunFailed} {
		m.runsEnded.add(0, string(s))
	}
	for _, s := range []dag.State{dag.Success, dag.Failed} {
		m.triesEnded.add(0, string(s))
	}
	for _, r := range []SignInFailure{WrongPassword, WrongToken, Limited} {
		m.signInFailures.add(0, string(r))
	}
	return m
}

// scrapeTime is how long an answer may take, scrapes how many are written at once.
const (
	scrapeTime = 10 * time.Second
	scrapes    = 4
)

// Handler answers scrapes.
func (m *Metrics) Handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{
		ErrorLog: slog.NewLogLogger(m.o.Log.Handler(), slog.LevelError), ErrorHandling: promhttp.ContinueOnError,
		MaxRequestsInFlight: scrapes, Timeout: scrapeTime,
	})
}

// Run counts a change of a run. created says that it is new.
func (m *Metrics) Run(r *store.Run, created bool) {
	switch {
	case created:
		if r.Type == dag.AssetRun {
			m.assetRuns.add(1)
		}
		if r.Type == dag.ScheduledRun {
			m.createDelay.took(r.QueuedAt.Sub(r.RunAfter))
			m.mu.Lock()
			m.unstarted[r.Key] = struct{}{}
			m.mu.Unlock()
		}
	case r.State == dag.RunRunning:
		if m.startsFirst(r.Key) {
			late := r.StartDate.Sub(r.RunAfter)
			dagID, _ := m.names.of(r.DAGID, "")
			m.startDelay.took(late)
			m.delay.took(late, dagID)
		}
	case r.State.Finished():
		m.startsFirst(r.Key) // or never
		m.runEnded(r)
	}
}

// startsFirst reports whether a scheduled run that this process has created has not started before.
func (m *Metrics) startsFirst(key int64) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	_, ok := m.unstarted[key]
	delete(m.unstarted, key)
	return ok
}

// runEnded counts a run that has ended.
func (m *Metrics) runEnded(r *store.Run) {
	m.runsEnded.add(1, string(r.State))
	if r.StartDate.IsZero() {
		return
	}
	took := r.EndDate.Sub(r.StartDate)
	m.runSeconds.took(took, string(r.State))
	all, of := m.runSuccessAll, m.runDuration
	if r.State == dag.RunFailed {
		all, of = m.runFailedAll, m.runFailed
	}
	dagID, _ := m.names.of(r.DAGID, "")
	all.took(took)
	of.took(took, dagID)
}

// Task counts a change of a task instance of a DAG.
func (m *Metrics) Task(of string, in *store.Instance) {
	dagID, taskID := m.names.of(of, in.TaskID)
	s := string(in.State)
	switch in.State {
	case dag.Running:
		m.tiStart.add(1, dagID, taskID)
		// A sensor that looks again has begun before it was queued again.
		if !in.QueuedAt.IsZero() && !in.StartDate.Before(in.QueuedAt) {
			waited := in.StartDate.Sub(in.QueuedAt)
			m.queueSeconds.took(waited)
			m.taskQueued.took(waited, dagID, taskID)
		}
		return
	case dag.Success:
		m.tiSuccesses.add(1, dagID, taskID)
		m.operatorSuccesses.add(1, in.Operator)
	case dag.Failed:
		m.tiFailures.add(1, dagID, taskID)
		m.operatorFailures.add(1, in.Operator)
	default:
		if in.State != dag.UpForRetry && !in.State.Finished() {
			return
		}
	}
	m.tiFinish.add(1, dagID, taskID, s)
	m.triesEnded.add(1, s)
	if in.Try > 0 && !in.StartDate.IsZero() && !in.EndDate.IsZero() {
		took := in.EndDate.Sub(in.StartDate)
		m.trySeconds.took(took, s)
		m.taskDuration.took(took, dagID, taskID)
	}
}

// Delivery counts a change of a message to a connection.
func (m *Metrics) Delivery(d *store.Delivery, connID string) {
	outcome := string(d.State)
	switch d.State {
	case store.DeliverySending:
		return
	case store.DeliveryWaiting:
		outcome = "retry"
	case store.DeliveryDelivered:
		m.deliverySeconds.took(d.UpdatedAt.Sub(d.CreatedAt))
	case store.DeliveryRefused, store.DeliveryUncertain, store.DeliveryFolded, store.DeliverySilenced:
	}
	m.deliveries.add(1, d.Sender, connID, outcome)
}

// Store tells how long a kind of work of the store took.
func (m *Metrics) Store(kind string, took time.Duration) { m.storeSeconds.took(took, kind) }

// LogWritten counts bytes of task logs.
func (m *Metrics) LogWritten(bytes int) { m.logBytes.add(float64(bytes)) }

// SignInFailure is why somebody was not let in.
type SignInFailure string

// The reasons.
const (
	WrongPassword SignInFailure = "password"
	WrongToken    SignInFailure = "token"
	Limited       SignInFailure = "limited"
)

// SignIn counts one that failed.
func (m *Metrics) SignIn(why SignInFailure) { m.signInFailures.add(1, string(why)) }

// request counts an answer over HTTP.
func (m *Metrics) request(route, method string, code int, took time.Duration, stream bool) {
	m.requests.add(1, route, method, strconv.Itoa(code))
	if !stream {
		m.requestSeconds.took(took, route)
	}
}
