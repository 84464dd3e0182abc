package upkeep

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/dingdag/dingdag/cli/internal/settings"
	"github.com/dingdag/dingdag/history"
)

func TestPolicy(t *testing.T) {
	t.Parallel()
	c := &settings.Config{History: settings.DefaultHistory(), HistoryEvery: time.Minute}
	p, every := policy(c)
	assert.Equal(t, settings.DefaultHistory(), p)
	assert.Equal(t, time.Minute, every)
	c.HistoryEvery = 0
	p, every = policy(c)
	assert.Equal(t, history.Policy{Spare: 100, Limits: map[history.Kind]history.Limit{history.Jobs: {Age: time.Hour}}}, p, "of the queue alone")
	assert.Equal(t, 10*time.Minute, every)
}

func TestSize(t *testing.T) {
	t.Parallel()
	for n, want := range map[int64]string{0: "0.0 KiB", 1536: "1.5 KiB", 5 << 20: "5.0 MiB", 3 << 30: "3.0 GiB"} {
		assert.Equal(t, want, size(n))
	}
}
