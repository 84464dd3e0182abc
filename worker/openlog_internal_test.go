package worker

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A log that can't be opened holds an attempt for its time at most.
func TestLogThatCannotBeOpened(t *testing.T) {
	t.Parallel()
	full := &fs.PathError{Op: "open", Path: "attempt=1.log", Err: syscall.ENOSPC}
	stopped := errors.New("stopped")
	for name, c := range map[string]struct {
		fail  error
		times int // how often it fails; negative for ever
		stop  time.Duration
		want  string
		took  time.Duration
	}{
		"opened at once":     {full, 0, 0, "", 0},
		"full for a moment":  {full, 3, 0, "", 3500 * time.Millisecond},
		"full for ever":      {full, -1, 0, "open attempt=1.log: no space left on device, for 1m0s", time.Minute},
		"full, and stopped":  {full, -1, 10 * time.Second, "stopped", 10 * time.Second},
		"a name too long":    {&fs.PathError{Op: "open", Path: "x", Err: syscall.ENAMETOOLONG}, -1, 0, "open x: file name too long", 0},
		"nobody may":         {fmt.Errorf("wrapped: %w", syscall.EACCES), -1, 0, "wrapped: permission denied", 0},
		"a file, no folder":  {syscall.ENOTDIR, -1, 0, "not a directory", 0},
		"too many are open":  {syscall.EMFILE, 1, 0, "", 500 * time.Millisecond},
		"an unknown mistake": {errors.New("unknown"), -1, 0, "unknown", 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithCancelCause(t.Context())
				defer cancel(nil)
				if c.stop > 0 {
					time.AfterFunc(c.stop, func() { cancel(stopped) })
				}
				began, tries := time.Now(), 0
				var used *taskLog
				err := tryFor(ctx, time.Minute, func() (*taskLog, error) {
					if tries++; tries <= c.times || c.times < 0 {
						return nil, c.fail
					}
					return &taskLog{}, nil
				}, func(l *taskLog) { used = l }, func(error, time.Duration) {})
				if c.want == "" {
					require.NoError(t, err)
					assert.NotNil(t, used)
				} else {
					require.EqualError(t, err, c.want)
					assert.Nil(t, used)
				}
				assert.Equal(t, c.took, time.Since(began))
			})
		})
	}
}
