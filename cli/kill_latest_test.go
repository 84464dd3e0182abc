package cli_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/store"
	"github.com/dingdag/dingdag/store/sqlite"
)

// movedDAGs are two versions of a DAG whose runs fail, each with what a run of it has: its instances by their labels, and
// how many deadlines.
var movedDAGs = [2]struct { //nolint:gochecknoglobals // a constant
	file      string
	instances []string
	deadlines int
}{
	{`
chaos:
  schedule: null
  max_active_runs: 8
  deadline:
    - {reference: dagrun_queued_at, interval: 9h, callback: {callback: dingding, message: late}}
  tasks:
    - {task_id: first, operator: empty}
    - {task_id: many, operator: branch, dependencies: [first], expand: {choose: [[end], [end]]}}
    - {task_id: single, operator: empty, dependencies: [first]}
    - {task_id: old, operator: empty, dependencies: [first]}
    - {task_id: end, operator: bash, bash_command: exit 1, dependencies: [many, single, old]}
`, []string{"end", "first", "many[0]", "many[1]", "old", "single"}, 1},
	{`
chaos:
  schedule: null
  max_active_runs: 8
  deadline:
    - {reference: dagrun_queued_at, interval: 7h, callback: {callback: dingding, message: late}}
    - {reference: dagrun_queued_at, interval: 8h, callback: {callback: dingding, message: late}}
  tasks:
    - {task_id: first, operator: empty}
    - {task_id: many, operator: branch, dependencies: [first], expand: {choose: [[end], [end], [end]]}}
    - {task_id: single, operator: branch, dependencies: [first], expand: {choose: [[end], [end]]}}
    - {task_id: new, operator: empty, dependencies: [first]}
    - {task_id: end, operator: bash, bash_command: exit 1, dependencies: [many, single, new]}
`, []string{"end", "first", "many[0]", "many[1]", "many[2]", "new", "single[0]", "single[1]"}, 2},
}

// TestKillWhileMoving kills the real program with SIGKILL at random moments while runs are cleared on the latest version of
// their DAG, by the process that works or, when there is none, by the commands themselves: each run has moved as a whole,
// with its task instances, its deadlines and what is told of it, or has not moved.
func TestKillWhileMoving(t *testing.T) {
	t.Parallel()
	const runs = 12
	kills, seed := killsOr(6), newKillSeed(t)
	m := &moving{chaos: newChaos(t, seed, movedDAGs[0].file), last: map[string]moved{}}
	for range runs {
		m.trigger()
	}
	for n := range kills {
		p := m.begin()
		m.look(false)
		latest := (n + 1) % 2
		m.write(latest)
		alone := n%3 == 2
		if alone {
			p.stop()
		}
		ctx, cancel := context.WithCancel(t.Context())
		answered, asks := make(chan struct{}, runs), 0
		for _, r := range m.last {
			if r.version != latest {
				asks++
			}
		}
		var asking sync.WaitGroup
		asking.Go(func() {
			defer close(answered)
			m.clear(ctx, latest, rand.New(rand.NewPCG(seed, uint64(n))), answered)
		})
		for range m.random.IntN(max(asks, 1)) { // so many have moved, however fast that is
			<-answered
		}
		after := time.Duration(m.random.IntN(150)) * time.Millisecond
		if alone {
			m.rest(after)
		} else {
			p.kill(after)
		}
		cancel() // which kills whoever asks
		asking.Wait()
		m.look(true)
	}
	p := m.begin()
	m.write(kills % 2)
	code, _, errs := run(t, "--home", m.home, "tasks", "clear", "chaos", "--run-on-latest-version", "-y")
	require.Zero(t, code, errs)
	m.waitOver(p)
	p.stop()
	m.look(false)
	assert.Len(t, m.versions, 1, "all on the latest one")
	t.Logf("%d moves that were told of; %d of %d kills left some runs moved and others not", m.told, m.partly, kills)
	if !testing.Short() {
		assert.Positive(t, m.partly, "no kill came in between: the test tests nothing")
	}
}

// moving is a home folder whose runs are cleared.
type moving struct {
	*chaos

	last map[string]moved
	// versions are those that some run had at the last look.
	versions     map[int]bool
	told, partly int
}

// moved is how a run was at the last look: which of the versions it had, and how often it was told of it that it moved.
type moved struct {
	version     int
	provisional bool
	told        int
}

// begin starts the program, and waits until it works and all runs have ended.
func (m *moving) begin() *process {
	m.t.Helper()
	p := m.start()
	p.until("work", func() bool { return strings.Contains(p.log.String(), `msg="dingdag works"`) })
	m.waitOver(p)
	return p
}

