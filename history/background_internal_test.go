package history

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/dingdag/dingdag/store"
)

// looked is a store that is empty and counts how often it was looked at.
type looked struct {
	store.Store
	times int
	err   error
}

func (s *looked) RemovedRuns(context.Context, int64, int) ([]*store.RemovedRun, error) {
	s.times++
	return nil, s.err
}

func (s *looked) Space(context.Context) (store.Space, error) { return store.Space{}, nil }

// A cleaner works at once and then with pauses, whatever has failed, until it is to end.
func TestRun(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		s := &looked{}
		c := New(Options{Store: s, LogDir: t.TempDir(), Clock: time.Now, Log: slog.New(slog.NewTextHandler(&log, nil))})
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan bool)
		go func() {
			defer close(ended)
			c.Run(ctx, Policy{}, time.Hour)
		}()
		synctest.Wait()
		assert.Equal(t, 2, s.times, "at once, before and after")
		<-time.After(59 * time.Minute)
		assert.Equal(t, 2, s.times)
		assert.Empty(t, log.String())
		s.err = errors.New("the disk is gone")
		<-time.After(2 * time.Minute)
		synctest.Wait()
		assert.Equal(t, 4, s.times)
		assert.Contains(t, log.String(), "it is tried again")
		assert.Contains(t, log.String(), "the disk is gone")
		cancel()
		<-ended
	})
}

// Others have a multiple of the time that a step took.
func TestRest(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		Rest(3)(t.Context(), 10*time.Millisecond)
		assert.Equal(t, 30*time.Millisecond, time.Since(began))
		Rest(3)(t.Context(), 0)
		assert.Equal(t, 33*time.Millisecond, time.Since(began))
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		Rest(3)(ctx, time.Hour)
		assert.Equal(t, 33*time.Millisecond, time.Since(began))
	})
}

func TestReportForALog(t *testing.T) {
	t.Parallel()
	assert.True(t, (&Report{Counts: map[Kind]int{Runs: 0}, Longest: 1}).Empty())
	r := &Report{Counts: map[Kind]int{Logs: 2, Runs: 1, Jobs: 0}, GivenBack: 4096, Longest: time.Millisecond}
	assert.False(t, r.Empty())
	assert.Equal(t, []slog.Attr{slog.Int("runs", 1), slog.Int("logs", 2), slog.Int64("bytes_given_back", 4096), slog.Duration("longest_hold", time.Millisecond)}, r.attrs())
}
