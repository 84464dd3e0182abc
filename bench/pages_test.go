package bench_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/store"
	"github.com/dingdag/dingdag/store/sqlite"
	"github.com/dingdag/dingdag/web/pages/live"
)

const (
	siteDAGs  = 1000
	siteRuns  = 100
	siteTasks = 10
	gridRuns  = 25
	gridTasks = 200
)

// site is the program with pages, as somebody sees it who is signed in by a token.
type site struct {
	base, token string
	pid         int
	client      *http.Client
}

// newSite starts the program on a home folder with a user.
func newSite(b *testing.B, h home) *site {
	b.Helper()
	token := h.user(b, "ann")
	ln, err := (&net.ListenConfig{}).Listen(b.Context(), "tcp", "127.0.0.1:0")
	require.NoError(b, err)
	address := ln.Addr().String()
	require.NoError(b, ln.Close())
	cmd := h.standalone(b, "DINGDAG_LISTEN="+address)
	s := &site{"http://" + address, token, cmd.Process.Pid, &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64, DisableCompression: true}}}
	b.Cleanup(s.client.CloseIdleConnections)
	waitFor(b, func() bool {
		resp, err := s.client.Get(s.base + "/health")
		if err == nil {
			_ = resp.Body.Close()
		}
		return err == nil
	})
	return s
}

// user adds an admin, and returns a token.
func (h home) user(b *testing.B, name string) string {
	b.Helper()
	add := exec.Command(binary(b), "users", "create", name, "--role", "admin", "--home", string(h))
	add.Stdin = strings.NewReader("correct horse battery\n")
	out, err := add.CombinedOutput()
	require.NoError(b, err, "%s", out)
	out, err = exec.Command(binary(b), "tokens", "create", name, "bench", "--days", "1", "--home", string(h)).Output()
	require.NoError(b, err)
	return strings.TrimSpace(string(out))
}

// open asks for a page or a call.
func (s *site) open(ctx context.Context, path string) (*http.Response, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, s.base+path, nil)
	if err != nil {
		return nil, err
	}
	r.Header.Set("Authorization", "Bearer "+s.token)
	r.Header.Set("Accept-Encoding", "gzip")
	return s.client.Do(r)
}

// get reads one, and returns how many bytes it has on the wire.
func (s *site) get(ctx context.Context, path string) (int64, error) {
	resp, err := s.open(ctx, path)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	n, err := io.Copy(io.Discard, resp.Body)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s", path, resp.Status)
	}
	return n, err
}

// times asks so many times, one after another, and returns the times in milliseconds, sorted.
func times(b *testing.B, n int, ask func() error) []float64 {
	b.Helper()
	var took []float64
	for range n {
		begin := time.Now()
		require.NoError(b, ask())
		took = append(took, float64(time.Since(begin).Microseconds())/1000)
	}
	slices.Sort(took)
	return took
}

// historyHome is a home folder of 1,000 DAGs of 10 tasks with 100 runs each, of which a day's worth ended lately and one in fifty failed,
// beside a DAG of 200 tasks with 25 runs.
func historyHome(b *testing.B) home {
	b.Helper()
	h := newHome(b, siteDAGs, daily)
	wide := strings.Replace(string(shape{tasks: gridTasks, lanes: gridTasks, wide: 16, task: "operator: empty"}.yaml()), "bench:\n", "wide:\n  schedule: null\n", 1)
	require.NoError(b, os.WriteFile(filepath.Join(string(h), "dags", "wide.yaml"), []byte(wide), 0o600))
	cmd := h.standalone(b) // which registers the DAGs
	require.NoError(b, cmd.Process.Signal(os.Interrupt))
	require.NoError(b, cmd.Wait())
	s, err := sqlite.Open(b.Context(), filepath.Join(string(h), "dingdag.db"), sqlite.Options{Synchronous: "NORMAL"})
	require.NoError(b, err)
	defer func() { require.NoError(b, s.Close()) }()
	now := time.Now().UTC().Truncate(time.Second)
	for i := range siteDAGs {
		fill(b, s, fmt.Sprintf("d%d", i), i, siteRuns, siteTasks, now)
	}
	fill(b, s, "wide", 1, gridRuns, gridTasks, now)
	return h
}

