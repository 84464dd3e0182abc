package cli_test

import (
	"bytes"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/cli/internal/processtest"
	"github.com/dingdag/dingdag/store"
	"github.com/dingdag/dingdag/store/sqlite"
)

var soak = flag.Duration("soak", 0, "how long TestSoak runs; 0 is some seconds, in which it looks whether history ends at all")

// soakDAG has ten tasks each second, soakHistory little patience with what they leave.
const (
	soakDAG = `
soak:
  schedule: {every: 1s}
  start_date: 2026-01-01
  catchup: false
  tasks:
%s`
	soakTask    = "    - {task_id: t%d, operator: bash, bash_command: 'echo {{ run_id }}'}\n"
	soakTasks   = 10
	soakHistory = `
history:
  every: 1s
  keep_last: 3
  runs: {max_age: 3s, max_count: 20}
  ticks: {max_age: 10s}
  jobs: {max_age: 5s}
`
)

// TestSoak runs the program at ten tasks a second: memory, processor time, the store and the number of
// files must not grow.
func TestSoak(t *testing.T) {
	t.Parallel()
	home := t.TempDir()
	var tasks strings.Builder
	for i := range soakTasks {
		fmt.Fprintf(&tasks, soakTask, i)
	}
	require.NoError(t, os.Mkdir(filepath.Join(home, "dags"), 0o750))
	require.NoError(t, os.WriteFile(filepath.Join(home, "dags", "soak.yaml"), fmt.Appendf(nil, soakDAG, tasks.String()), 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(home, "dingdag.yaml"), []byte(soakHistory), 0o600))
	s, err := sqlite.Open(t.Context(), filepath.Join(home, "dingdag.db"), sqlite.Options{})
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, s.Close()) })
	p := &process{t: t, cmd: exec.Command("dingdag", "standalone", "--home", home), log: &processtest.Log{}, begun: time.Now(), ended: make(chan struct{})}
	p.cmd.Stderr = p.log
	require.NoError(t, p.cmd.Start())
	go func() {
		defer close(p.ended)
		p.err = p.cmd.Wait()
	}()
	t.Cleanup(func() {
		_ = p.cmd.Process.Kill()
		<-p.ended
	})
	var last sample
	var taken time.Time
	sampled := func() sample { // a look costs more than what it looks at
		if time.Since(taken) > 200*time.Millisecond {
			last, taken = takeSample(t, s, home, p.cmd.Process.Pid), time.Now()
		}
		return last
	}
	if *soak == 0 {
		p.until("some runs are made", func() bool { return sampled().made > 10 })
		p.until("their logs have gone", func() bool { now := sampled(); return now.files < now.made*soakTasks/2 })
		p.until("their rows have gone", func() bool { now := sampled(); return now.runs < now.made/2 })
		p.stop()
		return
	}
	var all []sample
	again := time.NewTicker(max(*soak/30, time.Second))
	defer again.Stop()
	for end := time.Now().Add(*soak); time.Now().Before(end); {
		select {
		case <-again.C:
			all = append(all, sampled())
			t.Log(all[len(all)-1])
		case <-p.ended:
			t.Fatalf("the program ended by itself: %v\n%s", p.err, p.log)
		}
	}
	p.stop()
	before, after := all[len(all)/3:2*len(all)/3], all[2*len(all)/3:]
	for _, m := range []struct {
		what string
		of   func(sample) float64
		// slack is what may come and go.
		slack float64
	}{
		{"memory in MiB", func(s sample) float64 { return s.rss }, 8},
		{"the store in MiB", func(s sample) float64 { return s.store }, 1},
		{"files of logs", func(s sample) float64 { return float64(s.files) }, 50},
		{"runs", func(s sample) float64 { return float64(s.runs) }, 5},
	} {
		was, is := median(before, m.of), median(after, m.of)
		t.Logf("%s: %.1f, then %.1f", m.what, was, is)
		assert.LessOrEqual(t, is, was*1.15+m.slack, m.what)
	}
	perTask := func(part []sample) float64 {
		first, last := part[0], part[len(part)-1]
		return (last.cpu - first.cpu).Seconds() * 1e3 / float64((last.made-first.made)*soakTasks)
	}
	t.Logf("milliseconds of a processor for a task: %.2f, then %.2f", perTask(before), perTask(after))
	assert.LessOrEqual(t, perTask(after), perTask(before)*1.3, "processor time")
}

// sample is how the program was at a moment.
type sample struct {
	// made is how many runs there ever were, runs how many are in the store.
	made, runs, files int
	// rss and store are in MiB, cpu is the processor time of the process without its children.
	rss, store float64
	cpu        time.Duration
}

func (s sample) String() string {
	return fmt.Sprintf("%s of processor time: %d runs made, %d in the store of %.1f MiB, %d logs, %.1f MiB of memory", s.cpu.Round(time.Second), s.made, s.runs, s.store, s.files, s.rss)
}

func takeSample(t *testing.T, s *sqlite.Store, home string, pid int) (out sample) {
	t.Helper()
	newest, err := s.Runs(t.Context(), store.RunFilter{DAGID: "soak", Limit: 1})
	require.NoError(t, err)
	if len(newest) > 0 {
		out.made = int(newest[0].Key)
	}
	out.runs, err = s.CountMatching(t.Context(), store.RunFilter{DAGID: "soak"})
	require.NoError(t, err)
	for _, name := range []string{"dingdag.db", "dingdag.db-wal"} {
		if info, err := os.Stat(filepath.Join(home, name)); err == nil {
			out.store += float64(info.Size()) / (1 << 20)
		}
	}
	// Folders go while they are walked.
	_ = filepath.WalkDir(filepath.Join(home, "logs"), func(_ string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			out.files++
		}
		return nil
	})
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return out // there is no such file on this system
	}
	for line := range strings.Lines(string(status)) {
		if f := strings.Fields(line); len(f) > 1 && f[0] == "VmRSS:" {
			kib, err := strconv.ParseFloat(f[1], 64)
			require.NoError(t, err)
			out.rss = kib / 1024
		}
	}
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	require.NoError(t, err)
	_, rest, _ := bytes.Cut(stat, []byte(") "))
	for _, f := range strings.Fields(string(rest))[11:13] { // utime and stime, in hundredths of a second
		n, err := strconv.Atoi(f)
		require.NoError(t, err)
		out.cpu += time.Duration(n) * 10 * time.Millisecond
	}
	return out
}

func median(all []sample, of func(sample) float64) float64 {
	var vs []float64
	for _, s := range all {
		vs = append(vs, of(s))
	}
	slices.Sort(vs)
	return vs[len(vs)/2]
}
