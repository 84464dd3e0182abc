package schedule_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/engine/schedule"
	"github.com/dingdag/dingdag/store"
	"github.com/dingdag/dingdag/timetable"
)

func TestDAGs(t *testing.T) {
	t.Parallel()
	var s schedule.DAGs
	a, b := &dag.DAG{ID: "a", Assets: &dag.AssetCondition{Asset: &dag.Asset{URI: "s3://x"}}}, &dag.DAG{ID: "b"}
	first := s.Loaded()
	s.Add(a)
	assert.Empty(t, first)
	assert.Same(t, a, s.Get("a"))
	s.Replace(map[string]*dag.DAG{"a": a}, map[string]*store.ImportError{"c": {DAGID: "c"}}, map[string][]string{"c": {"s3://x"}})
	before := s.Loaded()
	s.Add(b)
	assert.Len(t, before, 1, "the map that was given away stays")
	assert.Same(t, b, s.Get("b"))
	assert.Nil(t, s.Get("c"))
	assert.Equal(t, "c", s.Broken("c").DAGID)
	assert.Equal(t, []string{"a", "c"}, s.Consumers("s3://x"))
	assert.Empty(t, s.Consumers("s3://y"))
	s.Pause("a")
	assert.True(t, s.Paused("a"))
	assert.Equal(t, []string{"c"}, s.Consumers("s3://x"))
	assert.Equal(t, []string{"a"}, s.SetPaused([]string{"c"}))
	assert.Equal(t, []string{"a"}, s.Consumers("s3://x"))
	assert.Empty(t, s.Scheduled(), "neither has a timetable")
}

// lastRun is a store that is asked for the last scheduled run only.
type lastRun struct {
	store.Reader
	err   error
	asked int
}

// LastScheduled counts how often it is asked.
func (l *lastRun) LastScheduled(context.Context, string) (*store.Run, error) {
	l.asked++
	return nil, l.err
}

// The store is asked for the last run once before the moment that the timetable names.
func TestMaybeDue(t *testing.T) {
	t.Parallel()
	tt, err := timetable.Cron("0 12 * * *", time.UTC)
	require.NoError(t, err)
	d := &dag.DAG{ID: "d", Timetable: tt, StartDate: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)}
	var s schedule.DAGs
	s.Replace(map[string]*dag.DAG{"d": d}, nil, nil)
	assert.Equal(t, []*dag.DAG{d}, s.Scheduled())
	r := &lastRun{}
	morning, noon := time.Date(2026, 1, 1, 9, 0, 0, 0, time.UTC), time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)
	assert.False(t, s.MaybeDue(t.Context(), r, d, morning))
	assert.False(t, s.MaybeDue(t.Context(), r, d, morning.Add(time.Hour)))
	assert.Equal(t, 1, r.asked)
	assert.True(t, s.MaybeDue(t.Context(), r, d, noon))
	assert.Equal(t, 2, r.asked)
	// Another version is asked anew, and one that is no longer loaded is not remembered.
	again := *d
	s.Replace(map[string]*dag.DAG{"d": &again}, nil, nil)
	assert.False(t, s.MaybeDue(t.Context(), r, &again, morning))
	assert.False(t, s.MaybeDue(t.Context(), r, d, morning))
	assert.False(t, s.MaybeDue(t.Context(), r, d, morning))
	assert.Equal(t, 5, r.asked)
	r.err = errors.New("the disk is gone")
	assert.True(t, s.MaybeDue(t.Context(), r, d, morning), "better once too often")
	s.Pause("d")
	assert.Empty(t, s.Scheduled())
}

// A timer goes by the clock, which somebody may set back, and not after the end.
func TestTimers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var behind atomic.Int64
		timers := schedule.NewTimers(func() time.Time { return time.Now().Add(-time.Duration(behind.Load())) })
		var mu sync.Mutex
		var names []string
		fire := func(name string) func() {
			return func() {
				mu.Lock()
				defer mu.Unlock()
				names = append(names, name)
			}
		}
		fired := func() []string {
			mu.Lock()
			defer mu.Unlock()
			return slices.Clone(names)
		}
		begin := time.Now()
		for name, after := range map[string]time.Duration{"soon": time.Second, "far": 2 * time.Minute, "never": 5 * time.Minute, "past": -time.Second} {
			timers.At(begin.Add(after), fire(name))
		}
		<-time.After(500 * time.Millisecond)
		synctest.Wait()
		assert.Equal(t, []string{"past"}, fired())
		behind.Store(int64(time.Minute))
		<-time.After(30 * time.Second)
		synctest.Wait()
		assert.Equal(t, []string{"past"}, fired())
		<-time.After(31 * time.Second)
		synctest.Wait()
		assert.Equal(t, []string{"past", "soon"}, fired())
		<-time.After(2 * time.Minute)
		synctest.Wait()
		assert.Equal(t, []string{"past", "soon", "far"}, fired())
		timers.Stop()
		timers.At(begin, fire("late"))
		<-time.After(time.Hour)
		synctest.Wait()
		assert.Equal(t, []string{"past", "soon", "far"}, fired())
	})
}
