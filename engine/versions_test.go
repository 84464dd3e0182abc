package engine_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/dag/dagfile"
	"github.com/dingdag/dingdag/engine"
	"github.com/dingdag/dingdag/store"
)

// versionsCase are versions of a DAG, one after another, and what is cleared on each.
type versionsCase struct {
	versions []string
	clears   []engine.ClearRequest
	// crashes say when the process dies over a clear: 0 never, 1 while it is done, 2 after it.
	crashes []int
}

// taskOf draws a task of a version, empty for none. before are the ids of the tasks before it, lists those among
// them whose result is a list.
func taskOf(t *rapid.T, id string, before, lists []string) (text string, list bool) {
	values := func(label string) string {
		return "[" + strings.Join([]string{"a", "b", "c"}[:rapid.IntRange(0, 3).Draw(t, label)], ", ") + "]"
	}
	do := rapid.SampledFrom([]string{"ok", "ok", "ok", "fail"}).Draw(t, "do")
	switch rapid.IntRange(0, 6).Draw(t, "kind of "+id) {
	case 0:
		return "", false
	case 1, 2:
		text = fmt.Sprintf("task_id: %s, operator: probe, do: %s, text: %s", id, do, id)
	case 3, 4:
		text = fmt.Sprintf("task_id: %s, operator: free, value: %s", id, values("list"))
		list = true
	case 5:
		text = fmt.Sprintf("task_id: %s, operator: probe, do: %s, expand: {text: %s}", id, do, values("values"))
	case 6:
		if len(lists) == 0 {
			return "", false
		}
		return fmt.Sprintf("{task_id: %s, operator: probe, do: %s, expand: {text: %s.output}}", id, do, rapid.SampledFrom(lists).Draw(t, "from")), false
	}
	if ups := rapid.SliceOfDistinct(rapid.SampledFrom(append(before, "none")), rapid.ID).Draw(t, "upstream"); len(ups) > 0 && !slices.Contains(ups, "none") {
		rule := rapid.SampledFrom([]string{"all_success", "all_done", "none_failed"}).Draw(t, "rule")
		text += fmt.Sprintf(", dependencies: [%s], trigger_rule: %s", strings.Join(ups, ", "), rule)
	}
	return "{" + text + "}", list
}

var versionsCases = rapid.Custom(func(t *rapid.T) (c versionsCase) {
	for range 3 {
		tasks, before, lists := []string{"{task_id: z, operator: probe}"}, []string{"z"}, []string(nil)
		for i := range 5 {
			id := fmt.Sprintf("t%d", i)
			text, list := taskOf(t, id, before, lists)
			if text == "" {
				continue
			}
			tasks, before = append(tasks, text), append(before, id)
			if list {
				lists = append(lists, id)
			}
		}
		// The order of the file does not matter.
		c.versions = append(c.versions, "d:\n  tasks:\n    - "+strings.Join(rapid.Permutation(tasks).Draw(t, "order"), "\n    - ")+"\n")
		c.clears = append(c.clears, engine.ClearRequest{
			TaskRegex: rapid.SampledFrom([]string{"", "", "^z$", "z|t0", "z|t[12]", "z|t[34]"}).Draw(t, "tasks"), Downstream: true,
			OnlyFailed: rapid.Bool().Draw(t, "only failed"),
		})
		c.crashes = append(c.crashes, rapid.IntRange(0, 2).Draw(t, "crash"))
	}
	return c
})

// Whatever becomes of a DAG, and whenever the process dies over it: a run that is cleared on the latest version has that
// version or the one before, and ends with exactly the instances that it says. Those of tasks that are gone are removed, and
// what is not touched keeps its tries and its results.
func TestVersionsAreNeverMixed(t *testing.T) {
	t.Parallel()
	for seed := range 40 {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			t.Parallel()
			versionsHold(t, versionsCases.Example(seed))
		})
	}
}

func versionsHold(t *testing.T, c versionsCase) {
	t.Helper()
	b := newBench(t)
	b.failing("fail")
	b.load(c.versions[0])
	b.start(engine.RunOptions{})
	r := b.finish(engine.Trigger{RunID: "r"})
	b.fits(t, r, c.versions[0], c)
	for n, text := range c.versions[1:] {
		b.load(text)
		ask := c.clears[n]
		ask.DAGID, ask.RunID, ask.Latest, ask.DryRun = "d", "r", true, true
		would, err := b.e.Clear(t.Context(), ask)
		require.NoError(t, err)
		if len(would.Runs) == 0 {
			continue // nothing of it had failed
		}
		before := b.kept(r, would.Runs[0].Instances)
		ask.DryRun = false
		if c.crashes[n] == 1 {
			done := make(chan error, 1)
			go func(e *engine.Engine) {
				_, err := e.Clear(t.Context(), ask)
				done <- err
			}(b.e)
			next := b.crash()
			require.NoError(t, <-done)
			b = b.succeeded(t, next, r, text, c)
			if b.run(r.Key).Version == r.Version {
				b.load(text)
				b.start(engine.RunOptions{})
				_, err = b.e.Clear(t.Context(), ask)
				require.NoError(t, err)
			} else {
				b.load(text)
				b.start(engine.RunOptions{})
			}
		} else {
			done, err := b.e.Clear(t.Context(), ask)
			require.NoError(t, err)
			require.Equal(t, would, done, "%+v", c)
			if c.crashes[n] == 2 {
				b = b.succeeded(t, b.crash(), r, text, c)
				b.load(text)
				b.start(engine.RunOptions{})
			}
		}
		r = b.ended1(r.Key)
		b.fits(t, r, text, c)
		assert.Equal(t, before, b.kept(r, would.Runs[0].Instances), "what is not touched: %+v", c)
		for _, in := range would.Runs[0].Instances {
			if in.State == dag.Removed {
				assert.Contains(t, b.rows(r.Key), strings.Replace(b.row(r, in), in.From.String(), "removed", 1))
			}
		}
	}
}

