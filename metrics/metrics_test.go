package metrics_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/metrics"
	"github.com/dingdag/dingdag/store"
	"github.com/dingdag/dingdag/web/route"
)

// world is metrics whose clock stands still.
type world struct {
	*metrics.Metrics
	t   *testing.T
	now time.Time
}

func newWorld(t *testing.T, labels metrics.Labels) *world {
	t.Helper()
	w := &world{t: t, now: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)}
	w.Metrics = metrics.New(metrics.Options{Labels: labels, Version: "v1", Clock: func() time.Time { return w.now }, Log: slog.New(slog.DiscardHandler)})
	return w
}

// scrape is what a scrape gets.
func (w *world) scrape() string {
	w.t.Helper()
	rec := httptest.NewRecorder()
	w.Handler().ServeHTTP(rec, httptest.NewRequestWithContext(w.t.Context(), http.MethodGet, "/metrics", nil))
	require.Equal(w.t, http.StatusOK, rec.Code, rec.Body.String())
	return rec.Body.String()
}

// has checks lines of a scrape.
func (w *world) has(lines ...string) {
	w.t.Helper()
	got := strings.Split(w.scrape(), "\n")
	for _, l := range lines {
		if !slices.Contains(got, l) {
			name, _, _ := strings.Cut(l, "{")
			name, _, _ = strings.Cut(name, " ")
			near := slices.DeleteFunc(slices.Clone(got), func(g string) bool { return !strings.HasPrefix(g, name) })
			assert.Fail(w.t, "no line "+l, "there are\n%s", strings.Join(near, "\n"))
		}
	}
}

// all makes something of everything.
func (w *world) all() {
	r := &store.Run{Key: 1, DAGID: "etl", RunID: "r", Type: dag.ScheduledRun, State: dag.RunQueued, RunAfter: w.now.Add(-2 * time.Second), QueuedAt: w.now}
	w.Run(r, true)
	w.Run(&store.Run{Key: 2, DAGID: "etl", Type: dag.AssetRun, State: dag.RunQueued}, true)
	r.State, r.StartDate = dag.RunRunning, w.now.Add(time.Second)
	w.Run(r, false)
	in := &store.Instance{TaskID: "load", Operator: "bash", State: dag.Running, Try: 1, QueuedAt: w.now, StartDate: w.now.Add(250 * time.Millisecond)}
	w.Task("etl", in)
	in.State, in.EndDate = dag.UpForRetry, in.StartDate.Add(3*time.Second)
	w.Task("etl", in)
	in.State = dag.Failed
	w.Task("etl", in)
	w.Task("etl", &store.Instance{TaskID: "ok", Operator: "http", State: dag.Success, Try: 1, StartDate: w.now, EndDate: w.now.Add(time.Second)})
	r.State, r.EndDate = dag.RunFailed, r.StartDate.Add(5*time.Second)
	w.Run(r, false)
	r.State = dag.RunSuccess
	w.Run(r, false)
	w.Delivery(&store.Delivery{State: store.DeliveryDelivered, Sender: "dingding", CreatedAt: w.now, UpdatedAt: w.now.Add(time.Second)}, "ops")
	w.Store("commit", 2*time.Millisecond)
	w.LogWritten(100)
	w.SignIn(metrics.Limited)
	w.request("/dags/x", http.StatusOK)
	w.SampleBy(func(context.Context) *metrics.Sample {
		return &metrics.Sample{
			Scheduler: &metrics.Scheduler{Healthy: true, Leads: true, Beats: 3, Passes: 2, Rounds: 1, LastBeat: w.now, LastPass: w.now, LastRound: w.now},
			Work: &metrics.Work{Queued: new(4), Running: 1, Tasks: map[dag.State]int{dag.Running: 2, dag.Restarting: 1}, Workers: 8, Pools: []metrics.Pool{
				{Name: "db", Slots: 3, Open: 1, Queued: 1, Running: 1, Scheduled: 2, Deferred: 5, Starving: 1}, {Name: "free", Slots: -1, Open: -1},
			}},
			Outbox: &metrics.Outbox{
				Waiting: 7, Overdue: 1, Refused: 2, Uncertain: 3, Oldest: time.Minute,
				Robots:       []metrics.Robot{{Name: "ops", Closed: true, Sent: 9, Quota: 100}},
				Applications: []metrics.Application{{Name: "app\xff", Connected: true}},
			},
			Store: metrics.Store{Healthy: true, Commits: 11, Bytes: 4096}, Streams: 6, DAGs: 12, ParseTime: time.Second, DAGsPaused: new(1), ImportErrors: new(2), Nodes: map[string]int{"working": 3}, NodeClocks: map[string]time.Duration{"a": 0}, Logs: map[string]metrics.Logs{"a": {}}, Unserved: []metrics.Unserved{{Queue: "gpu", Tasks: 1}},
		}
	})
}