// fill inserts the runs of a DAG, one an hour.
func fill(b *testing.B, s *sqlite.Store, dagID string, nth, runs, tasks int, now time.Time) {
	b.Helper()
	d, err := s.DAG(b.Context(), dagID)
	require.NoError(b, err)
	require.NoError(b, s.Tx(b.Context(), func(tx store.Tx) error {
		for n := range runs {
			at := now.Add(-time.Duration(n)*time.Hour - time.Duration(nth)*time.Second)
			state, first := dag.RunSuccess, dag.Success
			if (nth+n)%50 == 0 {
				state, first = dag.RunFailed, dag.Failed
			}
			r := &store.Run{
				DAGID: dagID, RunID: fmt.Sprintf("manual__%d", n), Type: dag.ManualRun, State: state, LogicalDate: at, RunAfter: at, QueuedAt: at,
				StartDate: at, EndDate: at.Add(time.Second), Version: d.Version,
			}
			if _, err := tx.InsertRun(b.Context(), r); err != nil {
				return err
			}
			is := make([]*store.Instance, tasks)
			for k := range is {
				is[k] = &store.Instance{RunKey: r.Key, TaskID: fmt.Sprintf("t%d", k), MapIndex: -1, State: dag.Success, Try: 1, StartDate: at, EndDate: at.Add(time.Second)}
			}
			if is[0].State = first; first == dag.Failed {
				is[0].Error = "exit status 1"
			}
			if err := tx.PutInstances(b.Context(), is); err != nil {
				return err
			}
		}
		return nil
	}))
}

// BenchmarkPages opens pages on 1,000 DAGs, 100,000 runs and 1,000,000 task instances, 200 times each: home, the list of DAGs, and the grid of
// 25 runs and 200 tasks.
func BenchmarkPages(b *testing.B) {
	s := newSite(b, historyHome(b))
	for b.Loop() {
		for name, path := range map[string]string{"home": "/", "list": "/dags", "grid": "/dags/wide", "run": "/dags/wide/runs/manual__0"} {
			size := int64(0)
			took := times(b, 200, func() (err error) { size, err = s.get(b.Context(), path); return err })
			b.ReportMetric(took[len(took)/2], name+"-p50-ms")
			b.ReportMetric(took[len(took)*95/100], name+"-p95-ms")
			b.ReportMetric(float64(size)/1024, name+"-KB")
		}
	}
	b.ReportMetric(0, "ns/op")
}

// BenchmarkDagu compares the list of 1,000 DAGs with the same of dagu, whose program BENCH_DAGU names. Our list has the last
// 14 runs of each DAG that it shows; dagu's DAGs have none yet.
func BenchmarkDagu(b *testing.B) {
	dagu := os.Getenv("BENCH_DAGU")
	if dagu == "" {
		b.Skip("BENCH_DAGU names no program of dagu")
	}
	s, theirs := newSite(b, historyHome(b)), newDagu(b, dagu)
	for b.Loop() {
		var ours, other []float64
		for range 10 { // in turn
			ours = append(ours, times(b, 10, func() error { _, err := s.get(b.Context(), "/dags"); return err })...)
			other = append(other, times(b, 10, func() error { _, err := theirs.get(b.Context(), "/api/v2/dags?page=1&perPage=50"); return err })...)
		}
		slices.Sort(ours)
		slices.Sort(other)
		b.ReportMetric(ours[len(ours)/2], "p50-ms")
		b.ReportMetric(other[len(other)/2], "floor-p50-ms")
	}
	b.ReportMetric(0, "ns/op")
}

// newDagu starts dagu's server on as many DAGs of as many steps.
func newDagu(b *testing.B, dagu string) *site {
	b.Helper()
	dir := b.TempDir()
	require.NoError(b, os.Mkdir(filepath.Join(dir, "dags"), 0o700))
	for i := range siteDAGs {
		var text strings.Builder
		fmt.Fprintf(&text, "schedule: \"%d 4 * * *\"\ntype: chain\nsteps:\n", i%60)
		for k := range siteTasks {
			fmt.Fprintf(&text, "  - name: t%d\n    command: echo hello\n", k)
		}
		require.NoError(b, os.WriteFile(filepath.Join(dir, "dags", fmt.Sprintf("d%d.yaml", i)), []byte(text.String()), 0o600))
	}
	ln, err := (&net.ListenConfig{}).Listen(b.Context(), "tcp", "127.0.0.1:0")
	require.NoError(b, err)
	address := ln.Addr().String()
	require.NoError(b, ln.Close())
	_, port, err := net.SplitHostPort(address)
	require.NoError(b, err)
	cmd := exec.Command(dagu, "server", "--host", "127.0.0.1", "--port", port)
	cmd.Env = append(os.Environ(), "DAGU_HOME="+dir)
	require.NoError(b, cmd.Start())
	b.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	s := &site{base: "http://" + address, client: &http.Client{Transport: &http.Transport{DisableCompression: true}}}
	b.Cleanup(s.client.CloseIdleConnections)
	waitFor(b, func() bool { _, err := s.get(b.Context(), "/api/v2/dags?page=1&perPage=50"); return err == nil })
	return s
}

// BenchmarkRunState asks the API for a run, eight at once. The floor asks for the version, which needs no store.
func BenchmarkRunState(b *testing.B) {
	s := newSite(b, historyHome(b))
	for b.Loop() {
		for unit, path := range map[string]string{"µs/request": "/api/v2/dags/wide/dagRuns/manual__0", "floor-µs/request": "/api/v2/version"} {
			const each = 500
			begin := time.Now()
			s.crowd(b, 8, func(ctx context.Context) error {
				for range each {
					if _, err := s.get(ctx, path); err != nil {
						return err
					}
				}
				return nil
			})
			b.ReportMetric(float64(time.Since(begin).Microseconds())/(8*each), unit)
		}
	}
	b.ReportMetric(0, "ns/op")
}

