// Package tasklogtest is the suite that every log store passes.
//
//nolint:thelper // tests, not helpers: failures belong to their lines
package tasklogtest

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"
	"testing/iotest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/tasklog"
)

// Open opens the store once more, as another machine would. It is closed at the end of the test.
type Open func(t *testing.T) tasklog.Store

// run is the folder of a run, with what ids may have in them.
const run = "dag_id=sales 日报/run_id=scheduled__2026-01-01T00:00:00+00:00"

// name is the log of a try of a task of the run.
func name(task string, try int) string {
	return fmt.Sprintf("%s/task_id=%s/attempt=%d.log", run, task, try)
}

func at(second int) time.Time { return time.Date(2026, 1, 1, 0, 0, second, 0, time.UTC) }

// Run runs the suite. create makes an empty store for each test.
func Run(t *testing.T, create func(t *testing.T) Open) {
	t.Helper()
	for what, test := range map[string]func(*testing.T, Open){
		"parts come in their order":     partsComeInOrder,
		"a part is put again":           partsArePutAgain,
		"half a part is none":           halfAPartIsNone,
		"a part is read from any place": partsAreReadAnywhere,
		"logs are removed by run":       logsAreRemoved,
		"names stay below the folder":   namesStayBelow,
		"many put at once":              manyPut,
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			test(t, create(t))
		})
	}
}

func put(t *testing.T, s tasklog.Store, log string, start time.Time, node, text string) tasklog.Part {
	t.Helper()
	p := tasklog.Part{Start: start, Node: node, Size: int64(len(text))}
	require.NoError(t, s.Put(t.Context(), log, p, strings.NewReader(text)))
	return p
}

func read(t *testing.T, s tasklog.Store, log string, p tasklog.Part) string {
	t.Helper()
	b := make([]byte, p.Size)
	n, err := s.ReadAt(t.Context(), log, p, b, 0)
	if !errors.Is(err, io.EOF) {
		require.NoError(t, err)
	}
	return string(b[:n])
}

func partsComeInOrder(t *testing.T, open Open) {
	s, other := open(t), open(t)
	none, err := s.Parts(t.Context(), name("load", 1))
	require.NoError(t, err)
	assert.Empty(t, none)

	second := put(t, s, name("load", 1), at(9).Add(time.Millisecond), "b.example.com:8793", "two\n")
	first := put(t, other, name("load", 1), at(9), "机器/a", "one\n")
	empty := put(t, s, name("load", 1), at(10), "c", "")
	put(t, s, name("load", 10), at(1), "a", "of another try\n")
	put(t, s, name("loader", 1), at(1), "a", "of another task\n")

	got, err := other.Parts(t.Context(), name("load", 1))
	require.NoError(t, err)
	assert.Equal(t, []tasklog.Part{first, second, empty}, got)
	assert.Equal(t, "one\n", read(t, s, name("load", 1), first))
	assert.Equal(t, "two\n", read(t, s, name("load", 1), second))
	assert.Empty(t, read(t, s, name("load", 1), empty))

	_, err = s.ReadAt(t.Context(), name("load", 1), tasklog.Part{Start: at(9), Node: "nobody"}, make([]byte, 1), 0)
	require.ErrorIs(t, err, tasklog.ErrNone)
}

func partsArePutAgain(t *testing.T, open Open) {
	s := open(t)
	put(t, s, name("load", 1), at(1), "a", "half of it, which is longer\n")
	p := put(t, s, name("load", 1), at(1), "a", "all of it\n")
	got, err := s.Parts(t.Context(), name("load", 1))
	require.NoError(t, err)
	assert.Equal(t, []tasklog.Part{p}, got)
	assert.Equal(t, "all of it\n", read(t, s, name("load", 1), p))
}

func halfAPartIsNone(t *testing.T, open Open) {
	s := open(t)
	p := tasklog.Part{Start: at(1), Node: "a", Size: 1 << 20}
	require.Error(t, s.Put(t.Context(), name("load", 1), p, io.MultiReader(strings.NewReader("half"), iotest.ErrReader(errors.New("the disk is broken")))))
	require.Error(t, s.Put(t.Context(), name("load", 1), p, strings.NewReader("shorter than it says")))
	got, err := s.Parts(t.Context(), name("load", 1))
	require.NoError(t, err)
	assert.Empty(t, got)

	whole := put(t, s, name("load", 1), at(1), "a", "whole\n")
	require.Error(t, s.Put(t.Context(), name("load", 1), p, iotest.ErrReader(errors.New("the disk is broken"))))
	got, err = s.Parts(t.Context(), name("load", 1))
	require.NoError(t, err)
	assert.Equal(t, []tasklog.Part{whole}, got, "what was there stays")
	assert.Equal(t, "whole\n", read(t, s, name("load", 1), whole))
}