// request sends one for a path that a router knows.
func (w *world) request(path string, status int) {
	h := w.Requests(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		route.Note(r, "GET /dags/{dag_id}")
		rw.WriteHeader(status)
	}))
	h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequestWithContext(w.t.Context(), http.MethodGet, path, nil))
}

// All that is declared can be seen, as it is declared, and nothing else.
func TestAllThatIsDeclaredIsServed(t *testing.T) {
	t.Parallel()
	w := newWorld(t, metrics.LabelTask)
	w.all()
	text := w.scrape()
	declared := map[string]bool{}
	for _, m := range metrics.All() {
		declared[m.Name] = true
		assert.Contains(t, text, fmt.Sprintf("# HELP %s %s\n# TYPE %s %s\n", m.Name, strings.ReplaceAll(m.Help, "\n", `\n`), m.Name, m.Type))
		for _, l := range m.Labels {
			assert.Regexp(t, `(?m)^`+m.Name+`[a-z_]*\{[^}]*\b`+l+`=`, text)
		}
	}
	for line := range strings.SplitSeq(text, "\n") {
		name, ok := strings.CutPrefix(line, "# TYPE ")
		if name, _, _ = strings.Cut(name, " "); ok && !strings.HasPrefix(name, "go_") && !strings.HasPrefix(name, "process_") {
			assert.True(t, declared[name], name)
		}
	}
}

// Names are as Prometheus wants them, but for Airflow's.
func TestNamesAreGood(t *testing.T) {
	t.Parallel()
	w := newWorld(t, metrics.LabelTask)
	w.all()
	problems, err := promlint.New(strings.NewReader(w.scrape())).Lint()
	require.NoError(t, err)
	for _, p := range problems {
		if !strings.HasPrefix(p.Metric, "airflow_") {
			assert.Fail(t, p.Metric, p.Text)
		}
	}
}

