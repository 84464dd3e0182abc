package engine_test

import (
	"context"
	"encoding/json"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/callbacks"
	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/dag/dagfile"
	"github.com/dingdag/dingdag/engine"
	"github.com/dingdag/dingdag/engine/why"
	"github.com/dingdag/dingdag/params/declare"
)

// restore makes the DAG of a stored version.
func (b *bench) restore(source []byte) (*dag.DAG, error) {
	return dagfile.Restore(source, b.e.Catalog(), dagfile.Options{})
}

// loadBroken gives the engine what a load of the text finds, errors and all.
func (b *bench) loadBroken(text string) {
	b.t.Helper()
	ds, found := dagfile.Parse("test.yaml", []byte(text), b.e.Catalog(), dagfile.Options{})
	require.True(b.t, found.HasErrors())
	require.NoError(b.t, b.e.SetLoaded(context.Background(), dagfile.Result{DAGs: ds, Diagnostics: found}))
}

// tellsImports makes the bench say what becomes of files.
func (b *bench) tellsImports() {
	b.t.Helper()
	b.o.OnImportError = b.load("x:\n  on_failure_callback: {callback: say, text: '{{ state }} {{ files | map(attribute=\"dags\") | list }} {{ reason }}: {{ exception }}'}\n  tasks: [{task_id: t, operator: nop}]\n")[0].OnFailure
	require.NoError(b.t, b.e.SetDAGs(context.Background(), nil))
	b.stopStore()
}

const (
	wrong   = "d:\n  schedule: '* * * * *'\n  taks: red\n  tasks: [{task_id: t, operator: probe}]\n"
	problem = `test.yaml:3:3: error: dag "d": unknown key "taks"; did you mean "tags"?`
)

// A DAG that could not be loaded starts nothing; its ticks say so, and people are told
// when it breaks and when it is mended, once each, whatever dies in between.
func TestBrokenFile(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		b.o.Beat = 10 * time.Second
		b.tellsImports()
		b.again(minutely)
		<-time.After(2*time.Minute + 30*time.Second)
		synctest.Wait()
		expect := func(want string) {
			t.Helper()
			w, err := why.OfBroken(t.Context(), b.store, b.restore, "d", time.Now(), time.Now(), "what a load says")
			require.NoError(t, err)
			assert.Equal(t, want, string(w.Outcome)+": "+w.Reason.String())
		}
		b.loadBroken(wrong)
		assert.True(t, b.dagState("d").Active, "it is not gone")
		b.loadBroken(wrong)
		<-time.After(5 * time.Minute)
		synctest.Wait()
		expect("waiting: the DAG cannot be loaded since 2000-01-01T00:02:30Z, so it gets no new runs: " + problem)
		w, err := why.OfBroken(t.Context(), b.store, b.restore, "nobody", time.Now(), time.Now(), "")
		require.NoError(t, err)
		assert.Nil(t, w)
		b.stop()
		b.open()
		b.loadBroken(wrong)
		b.start(engine.RunOptions{Schedule: true})
		<-time.After(5 * time.Minute)
		_, err = b.e.Trigger(t.Context(), "d", engine.Trigger{})
		require.ErrorContains(t, err, `dag "d" cannot be loaded since 2000-01-01T00:02:30Z: `+problem)
		b.load(minutely)
		<-time.After(time.Minute)
		synctest.Wait()
		assert.Equal(t, []string{
			"00:03-00:11 9 missed: the DAG could not be loaded from 2000-01-01T00:02:30Z to 2000-01-01T00:12:30Z: " + problem,
		}, b.ranges()[:1])
		assert.Equal(t, []string{
			"on_import_error  broken [['d']] test.yaml is broken: " + problem,
			"on_import_error  mended [['d']] test.yaml is mended: " + problem,
		}, onlyOf(b.sentSoFar(), "on_import_error"))
		assert.Equal(t, []string{
			"on_missed  the DAG could not be loaded from 2000-01-01T00:02:30Z to 2000-01-01T00:12:30Z: " + problem,
		}, onlyOf(b.sentSoFar(), "on_missed"))
		b.stop()
	})
}

func onlyOf(texts []string, kind string) (out []string) {
	for _, s := range texts {
		if len(s) > len(kind) && s[:len(kind)] == kind {
			out = append(out, s)
		}
	}
	return out
}

// An update that comes while the file of a DAG is broken that waits for it is kept, also
// by a process that has never seen the file whole.
func TestUpdateWhileTheReaderIsBroken(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.load(producers + consumer("[s3://a]", ""))
	b.start(engine.RunOptions{Schedule: true})
	b.stop()
	b.open()
	b.loadBroken(producers + "d:\n  schedule: [s3://a]\n  taks: []\n")
	b.start(engine.RunOptions{Schedule: true})
	b.produce("a")
	assert.Empty(t, b.runs())
	b.load(producers + consumer("[s3://a]", ""))
	b.untilRuns(1)
}

// seen is a callback that keeps the events that it is told.
type seen struct {
	keep func(callbacks.Event)
}

// Prepare keeps the event, and sends nothing of it.
func (s *seen) Prepare(ev *callbacks.Event) (callbacks.Message, error) {
	s.keep(*ev)
	return callbacks.Message{Sender: "bench", Channel: "bench", Summary: "seen", Payload: json.RawMessage(`"seen"`)}, nil
}

// An event of a file that breaks has its errors, one of a file that is mended has none, and says
// when the file was mended by its end.
func TestEventsOfBrokenFiles(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	var told []callbacks.Event
	b.more = []callbacks.Spec{declare.DefineWith[callbacks.Callback]("callback", "seen", func() *seen {
		return &seen{func(ev callbacks.Event) {
			b.mu.Lock()
			defer b.mu.Unlock()
			told = append(told, ev)
		}}
	})}
	b.o.OnImportError = []dag.Callback{{Name: "seen"}}
	b.stopStore()
	b.open()
	b.load(minutely)
	b.start(engine.RunOptions{Schedule: true})
	b.loadBroken(wrong)
	b.load(minutely)
	b.until("both are told", func() bool {
		b.mu.Lock()
		defer b.mu.Unlock()
		return len(told) == 2
	})
	b.mu.Lock()
	defer b.mu.Unlock()
	for n, want := range []struct {
		state, err string
		gone       bool
	}{{"broken", problem, false}, {"mended", "", true}} {
		ev := told[n]
		assert.Equal(t, want.state, ev.State)
		assert.Equal(t, want.err, ev.Error)
		require.Len(t, ev.Files, 1)
		assert.Equal(t, "test.yaml", ev.Files[0].File)
		assert.Equal(t, []string{"d"}, ev.Files[0].DAGs)
		assert.Equal(t, want.gone, ev.Files[0].Gone, "there is no such file")
		assert.Equal(t, want.gone, ev.Files[0].Until != nil)
		assert.Equal(t, problem, ev.Files[0].Error)
	}
}