func partsAreReadAnywhere(t *testing.T, open Open) {
	s := open(t)
	var text bytes.Buffer
	for i := 0; text.Len() < 600<<10; i++ {
		fmt.Fprintf(&text, "[2026-01-01T00:00:00.000Z] INFO - line %d of many\n", i)
	}
	all := text.Bytes()
	p := put(t, s, name("load", 1), at(1), "a", text.String())
	for _, span := range [][2]int{{0, 1}, {0, len(all)}, {1, 64 << 10}, {64<<10 - 1, 64<<10 + 1}, {128 << 10, 400 << 10}, {len(all) - 1, len(all)}} {
		b := make([]byte, span[1]-span[0])
		n, err := s.ReadAt(t.Context(), name("load", 1), p, b, int64(span[0]))
		if !errors.Is(err, io.EOF) {
			require.NoError(t, err)
		}
		require.Equal(t, len(b), n, "%v", span)
		require.True(t, bytes.Equal(all[span[0]:span[1]], b), "%v", span)
	}
	b := make([]byte, 100)
	n, err := s.ReadAt(t.Context(), name("load", 1), p, b, int64(len(all)-10))
	require.ErrorIs(t, err, io.EOF)
	assert.Equal(t, string(all[len(all)-10:]), string(b[:n]))
	n, err = s.ReadAt(t.Context(), name("load", 1), p, b, int64(len(all)))
	require.ErrorIs(t, err, io.EOF)
	assert.Zero(t, n)
}

func logsAreRemoved(t *testing.T, open Open) {
	s := open(t)
	old := put(t, s, name("load", 1), at(1), "a", strings.Repeat("old\n", 50_000))
	put(t, s, name("load", 2), at(2), "b", "old\n")
	put(t, s, run+"/task_id=mapped/map_index=3/attempt=1.log", at(3), "a", "old\n")
	young := put(t, s, name("load", 1), at(5), "a", "of a run that was made later\n")
	other := put(t, s, run+"1/task_id=load/attempt=1.log", at(1), "a", "of another run\n")

	n, err := s.Count(t.Context(), run)
	require.NoError(t, err)
	assert.Equal(t, 4, n)
	n, err = s.Remove(t.Context(), run, at(5))
	require.NoError(t, err)
	assert.Equal(t, 3, n)
	for log, want := range map[string][]tasklog.Part{
		name("load", 1): {young}, name("load", 2): nil, run + "/task_id=mapped/map_index=3/attempt=1.log": nil, run + "1/task_id=load/attempt=1.log": {other},
	} {
		got, err := s.Parts(t.Context(), log)
		require.NoError(t, err)
		assert.Equal(t, want, got, log)
	}
	_, err = s.ReadAt(t.Context(), name("load", 1), old, make([]byte, 1), 0)
	require.ErrorIs(t, err, tasklog.ErrNone)
	n, err = s.Remove(t.Context(), run, at(5))
	require.NoError(t, err)
	assert.Zero(t, n, "they are gone")
	n, err = s.Count(t.Context(), "dag_id=nobody/run_id=none")
	require.NoError(t, err)
	assert.Zero(t, n)
}

func namesStayBelow(t *testing.T, open Open) {
	s := open(t)
	for _, bad := range []string{"", "/etc/passwd.log", "../outside.log", "dag_id=a/../../outside.log", ".unsent/1.log", "dag_id=a/run_id=b/no suffix"} {
		require.Error(t, s.Put(t.Context(), bad, tasklog.Part{Start: at(1), Node: "a"}, strings.NewReader("")), bad)
		_, err := s.Parts(t.Context(), bad)
		require.Error(t, err, bad)
	}
	for _, bad := range []string{"", ".", "..", "/", "dag_id=a/.."} {
		_, err := s.Remove(t.Context(), bad, at(1))
		require.Error(t, err, bad)
	}
}

func manyPut(t *testing.T, open Open) {
	stores := []tasklog.Store{open(t), open(t)}
	var all sync.WaitGroup
	for i := range 16 {
		all.Go(func() {
			text := strings.Repeat(fmt.Sprintf("line of %02d\n", i), 10_000)
			p := tasklog.Part{Start: at(i), Node: "a", Size: int64(len(text))}
			assert.NoError(t, stores[i%2].Put(t.Context(), name("load", 1), p, strings.NewReader(text)))
		})
	}
	all.Wait()
	parts, err := stores[0].Parts(t.Context(), name("load", 1))
	require.NoError(t, err)
	require.Len(t, parts, 16)
	for i, p := range parts {
		assert.Equal(t, strings.Repeat(fmt.Sprintf("line of %02d\n", i), 10_000), read(t, stores[1], name("load", 1), p))
	}
}