func TestRunsAndTasksAreCounted(t *testing.T) {
	t.Parallel()
	w := newWorld(t, metrics.LabelTask)
	w.all()
	w.has(
		`dingdag_run_create_delay_seconds_sum 2`, `dingdag_run_start_delay_seconds_sum 3`, `dingdag_run_start_delay_seconds_count 1`,
		`airflow_dagrun_schedule_delay{dag_id="etl",quantile="0.99"} 3`, `airflow_asset_triggered_dagruns 1`,
		`airflow_ti_start{dag_id="etl",task_id="load"} 1`, `airflow_ti_finish{dag_id="etl",state="up_for_retry",task_id="load"} 1`,
		`airflow_ti_finish{dag_id="etl",state="failed",task_id="load"} 1`, `airflow_ti_failures{dag_id="etl",task_id="load"} 1`,
		`airflow_operator_failures{operator="bash"} 1`, `airflow_operator_successes{operator="http"} 1`,
		`airflow_task_duration_sum{dag_id="etl",task_id="load"} 6`, `airflow_task_queued_duration_sum{dag_id="etl",task_id="load"} 0.25`,
		`airflow_dagrun_failed_sum{dag_id="etl"} 5`, `airflow_dagrun_duration_sum{dag_id="etl"} 5`, `airflow_dagrun_duration_failed{quantile="0.5"} 5`,
		`dingdag_tries_ended_total{state="failed"} 1`, `dingdag_try_duration_seconds_sum{state="up_for_retry"} 3`, `dingdag_runs_ended_total{state="failed"} 1`,
		`dingdag_deliveries_total{outcome="delivered",robot="ops",sender="dingding"} 1`, `dingdag_delivery_seconds_sum 1`,
		`dingdag_store_seconds_sum{kind="commit"} 0.002`, `dingdag_task_log_bytes_total 100`, `dingdag_sign_in_failures_total{reason="limited"} 1`,
		`dingdag_sign_in_failures_total{reason="token"} 0`, `dingdag_http_requests_total{code="200",method="GET",route="/dags/{dag_id}"} 1`,
		`airflow_executor_open_slots 5`, `airflow_executor_running_tasks 3`, `airflow_pool_starving_tasks{pool="db"} 1`, `airflow_scheduler_tasks_starving 1`,
		`dingdag_outbox_undelivered_messages{state="refused"} 2`, `dingdag_outbox_undelivered_messages{state="uncertain"} 3`, `dingdag_task_queue_seconds_sum 0.25`,
		`dingdag_dags_paused 1`, `airflow_dag_processing_import_errors 2`,
		`airflow_pool_open_slots{pool="free"} -1`, `dingdag_runs{state="queued"} 4`, `dingdag_robot_closed{robot="ops"} 1`,
		"dingdag_application_connected{application=\"app\uFFFD\"} 1", `dingdag_outbox_oldest_age_seconds 60`, `airflow_scheduler_heartbeat{type="counter"} 3`,
		`dingdag_scheduler_last_beat_timestamp_seconds 1.7672256e+09`,
	)
}

// A run that is cleared, or that was created before the program began, says nothing about the scheduler.
func TestDelaysAreThoseOfNewRuns(t *testing.T) {
	t.Parallel()
	w := newWorld(t, metrics.LabelTask)
	r := &store.Run{Key: 1, DAGID: "etl", Type: dag.ScheduledRun, State: dag.RunRunning, RunAfter: w.now.Add(-time.Hour), StartDate: w.now}
	w.Run(r, false)
	w.has(`dingdag_run_start_delay_seconds_count 0`)
	for range 2 {
		r.State = dag.RunQueued
		w.Run(r, false)
		r.State = dag.RunRunning
		w.Run(r, false)
	}
	w.Run(&store.Run{Key: 2, Type: dag.ManualRun, State: dag.RunQueued, RunAfter: w.now, QueuedAt: w.now}, true)
	w.has(`dingdag_run_start_delay_seconds_count 0`, `dingdag_run_create_delay_seconds_count 0`)
}

// Whoever counts a request changes nothing of its answer, nor of an answer that says in between that it is under way.
func TestAnswersPassThrough(t *testing.T) {
	t.Parallel()
	w := newWorld(t, metrics.LabelTask)
	h := w.Requests(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		route.Note(r, "GET /dags/{dag_id}")
		rw.Header().Set("Link", "</a.css>; rel=preload")
		rw.WriteHeader(http.StatusEarlyHints)
		rw.WriteHeader(http.StatusTeapot)
		_, _ = rw.Write([]byte("short and stout"))
	}))
	srv := httptest.NewServer(h)
	defer srv.Close()
	res, err := srv.Client().Get(srv.URL + "/dags/x")
	require.NoError(t, err)
	text, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	require.NoError(t, res.Body.Close())
	assert.Equal(t, http.StatusTeapot, res.StatusCode)
	assert.Equal(t, "short and stout", string(text))
	w.has(`dingdag_http_requests_total{code="418",method="GET",route="/dags/{dag_id}"} 1`)
}

