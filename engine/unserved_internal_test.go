package engine

import (
	"bytes"
	"context"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/store"
)

// queued is a store with nodes and queues as a test says.
type queued struct {
	store.Store

	now     time.Time
	living  []*store.Node
	waiting []store.QueueBacklog
}

func (q *queued) LeaseClock(context.Context) (time.Time, error)           { return q.now, nil }
func (q *queued) Nodes(context.Context, time.Time) ([]*store.Node, error) { return q.living, nil }

func (q *queued) QueueBacklogs(context.Context) ([]store.QueueBacklog, error) {
	return slices.Clone(q.waiting), nil
}

// A queue that nobody serves is said once, and again when that is over, and when it comes again.
func TestUnservedQueuesAreSaid(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	worker := &store.Node{ID: "a", Works: true, State: store.NodeWorking, Queues: []string{"cpu"}, StartedAt: now}
	gpu := store.QueueBacklog{Queue: "gpu", Jobs: 3, Since: now.Add(-time.Minute)}
	s, u := &queued{now: now, living: []*store.Node{worker}}, unserved{}
	var b bytes.Buffer
	look := func() string {
		t.Helper()
		b.Reset()
		require.NoError(t, u.look(t.Context(), s, slog.New(slog.NewTextHandler(&b, nil))))
		_, said, _ := strings.Cut(strings.TrimSpace(b.String()), " level=")
		return said
	}
	assert.Empty(t, look())
	s.waiting = []store.QueueBacklog{{Queue: "cpu", Jobs: 1, Since: now.Add(-time.Minute)}, gpu}
	const said = `WARN msg="tasks wait in a queue that no live node serves: start a worker with it among its queues, or correct the queue of the tasks" queue=gpu tasks=3 since=2026-03-01T11:59:00Z nodes="a=cpu"`
	assert.Equal(t, said, look())
	assert.Empty(t, look(), "it is known")
	worker.Queues = []string{"cpu", "gpu"}
	assert.Equal(t, `INFO msg="no task waits any more in a queue that no live node served" queue=gpu`, look())
	worker.Queues = []string{"cpu"}
	assert.Equal(t, said, look())
	worker.Drain = true
	assert.Contains(t, look(), "queue=cpu", "a node that takes no more")
	s.waiting = s.waiting[:1]
	assert.Contains(t, look(), `INFO msg="no task waits any more in a queue that no live node served" queue=gpu`)
}

// By how much clocks differ is told as far as the time that the question took allows.
func TestClocksAreCompared(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	var b bytes.Buffer
	m := &member{e: &Engine{o: Options{Log: slog.New(slog.NewTextHandler(&b, nil))}}}
	for _, c := range []struct {
		from, to, want time.Duration // when it was asked and answered, by the clock of the machine
		says           string
	}{
		{0, 0, 0, ""},
		{-time.Hour, time.Hour, 0, ""}, // who knows
		{2 * time.Second, 9 * time.Second, 2 * time.Second, ""},
		{5 * time.Second, 9 * time.Second, 5 * time.Second, ""},
		{30 * time.Second, 31 * time.Second, 30 * time.Second, "ahead=30s"},
		{40 * time.Second, 41 * time.Second, 40 * time.Second, ""}, // it is said
		{0, time.Second, 0, "is that of the database again"},
		{-31 * time.Second, -30 * time.Second, -30 * time.Second, "ahead=-30s"},
	} {
		b.Reset()
		m.compareClocks(now, now.Add(c.from), now.Add(c.to))
		assert.Equal(t, c.want, m.node.ClockAhead)
		if c.says == "" {
			assert.Empty(t, b.String())
		} else {
			assert.Contains(t, b.String(), c.says)
		}
	}
}
