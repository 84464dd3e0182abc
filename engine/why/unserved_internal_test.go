package why

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/dingdag/dingdag/store"
)

func TestUnserved(t *testing.T) {
	t.Parallel()
	started := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	nodes := []*store.Node{
		{ID: "s", Schedules: true, State: store.NodeWorking, StartedAt: started},
		{ID: "a", Works: true, State: store.NodeWorking, Queues: []string{"cpu", "io"}, StartedAt: started},
		{ID: "b", Works: true, State: store.NodeWorking, Drain: true, StartedAt: started},
	}
	assert.Equal(t, "queue gpu: no live node serves it (a serves cpu, io, b takes no more tasks)", unserved("gpu", nodes).String())
	assert.Equal(t, "queue default: no live node serves it (no node runs tasks)", unserved("", nodes[:1]).String())
	assert.True(t, unserved("io", nodes).IsZero())
	assert.True(t, unserved("gpu", nil).IsZero(), "nobody is known")
	nodes[2].Drain = false
	assert.True(t, unserved("gpu", nodes).IsZero(), "it takes all")
}
