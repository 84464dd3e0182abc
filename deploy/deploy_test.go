// Package deploy_test checks the alert rules and the dashboard with the library of Prometheus. It is a module of its own, so that the
// program does not depend on that.
package deploy_test

import (
	"encoding/json"
	"log/slog"
	"math"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/rulefmt"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/promql/promqltest"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/metrics"
)

const minutes = 90

// alerts has for each rule what lets it fire at a minute, and what does not. Series have one value a minute.
var alerts = map[string]struct {
	bad   string
	first int // the minute at which it fires first
	good  string
}{
	"DingdagAbsent":                  {"up 1x90", 5, "dingdag_build_info 1x90"},
	"DingdagDown":                    {"dingdag_build_info{job=\"d\",instance=\"a\"} 1x10\nup{job=\"d\",instance=\"a\"} 1x10 0x79", 13, "dingdag_build_info{job=\"d\",instance=\"a\"} 1x90\nup{job=\"d\",instance=\"a\"} 1x90\nup{job=\"other\",instance=\"b\"} 0x90"},
	"DingdagSchedulerUnhealthy":      {"dingdag_scheduler_healthy 1x9 0x80", 12, "dingdag_scheduler_healthy 1x9 0x1 1x79"},
	"DingdagSchedulerStandsStill":    {"dingdag_scheduler_last_pass_timestamp_seconds 0+60x10 600x79", 14, "dingdag_scheduler_last_pass_timestamp_seconds 0+60x90"},
	"DingdagStoreUnhealthy":          {"dingdag_store_healthy 1x9 0x80", 11, "dingdag_store_healthy 1x90"},
	"DingdagStoreSlow":               {buckets("dingdag_store_seconds_bucket", `kind="commit",`, "1", "0+95x90", "0+100x90"), 11, buckets("dingdag_store_seconds_bucket", `kind="commit",`, "1", "0+100x90", "0+100x90")},
	"DingdagRunsLate":                {buckets("dingdag_run_start_delay_seconds_bucket", "", "60", "0+9x90", "0+10x90"), 16, buckets("dingdag_run_start_delay_seconds_bucket", "", "60", "0+10x90", "0+10x90")},
	"DingdagRunsFail":                {"dingdag_runs_ended_total{state=\"failed\"} 0x10 0+1x80\ndingdag_runs_ended_total{state=\"success\"} 0x90", 14, "dingdag_runs_ended_total{state=\"failed\"} 0+1x90\ndingdag_runs_ended_total{state=\"success\"} 0+2x90"},
	"DingdagPoolStarved":             {"airflow_pool_starving_tasks{pool=\"db\"} 0x9 2x80", 40, "airflow_pool_starving_tasks{pool=\"db\"} 2x20 0x70"},
	"DingdagWorkersBusy":             {"airflow_executor_open_slots 0x90\nairflow_executor_queued_tasks 0x9 5x80", 25, "airflow_executor_open_slots 0x90\nairflow_executor_queued_tasks 0x90"},
	"DingdagNoWorkers":               {"dingdag_workers 8x9 0x80", 12, "dingdag_workers 8x90"},
	"DingdagLogsWait":                {"dingdag_logs_waiting_oldest_seconds{node=\"b\"} 0+60x90", 16, "dingdag_logs_waiting_oldest_seconds{node=\"b\"} 0+60x12 0x77"},
	"DingdagImportErrors":            {"airflow_dag_processing_import_errors 0x9 1x80", 15, "airflow_dag_processing_import_errors 0x90"},
	"DingdagAlertsUndelivered":       {"dingdag_outbox_undelivered_messages{state=\"refused\"} 0x90\ndingdag_outbox_undelivered_messages{state=\"uncertain\"} 0x9 1x80", 11, "dingdag_outbox_undelivered_messages{state=\"refused\"} 0x90"},
	"DingdagAlertsWait":              {"dingdag_outbox_oldest_age_seconds 0+60x90", 12, "dingdag_outbox_oldest_age_seconds 600x90"},
	"DingdagRobotGone":               {"dingdag_robot_gone{robot=\"ops\"} 0x9 1x80", 11, "dingdag_robot_gone{robot=\"ops\"} 0x90"},
	"DingdagRobotClosed":             {"dingdag_robot_closed{robot=\"ops\"} 0x9 1x80", 25, "dingdag_robot_closed{robot=\"ops\"} 0x9 1x10 0x70"},
	"DingdagRobotQuota":              {"dingdag_robot_month_messages{robot=\"ops\"} 0+1x90\ndingdag_robot_quota_messages{robot=\"ops\"} 50x90", 46, "dingdag_robot_month_messages{robot=\"ops\"} 0+1x90\ndingdag_robot_quota_messages{robot=\"ops\"} 0x90"},
	"DingdagApplicationDisconnected": {"dingdag_application_connected{application=\"a\"} 1x9 0x80", 15, "dingdag_application_connected{application=\"a\"} 1x90"},
	"DingdagServerErrors":            {"dingdag_http_requests_total{code=\"500\",route=\"/dags\"} 0x9 0+60x80", 16, "dingdag_http_requests_total{code=\"503\",route=\"/readyz\"} 0+60x90\ndingdag_http_requests_total{code=\"404\",route=\"other\"} 0+60x90"},
	"DingdagSignInsFail":             {"dingdag_sign_in_failures_total{reason=\"password\"} 0x9 0+20x80", 13, "dingdag_sign_in_failures_total{reason=\"password\"} 0+1x90"},
}

