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