// write makes one of the versions the latest.
func (m *moving) write(n int) {
	m.t.Helper()
	path := filepath.Join(m.home, "dags", "chaos.yaml")
	require.NoError(m.t, os.WriteFile(path+".new", []byte(movedDAGs[n].file), 0o600))
	require.NoError(m.t, os.Rename(path+".new", path))
}

// clear clears the runs on the latest version that have the other one, in any order, until it is told to end: then the command
// that is under way gets SIGKILL. What cannot be is none of its business. Whenever a command has ended, answered gets a value.
func (m *moving) clear(ctx context.Context, latest int, random *rand.Rand, answered chan<- struct{}) {
	for _, n := range random.Perm(m.runs) {
		id := fmt.Sprintf("run%02d", n+1)
		if m.last[id].version == latest {
			continue
		}
		cmd := exec.CommandContext(ctx, "dingdag", "dags", "clear", "chaos", id, "--run-on-latest-version", "-y")
		cmd.Env = m.env
		_ = cmd.Run()
		if ctx.Err() != nil {
			return
		}
		answered <- struct{}{}
	}
}

// rest lets time pass while no process works.
func (m *moving) rest(d time.Duration) {
	m.t.Helper()
	moment := time.NewTimer(d)
	defer moment.Stop()
	select {
	case <-moment.C:
	case <-m.t.Context().Done():
	}
}

// look checks that no run is half in one version and half in another, and notes how it is. Killed says that a kill came before.
func (m *moving) look(killed bool) {
	m.t.Helper()
	s := m.open()
	defer s.Close()
	rs, err := s.Runs(m.t.Context(), store.RunFilter{DAGID: "chaos"})
	require.NoError(m.t, err)
	require.Len(m.t, rs, m.runs)
	deadlines := map[int64]int{}
	due, err := s.DueDeadlines(m.t.Context(), time.Now().AddDate(1, 0, 0))
	require.NoError(m.t, err)
	for _, l := range due {
		deadlines[l.RunKey]++
	}
	m.versions = map[int]bool{}
	movedNow := 0
	for _, r := range rs {
		before, known := m.last[r.RunID]
		now := moved{m.whole(s, r, deadlines[r.Key]), r.Provisional, m.toldOf(s, r)}
		m.versions[now.version] = true
		m.last[r.RunID] = now
		m.told += now.told - before.told
		if known && now.version != before.version {
			movedNow++
		}
		if known && !before.provisional { // else whoever starts next gives it the version that there is
			assert.Equal(m.t, now.version != before.version, now.told > before.told, "what is told of %s", r.RunID)
		}
	}
	if killed && movedNow > 0 && movedNow < m.runs {
		m.partly++
	}
}

// toldOf counts the events of moves of a run.
func (m *moving) toldOf(s *sqlite.Store, r *store.Run) (n int) {
	m.t.Helper()
	es, err := s.Events(m.t.Context(), store.EventFilter{DAGID: "chaos", RunID: r.RunID, Kinds: []store.EventKind{store.EventClear}})
	require.NoError(m.t, err)
	for _, e := range es {
		if strings.Contains(string(e.Extra), `"run_on_latest_version":true`) {
			n++
		}
	}
	return n
}

// whole checks that a run has all that its version has, and nothing else. It returns which that is.
func (m *moving) whole(s *sqlite.Store, r *store.Run, deadlines int) (version int) {
	m.t.Helper()
	source, err := s.Version(m.t.Context(), r.Version)
	require.NoError(m.t, err)
	if strings.Contains(string(source), `task_id: "new"`) {
		version = 1
	}
	want := movedDAGs[version]
	is, err := s.Instances(m.t.Context(), r.Key)
	require.NoError(m.t, err)
	var labels []string
	for _, in := range is {
		switch {
		case in.State == dag.Removed:
		case in.MapIndex < 0 && slices.Contains(want.instances, in.TaskID+"[0]"): // it is to be expanded yet
			labels = append(labels, slices.DeleteFunc(slices.Clone(want.instances), func(l string) bool { return !strings.HasPrefix(l, in.TaskID+"[") })...)
		default:
			labels = append(labels, in.Label())
		}
	}
	slices.Sort(labels)
	assert.Equal(m.t, want.instances, labels, "instances of %s, which is %s", r.RunID, r.State)
	assert.Equal(m.t, want.deadlines, deadlines, "deadlines of %s", r.RunID)
	return version
}