// buckets are two of a histogram: one bound, and all.
func buckets(name, more, le, below, all string) string {
	return name + "{" + more + "le=\"" + le + "\"} " + below + "\n" + name + "{" + more + "le=\"1000\"} " + all + "\n" + name + "{" + more + "le=\"+Inf\"} " + all
}

func rules(t *testing.T) []rulefmt.Rule {
	t.Helper()
	file, errs := rulefmt.ParseFile("prometheus/dingdag.rules.yml", false, model.LegacyValidation, parser.NewParser(parser.Options{}), slog.New(slog.DiscardHandler))
	require.Empty(t, errs)
	var all []rulefmt.Rule
	for _, g := range file.Groups {
		all = append(all, g.Rules...)
	}
	return all
}

// Each rule fires when it is to, and not before.
func TestRulesFire(t *testing.T) {
	t.Parallel()
	engine := promqltest.NewTestEngineWithOpts(t, promql.EngineOpts{MaxSamples: 1e6, Timeout: time.Minute, LookbackDelta: 5 * time.Minute, Parser: parser.NewParser(parser.Options{})})
	seen := map[string]bool{}
	for _, r := range rules(t) {
		c, ok := alerts[r.Alert]
		if !assert.True(t, ok, "%s has no test", r.Alert) {
			continue
		}
		seen[r.Alert] = true
		assert.NotEmpty(t, r.Annotations["summary"], r.Alert)
		assert.NotEmpty(t, r.Annotations["description"], r.Alert)
		assert.Contains(t, []string{"critical", "warning"}, r.Labels["severity"], r.Alert)
		assert.Equal(t, c.first, fires(t, engine, r, c.bad), "the minute at which %s fires", r.Alert)
		assert.Equal(t, -1, fires(t, engine, r, c.good), "%s is not to fire", r.Alert)
	}
	for name := range alerts {
		assert.True(t, seen[name], "there is no rule %s", name)
	}
}

