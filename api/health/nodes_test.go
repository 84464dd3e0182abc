package health_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/api"
	"github.com/dingdag/dingdag/api/health"
	"github.com/dingdag/dingdag/connections"
	"github.com/dingdag/dingdag/store"
	"github.com/dingdag/dingdag/store/sqlite"
)

// shared is a store with nodes and queues as a test says, and a clock of its own.
type shared struct {
	*sqlite.Store

	now     time.Time
	living  []*store.Node
	waiting []store.QueueBacklog
}

func (s *shared) LeaseClock(context.Context) (time.Time, error) { return s.now, nil }
func (s *shared) Nodes(_ context.Context, after time.Time) (out []*store.Node, err error) {
	for _, n := range s.living {
		if n.LeasedUntil.After(after) {
			out = append(out, n)
		}
	}
	return out, nil
}

func (s *shared) QueueBacklogs(context.Context) ([]store.QueueBacklog, error) {
	return slices.Clone(s.waiting), nil
}

func newShared(t *testing.T) (*world, *shared) {
	t.Helper()
	w := newWorld(t)
	s := &shared{Store: w.store, now: w.now}
	masker := connections.NewMasker()
	masker.Add("hush-hush")
	clock := func() time.Time { return w.now }
	w.Checker = health.New(health.Options{
		API: api.New(api.Options{Store: s, Masker: masker, Clock: clock}), Store: s, Program: "dingdag", Masker: masker, Clock: clock,
	})
	return w, s
}

// Leases go by the clock of the store: that of the machine which asks may be another one.
func TestLeasesGoByTheClockOfTheStore(t *testing.T) {
	t.Parallel()
	for _, off := range []time.Duration{30 * time.Second, -30 * time.Second} {
		w, s := newShared(t)
		w.now = w.now.Add(off)
		assert.Empty(t, w.problems(), off)
		s.now = s.now.Add(3*time.Second + health.Late)
		assert.Empty(t, w.problems(), off)
		s.now = s.now.Add(time.Second)
		assert.Equal(t, []string{"error scheduler: no scheduler is running: the lease of the last one ran out 11s ago | dingdag standalone"}, w.problems(), off)
	}
}

// What waits in a queue that no live node serves is told when it has waited for a while, and so is a clock that is off.
func TestNodes(t *testing.T) {
	t.Parallel()
	w, s := newShared(t)
	node := func(id string, ahead time.Duration, queues ...string) *store.Node {
		return &store.Node{
			ID: id, Works: true, State: store.NodeWorking, Queues: queues, ClockAhead: ahead, StartedAt: began, LeasedUntil: began.Add(time.Hour),
		}
	}
	s.living = []*store.Node{node("a", 5*time.Second, "default"), node("b", -5*time.Second, "cpu")}
	s.waiting = []store.QueueBacklog{{Queue: "cpu", Jobs: 5, Since: began.Add(-time.Hour)}, {Queue: "hush-hush", Jobs: 3, Since: began.Add(-9 * time.Second)}}
	assert.Empty(t, w.problems())

	s.waiting[1].Since = began.Add(-10 * time.Second)
	s.living[0].ClockAhead, s.living[1].ClockAhead = 31*time.Second, -6*time.Second
	const ntp = " that of the database: have all machines take their time from one source (NTP), because runs start by the clock of the node that leads | dingdag nodes list"
	assert.Equal(t, []string{
		"warning queues: tasks that have waited for 10s in queue ***, which no live node serves: 3 | dingdag nodes list",
		"warning nodes: the clock of node a is 31s ahead of" + ntp,
		"warning nodes: the clock of node b is 6s behind" + ntp,
	}, w.problems())
	h := w.Check(t.Context())
	assert.Equal(t, []health.UnservedQueue{{Queue: "***", Tasks: 3, Since: began.Add(-10 * time.Second)}}, h.UnservedQueues)
	assert.Equal(t, []health.ClockOff{{Node: "a", AheadSeconds: 31}, {Node: "b", AheadSeconds: -6}}, h.ClocksOff)
	strange := h.ForStrangers()
	assert.Equal(t, []string{"tasks wait that no node takes", "clocks differ"}, []string{strange.Problems[0].Text, strange.Problems[1].Text})
	require.Len(t, strange.Problems, 2)
	assert.Empty(t, strange.ClocksOff)
	assert.Empty(t, strange.UnservedQueues)

	s.living[1].LogsWaiting, s.living[1].LogsWaitingFor = 12, store.LogsPatience
	assert.Len(t, w.problems(), 3)
	s.living[1].LogsWaitingFor += time.Second
	assert.Contains(t, w.problems(), "warning logs: task logs of node b that cannot be brought into the log store, the first of them for 10m1s: 12; the log of the node says why | dingdag nodes list")
	h = w.Check(t.Context())
	assert.Equal(t, []health.LogsWaiting{{Node: "b", Logs: 12, OldestSeconds: 601}}, h.LogsWaiting)
	strange = h.ForStrangers()
	assert.Equal(t, "task logs wait for the log store", strange.Problems[2].Text)
	assert.Empty(t, strange.LogsWaiting)
	s.living[1].LogsWaiting, s.living[1].LogsWaitingFor = 0, 0

	s.living[0].KeyMark = "m"
	assert.Len(t, w.problems(), 3, "that of the other one, an older version, is not known")
	s.living[1].KeyMark, s.living[1].StartedAt = "n", began.Add(-time.Second)
	assert.Contains(t, w.problems(), "warning keys: the secret key of node a is another one than that of node b: neither can read the connections and variables that the other one encrypts, nor show its task logs; "+
		"set the same DINGDAG_SECRET_KEY for all, or copy secret.key, and start it again | dingdag nodes list")
	strange = w.Check(t.Context()).ForStrangers()
	require.Len(t, strange.Problems, 3)
	assert.Equal(t, "secret keys differ", strange.Problems[1].Text)
	s.living[0].KeyMark = "n"
	assert.Len(t, w.problems(), 3, "it was one before, and is the same again")

	s.living = append(s.living, node("c", 0, "hush-hush"))
	assert.Len(t, w.problems(), 2, "it is served")
	s.living[2].LeasedUntil = began
	assert.Len(t, w.problems(), 3, "by one that is gone")
	s.living = nil
	assert.Empty(t, w.problems(), "that nobody works is told as such")
}
