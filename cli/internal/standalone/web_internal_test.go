package standalone

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/dingdag/dingdag/api/health"
	"github.com/dingdag/dingdag/engine"
)

func TestSigns(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	s := &signs{began: at}
	done := engine.Latest{Beat: at, Pass: at.Add(1), Round: at.Add(2)}
	want := health.Process{Started: at, Beat: at, Pass: at.Add(1), Round: at.Add(2)}
	assert.Equal(t, want, s.process(done), "it starts")
	ctx, cancel := context.WithCancel(t.Context())
	s.works(ctx)
	want.Working = true
	assert.Equal(t, want, s.process(done))

	told := s.heartbeat(func() time.Time { return at })
	before := s.process(done)
	want.Heartbeat = &health.Heartbeat{}
	assert.Equal(t, want, before)
	told(nil)
	told(errors.New("not taken"))
	want.Heartbeat = &health.Heartbeat{LatestSuccess: &at, Failing: true}
	assert.Equal(t, want, s.process(done))
	assert.Equal(t, &health.Heartbeat{}, before.Heartbeat, "what was told does not change")
	told(nil)
	want.Heartbeat.Failing = false
	assert.Equal(t, want, s.process(done))

	cancel()
	want.Working = false
	assert.Equal(t, want, s.process(done), "it stops")
}
