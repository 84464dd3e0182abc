package history

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/dingdag/dingdag/store"
)

// looked is a store that is empty and counts how often it was looked at, and the log of who looks.
type looked struct {
	store.Store

	mu    sync.Mutex
	times int
	err   error
	log   bytes.Buffer
}

func (s *looked) RemovedRuns(context.Context, int64, int) ([]*store.RemovedRun, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.times++
	return nil, s.err
}

func (s *looked) LogRemovals(context.Context, int64, int) ([]*store.LogRemoval, error) {
	return nil, nil
}

func (s *looked) Write(line []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.log.Write(line)
}

// seen returns how often the store was looked at and what was logged.
func (s *looked) seen() (times int, log string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.times, s.log.String()
}

func (s *looked) fail(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.err = err
}

func (s *looked) Space(context.Context) (store.Space, error) { return store.Space{}, nil }

// A cleaner works at once and then with pauses, whatever has failed, until it is to end.
func TestRun(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &looked{}
		c := New(Options{Store: s, LogDir: t.TempDir(), Clock: time.Now, Log: slog.New(slog.NewTextHandler(s, nil))})
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan bool)
		go func() {
			defer close(ended)
			c.Run(ctx, Policy{}, time.Hour)
		}()
		synctest.Wait()
		times, _ := s.seen()
		assert.Equal(t, 2, times, "at once, before and after")
		<-time.After(59 * time.Minute)
		times, log := s.seen()
		assert.Equal(t, 2, times)
		assert.Empty(t, log)
		s.fail(errors.New("the disk is gone"))
		<-time.After(2 * time.Minute)
		synctest.Wait()
		times, log = s.seen()
		assert.Equal(t, 4, times)
		assert.Contains(t, log, "it is tried again")
		assert.Contains(t, log, "the disk is gone")
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