// Labels can be dropped, and what differed by them is added up.
func TestLabelsAreDropped(t *testing.T) {
	t.Parallel()
	for labels, want := range map[metrics.Labels][]string{
		metrics.LabelDAG:  {`airflow_ti_start{dag_id="a"} 2`, `airflow_ti_start{dag_id="b"} 1`, `airflow_task_queued_duration_count{dag_id="a"} 2`},
		metrics.LabelNone: {`airflow_ti_start 3`, `airflow_task_queued_duration_count 3`},
	} {
		w := newWorld(t, labels)
		for _, of := range [][2]string{{"a", "x"}, {"a", "y"}, {"b", "x"}} {
			w.Task(of[0], &store.Instance{TaskID: of[1], State: dag.Running, QueuedAt: w.now, StartDate: w.now})
		}
		w.has(want...)
	}
}

// There are only so many names, however long a process runs.
func TestNamesAreBounded(t *testing.T) {
	t.Parallel()
	w := newWorld(t, metrics.LabelTask)
	for i := range 20_010 {
		w.Task("d", &store.Instance{TaskID: strconv.Itoa(i), State: dag.Running})
	}
	w.Task("d", &store.Instance{TaskID: "5", State: dag.Running})
	w.has(`airflow_ti_start{dag_id="_others_",task_id="_others_"} 10`, `airflow_ti_start{dag_id="d",task_id="5"} 2`)
}

// Quantiles are of the last durations of the last minutes, sums of all.
func TestQuantilesForget(t *testing.T) {
	t.Parallel()
	w := newWorld(t, metrics.LabelTask)
	ends := func(seconds int) {
		w.Run(&store.Run{DAGID: "d", State: dag.RunSuccess, StartDate: w.now, EndDate: w.now.Add(time.Duration(seconds) * time.Second)}, false)
	}
	for i := range 42 { // the first 10 are pushed out
		ends(i)
	}
	w.has(`airflow_dagrun_duration{dag_id="d",quantile="0.5"} 25`, `airflow_dagrun_duration{dag_id="d",quantile="0.99"} 41`, `airflow_dagrun_duration_count{dag_id="d"} 42`)
	w.now = w.now.Add(10 * time.Minute)
	w.has(`airflow_dagrun_duration{dag_id="d",quantile="0.5"} NaN`, `airflow_dagrun_duration_sum{dag_id="d"} 861`)
	ends(7)
	w.has(`airflow_dagrun_duration{dag_id="d",quantile="0.9"} 7`)
}

// A process that led once, and follows now, does not look like a scheduler that stands still.
func TestFollowersTellNothingOfTheScheduler(t *testing.T) {
	t.Parallel()
	w := newWorld(t, metrics.LabelTask)
	w.SampleBy(func(context.Context) *metrics.Sample {
		return &metrics.Sample{
			Scheduler: &metrics.Scheduler{Healthy: true, Beats: 3, Passes: 2, Rounds: 1, LastBeat: w.now, LastPass: w.now, LastRound: w.now},
			Nodes:     map[string]int{"working": 2, "draining": 1},

			NodeClocks: map[string]time.Duration{"a": 0, "b": -31 * time.Second}, Unserved: []metrics.Unserved{{Queue: "gpu", Tasks: 3, Oldest: time.Minute}},
			Logs: map[string]metrics.Logs{"a": {}, "b": {Waiting: 7, Oldest: 2 * time.Minute}},
		}
	})
	w.has("dingdag_scheduler_healthy 1", "dingdag_leads 0", `dingdag_nodes{state="working"} 2`, `dingdag_nodes{state="draining"} 1`,
		`dingdag_node_clock_ahead_seconds{node="b"} -31`, `dingdag_logs_waiting{node="a"} 0`, `dingdag_logs_waiting{node="b"} 7`, `dingdag_logs_waiting_oldest_seconds{node="b"} 120`,
		`dingdag_queue_unserved_tasks{queue="gpu"} 3`, `dingdag_queue_unserved_oldest_seconds{queue="gpu"} 60`)
	text := w.scrape()
	for _, name := range []string{"dingdag_scheduler_last_pass_timestamp_seconds", "dingdag_outbox_rounds_total", "airflow_scheduler_heartbeat", "dingdag_workers", "airflow_executor_open_slots"} {
		assert.NotContains(t, text, name)
	}
}