// crowd does something so many times at once.
func (*site) crowd(b *testing.B, n int, do func(context.Context) error) {
	b.Helper()
	var wg sync.WaitGroup
	failed := make(chan error, n)
	for range n {
		wg.Go(func() { failed <- do(b.Context()) })
	}
	wg.Wait()
	close(failed)
	for err := range failed {
		require.NoError(b, err)
	}
}

// BenchmarkStreams reports the memory with 1,000 open event streams, as many of each person as there may be. The floor has none.
func BenchmarkStreams(b *testing.B) {
	const open = 1000
	h := newHome(b, 1, daily)
	var tokens []string
	for i := range open / live.MostOf {
		tokens = append(tokens, h.user(b, fmt.Sprintf("p%d", i)))
	}
	s := newSite(b, h)
	status := fmt.Sprintf("/proc/%d/status", s.pid)
	for b.Loop() {
		b.ReportMetric(float64(field(b, status, "VmRSS:"))/1024, "floor-MiB")
		for i := range open {
			s.token = tokens[i%len(tokens)]
			resp, err := s.open(b.Context(), "/events?dag_id=d0")
			require.NoError(b, err)
			require.Equal(b, http.StatusOK, resp.StatusCode)
			_, err = bufio.NewReader(resp.Body).ReadString('\n')
			require.NoError(b, err)
			defer resp.Body.Close()
		}
		b.ReportMetric(float64(field(b, status, "VmRSS:"))/1024, "MiB")
	}
	b.ReportMetric(0, "ns/op")
}

// BenchmarkWatched runs a chain of 500 bash tasks while a page is open on it, as a browser keeps it up to date. The floor has no page open.
func BenchmarkWatched(b *testing.B) {
	const chains, watchers = 5, 1
	h := newHome(b, 0, daily)
	text := "bench:\n  schedule: null\n" + strings.TrimPrefix(string(shape{tasks: 500, lanes: 1, wide: 16, task: `operator: bash, bash_command: "true"`}.yaml()), "bench:\n")
	require.NoError(b, os.WriteFile(filepath.Join(string(h), "dags", "bench.yaml"), []byte(text), 0o600))
	s := newSite(b, h)
	for b.Loop() {
		var watched, alone []float64
		for range chains {
			alone = append(alone, s.chain(b))
			ctx, cancel := context.WithCancel(b.Context())
			var wg sync.WaitGroup
			for range watchers {
				wg.Go(func() { s.watch(ctx, "/dags/bench") })
			}
			watched = append(watched, s.chain(b))
			cancel()
			wg.Wait()
		}
		slices.Sort(watched)
		slices.Sort(alone)
		b.ReportMetric(watched[chains/2]/500, "µs/task")
		b.ReportMetric(alone[chains/2]/500, "floor-µs/task")
	}
	b.ReportMetric(0, "ns/op")
}

// chain runs the DAG and returns how long that took in microseconds.
func (s *site) chain(b *testing.B) float64 {
	b.Helper()
	const runs = "/api/v2/dags/bench/dagRuns"
	run := s.run(b, http.MethodPost, runs, strings.NewReader(`{"logical_date": null}`))
	waitFor(b, func() bool {
		run = s.run(b, http.MethodGet, runs+"/"+url.PathEscape(run.ID), nil)
		return run.State == "success"
	})
	return run.Duration * 1e6
}

// dagRun is a run as the API has it.
type dagRun struct {
	ID       string  `json:"dag_run_id"`
	State    string  `json:"state"`
	Duration float64 `json:"duration"`
}

// run makes a call that answers with a run.
func (s *site) run(b *testing.B, method, path string, body io.Reader) (run dagRun) {
	b.Helper()
	r, err := http.NewRequestWithContext(b.Context(), method, s.base+path, body)
	require.NoError(b, err)
	r.Header.Set("Authorization", "Bearer "+s.token)
	r.Header.Set("Content-Type", "application/json")
	resp, err := s.client.Do(r)
	require.NoError(b, err)
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	require.NoError(b, err)
	require.Equal(b, http.StatusOK, resp.StatusCode, "%s", raw)
	require.NoError(b, json.Unmarshal(raw, &run))
	return run
}

// watch keeps a page open: it reads its events and asks for it anew after each change.
func (s *site) watch(ctx context.Context, path string) {
	resp, err := s.open(ctx, "/events?dag_id=bench")
	if err != nil {
		return
	}
	defer resp.Body.Close()
	for lines := bufio.NewScanner(resp.Body); lines.Scan(); {
		if lines.Text() == "event: changed" {
			_, _ = s.get(ctx, path) // it may be over
		}
	}
}