// fires is the first minute at which a rule fires, -1 for never.
func fires(t *testing.T, engine *promql.Engine, r rulefmt.Rule, series string) int {
	t.Helper()
	s := promqltest.LoadedStorage(t, "load 1m\n  "+strings.ReplaceAll(series, "\n", "\n  ")+"\n")
	defer func() { assert.NoError(t, s.Close()) }()
	start := time.Unix(0, 0).UTC()
	q, err := engine.NewRangeQuery(t.Context(), s, nil, r.Expr, start, start.Add(minutes*time.Minute), time.Minute)
	require.NoError(t, err)
	defer q.Close()
	res := q.Exec(t.Context())
	require.NoError(t, res.Err)
	matrix, err := res.Matrix()
	require.NoError(t, err)
	first := -1
	for _, one := range matrix {
		since, last := int64(-1), int64(-2)
		for _, p := range one.Floats {
			minute := p.T / time.Minute.Milliseconds()
			if minute != last+1 {
				since = minute
			}
			last = minute
			if time.Duration(minute-since)*time.Minute >= time.Duration(r.For) {
				if first < 0 || int(minute) < first {
					first = int(minute)
				}
				break
			}
		}
	}
	return first
}

// known are the labels of each metric.
func known() map[string][]string {
	k := map[string][]string{"up": nil}
	for _, m := range metrics.All() {
		all := slices.Clone(m.Labels)
		for l := range m.Fixed {
			all = append(all, l)
		}
		switch m.Type {
		case metrics.Histogram:
			k[m.Name+"_bucket"] = append(slices.Clone(all), "le")
			k[m.Name+"_sum"], k[m.Name+"_count"] = all, all
		case metrics.Summary:
			k[m.Name] = append(slices.Clone(all), "quantile")
			k[m.Name+"_sum"], k[m.Name+"_count"] = all, all
		case metrics.Counter, metrics.Gauge:
			k[m.Name] = all
		}
	}
	for _, name := range []string{"process_cpu_seconds_total", "process_resident_memory_bytes", "process_open_fds", "go_goroutines", "go_memstats_heap_inuse_bytes"} {
		k[name] = nil
	}
	return k
}

// checkNames checks that every metric of an expression exists, and has the labels by which it is selected and grouped.
func checkNames(t *testing.T, where, expr string) {
	t.Helper()
	e, err := parser.NewParser(parser.Options{}).ParseExpr(expr)
	if !assert.NoError(t, err, where) {
		return
	}
	all, have := known(), []string{"job", "instance"}
	var grouped []string
	parser.Inspect(e, func(n parser.Node, _ []parser.Node) error {
		switch n := n.(type) {
		case *parser.VectorSelector:
			of, ok := all[n.Name]
			assert.True(t, ok, "%s: there is no metric %s", where, n.Name)
			have = append(have, of...)
			for _, m := range n.LabelMatchers {
				assert.Contains(t, append([]string{labels.MetricName, "job", "instance"}, of...), m.Name, "%s: a label of %s", where, n.Name)
			}
		case *parser.AggregateExpr:
			grouped = append(grouped, n.Grouping...)
		}
		return nil
	})
	for _, l := range grouped {
		assert.Contains(t, have, l, "%s: a label that it groups by", where)
	}
}

func TestRulesNameWhatThereIs(t *testing.T) {
	t.Parallel()
	for _, r := range rules(t) {
		checkNames(t, r.Alert, r.Expr)
	}
}

// board is what the test looks at of the dashboard.
type board struct {
	UID           string
	Title         string
	SchemaVersion int
	Templating    struct{ List []struct{ Name string } }
	Panels        []panel
}

type panel struct {
	ID         int
	Type       string
	Title      string
	Datasource struct{ Type, UID string }
	GridPos    struct{ X, Y, W, H int }
	Targets    []struct{ Expr, LegendFormat string }
}