// However many ask, a sample is taken once in five seconds; what is not known is not said.
func TestSamplesAreKeptForAMoment(t *testing.T) {
	t.Parallel()
	w := newWorld(t, metrics.LabelTask)
	taken := 0
	w.SampleBy(func(context.Context) *metrics.Sample {
		taken++
		return &metrics.Sample{Streams: taken}
	})
	w.has(`dingdag_event_streams 1`, `dingdag_store_healthy 0`)
	w.now = w.now.Add(4 * time.Second)
	w.has(`dingdag_event_streams 1`)
	w.now = w.now.Add(time.Second)
	w.has(`dingdag_event_streams 2`)
	text := w.scrape()
	for _, unknown := range []string{"dingdag_outbox_waiting_messages", "dingdag_scheduler_healthy", "dingdag_dags_paused", "dingdag_store_size_bytes"} {
		assert.NotContains(t, text, unknown)
	}
}

// Requests are counted by templates, so that nobody makes series by asking for what is not there. A handler that panics, and one
// that streams, are counted too.
func TestRequestsAreCounted(t *testing.T) {
	t.Parallel()
	w := newWorld(t, metrics.LabelTask)
	send := func(method, path string, h http.HandlerFunc) *httptest.ResponseRecorder {
		rec := httptest.NewRecorder()
		w.Requests(h).ServeHTTP(rec, httptest.NewRequestWithContext(t.Context(), method, path, nil))
		return rec
	}
	rec := send(http.MethodGet, "/events", func(rw http.ResponseWriter, r *http.Request) {
		route.Note(r, "/events")
		rw.Header().Set("Content-Type", "text/event-stream")
		_, err := io.WriteString(rw, "data: x\n\n")
		assert.NoError(t, err)
		assert.NoError(t, http.NewResponseController(rw).Flush(), "a stream reaches the connection through it")
		w.now = w.now.Add(time.Minute)
	})
	assert.True(t, rec.Flushed)
	send("BREW", "/nosuch", func(rw http.ResponseWriter, _ *http.Request) { http.NotFound(rw, nil) })
	assert.Panics(t, func() {
		send(http.MethodPost, "/", func(_ http.ResponseWriter, r *http.Request) {
			route.Note(r, "POST /{$}")
			panic(http.ErrAbortHandler)
		})
	})
	w.has(
		`dingdag_http_requests_total{code="200",method="GET",route="/events"} 1`, `dingdag_http_requests_total{code="404",method="other",route="other"} 1`,
		`dingdag_http_requests_total{code="500",method="POST",route="/"} 1`, `dingdag_http_request_duration_seconds_count{route="other"} 1`,
	)
	assert.NotContains(t, w.scrape(), `dingdag_http_request_duration_seconds_count{route="/events"}`)
}

// BenchmarkTask counts what becomes of one task of a run: it runs and succeeds.
func BenchmarkTask(b *testing.B) {
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	m := metrics.New(metrics.Options{Labels: metrics.LabelTask, Clock: func() time.Time { return now }, Log: slog.New(slog.DiscardHandler)})
	running := &store.Instance{TaskID: "load", Operator: "bash", State: dag.Running, Try: 1, QueuedAt: now, StartDate: now}
	done := *running
	done.State, done.EndDate = dag.Success, now.Add(time.Second)
	b.ReportAllocs()
	for b.Loop() {
		m.Task("etl", running)
		m.Task("etl", &done)
	}
}