// succeeded looks at what a process that died has left to the next one: either version, whole.
func (b *bench) succeeded(t *testing.T, next *bench, r *store.Run, text string, c versionsCase) *bench {
	t.Helper()
	b.stop()
	now := next.run(r.Key)
	if now.Version == r.Version {
		assert.True(t, now.State.Finished(), "%+v", c)
		next.fits(t, now, "", c)
		return next
	}
	ds, _ := dagfile.Parse("test.yaml", []byte(text), next.e.Catalog(), dagfile.Options{})
	require.Equal(t, ds[0].Version, now.Version)
	rows := map[string]int{}
	is, err := next.store.Instances(t.Context(), r.Key)
	require.NoError(t, err)
	for _, in := range is {
		if ds[0].Task(in.TaskID) == nil {
			assert.Equal(t, dag.Removed, in.State, "%s: %+v", in.TaskID, c)
		} else if in.State != dag.Removed {
			rows[in.TaskID]++
		}
	}
	for _, task := range ds[0].Tasks {
		assert.Positive(t, rows[task.ID], "%s: %+v", task.ID, c)
	}
	return next
}

// row is an instance as rows tells it.
func (b *bench) row(r *store.Run, want engine.AffectedInstance) string {
	b.t.Helper()
	is, err := b.store.Instances(b.t.Context(), r.Key)
	require.NoError(b.t, err)
	for _, in := range is {
		if in.TaskID == want.TaskID && in.MapIndex == want.MapIndex {
			return fmt.Sprintf("%s#%d %s", in.Label(), in.Try, in.State)
		}
	}
	b.t.Fatalf("no instance %s[%d]", want.TaskID, want.MapIndex)
	return ""
}

// kept are the instances of a run that a change does not touch, with their results.
func (b *bench) kept(r *store.Run, touched []engine.AffectedInstance) []string {
	b.t.Helper()
	is, err := b.store.Instances(b.t.Context(), r.Key)
	require.NoError(b.t, err)
	xs, err := b.store.RunXComs(b.t.Context(), r.Key)
	require.NoError(b.t, err)
	var out []string
	for _, in := range is {
		if slices.ContainsFunc(touched, func(a engine.AffectedInstance) bool { return a.TaskID == in.TaskID }) {
			continue
		}
		out = append(out, fmt.Sprintf("%s#%d %s %s %s", in.Label(), in.Try, in.State, in.StartDate, in.Operator))
		for _, x := range xs {
			if x.TaskID == in.TaskID && x.MapIndex == in.MapIndex {
				out = append(out, fmt.Sprintf("%s %s=%s", in.Label(), x.Key, x.Value))
			}
		}
	}
	slices.Sort(out)
	return out
}

// fits checks the instances of a run that has ended against a version of its DAG; without one only that they have ended.
func (b *bench) fits(t *testing.T, r *store.Run, text string, c versionsCase) {
	t.Helper()
	is, err := b.store.Instances(t.Context(), r.Key)
	require.NoError(t, err)
	of := map[string][]*store.Instance{}
	for _, in := range is {
		require.True(t, in.State.Finished(), "%s is %s: %+v", in.Label(), in.State, c)
		if in.State != dag.Removed {
			of[in.TaskID] = append(of[in.TaskID], in)
		}
	}
	if text == "" {
		return
	}
	ds, _ := dagfile.Parse("test.yaml", []byte(text), b.e.Catalog(), dagfile.Options{})
	require.Equal(t, ds[0].Version, r.Version)
	for _, task := range ds[0].Tasks {
		rows := of[task.ID]
		delete(of, task.ID)
		var indexes []int
		for _, in := range rows {
			indexes = append(indexes, in.MapIndex)
		}
		slices.Sort(indexes)
		if slices.Equal(indexes, []int{-1}) && (task.Mapping == nil || rows[0].State != dag.Success) {
			continue
		}
		require.NotNil(t, task.Mapping, "%s has %v: %+v", task.ID, indexes, c)
		want := make([]int, len(indexes))
		if rows[0].State != dag.UpstreamFailed {
			want = make([]int, max(b.length(t, r, task, len(indexes)), 1))
		}
		for i := range want {
			want[i] = i
		}
		require.Equal(t, want, indexes, "%s, %s: %+v", task.ID, rows[0].State, c)
	}
	require.Empty(t, of, "of tasks that are gone: %+v", c)
}

// length is how many instances a mapped task is to have, or another number where no result says so.
func (b *bench) length(t *testing.T, r *store.Run, task *dag.Task, other int) int {
	t.Helper()
	for v := range task.Mapping.Sources() {
		if v.From == "" {
			return len(v.Values)
		}
		raw, err := b.store.XCom(t.Context(), r.Key, v.From, -1, "return_value")
		require.NoError(t, err)
		if raw != nil {
			var list []any
			if json.Unmarshal(raw, &list) != nil {
				return other // and the task fails
			}
			return len(list)
		}
	}
	return other
}