// The dashboard asks for what there is, and no panel lies on another.
func TestDashboard(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("grafana/dingdag.json")
	require.NoError(t, err)
	var b board
	require.NoError(t, json.Unmarshal(text, &b))
	assert.Equal(t, "dingdag", b.UID)
	assert.GreaterOrEqual(t, b.SchemaVersion, 39)
	variables := map[string]bool{"__rate_interval": true}
	for _, v := range b.Templating.List {
		variables[v.Name] = true
	}
	for _, m := range regexp.MustCompile(`\$\{?(\w+)`).FindAllStringSubmatch(string(text), -1) {
		assert.True(t, variables[m[1]] || m[1] == "__all", "a variable %s", m[1])
	}
	ids, taken := map[int]bool{}, map[[2]int]string{}
	legend := regexp.MustCompile(`\{\{(\w+)\}\}`)
	for _, p := range b.Panels {
		assert.False(t, ids[p.ID], "two panels have the id %d", p.ID)
		ids[p.ID] = true
		for x := p.GridPos.X; x < p.GridPos.X+p.GridPos.W; x++ {
			for y := p.GridPos.Y; y < p.GridPos.Y+p.GridPos.H; y++ {
				assert.Empty(t, taken[[2]int{x, y}], "%s lies on another panel", p.Title)
				taken[[2]int{x, y}] = p.Title
			}
		}
		assert.LessOrEqual(t, p.GridPos.X+p.GridPos.W, 24, p.Title)
		if p.Type == "row" {
			continue
		}
		assert.Equal(t, "${datasource}", p.Datasource.UID, p.Title)
		assert.NotEmpty(t, p.Targets, p.Title)
		for _, target := range p.Targets {
			expr := strings.ReplaceAll(target.Expr, "$__rate_interval", "5m")
			checkNames(t, p.Title, expr)
			for _, l := range legend.FindAllStringSubmatch(target.LegendFormat, -1) {
				assert.Regexp(t, `\b`+l[1]+`\b`, expr, "%s: the legend names a label that the expression keeps", p.Title)
			}
		}
	}
	assert.Greater(t, len(b.Panels), 20)
}

// A task that fails for the first time since the start is on the dashboard: its counter appears with 1, which is no increase.
func TestTheFirstFailureIsShown(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("grafana/dingdag.json")
	require.NoError(t, err)
	var b board
	require.NoError(t, json.Unmarshal(text, &b))
	at := slices.IndexFunc(b.Panels, func(p panel) bool {
		return len(p.Targets) > 0 && strings.Contains(p.Targets[0].Expr, "airflow_ti_failures")
	})
	require.GreaterOrEqual(t, at, 0)
	expr := strings.NewReplacer("$job", ".*", "$instance", ".*").Replace(b.Panels[at].Targets[0].Expr)
	s := promqltest.LoadedStorage(t, `load 1m
  airflow_ti_failures{dag_id="etl",task_id="once"} _x89 1x90
  airflow_ti_failures{dag_id="etl",task_id="twice"} _x89 1x9 2x80
  airflow_ti_failures{dag_id="etl",task_id="at_once"} _x89 3x90
  airflow_ti_failures{dag_id="etl",task_id="known"} 5x89 6x90
  airflow_ti_failures{dag_id="etl",task_id="quiet"} 5x180
`)
	defer func() { assert.NoError(t, s.Close()) }()
	engine := promqltest.NewTestEngineWithOpts(t, promql.EngineOpts{MaxSamples: 1e6, Timeout: time.Minute, LookbackDelta: 5 * time.Minute, Parser: parser.NewParser(parser.Options{})})
	for minute, want := range map[int64]map[string]float64{
		80:  {},
		130: {"once": 1, "twice": 2, "at_once": 3, "known": 1},
		170: {},
	} {
		q, err := engine.NewInstantQuery(t.Context(), s, nil, expr, time.Unix(minute*60, 0))
		require.NoError(t, err)
		found, err := q.Exec(t.Context()).Vector()
		require.NoError(t, err)
		got := map[string]float64{}
		for _, one := range found {
			got[one.Metric.Get("task_id")] = math.Round(one.F)
		}
		assert.Equal(t, want, got, "minute %d", minute)
		q.Close()
	}
}
