package engine

import (
	"errors"
	"log/slog"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/engine/live"
	"github.com/dingdag/dingdag/store"
)

// What can't be written is written again until it can; a run that is at fault is given up after
// the third time, and what another process has taken over at once.
func TestPersist(t *testing.T) {
	t.Parallel()
	fault, full := &live.RunError{Run: 1, Err: errors.New("broken")}, errors.New("the disk is full")
	for name, c := range map[string]struct {
		answers []error
		want    error
	}{
		"written":      {[]error{nil}, nil},
		"a full disk":  {[]error{full, full, full, full, nil}, nil},
		"a fault":      {[]error{fault, fault, fault}, fault},
		"two faults":   {[]error{fault, fault, nil}, nil},
		"both":         {[]error{fault, full, fault, full, fault}, fault},
		"taken over":   {[]error{store.ErrLostLease}, store.ErrLostLease},
		"not wanted":   {[]error{errNotWanted}, errNotWanted},
		"taken in end": {[]error{full, store.ErrLostLease}, store.ErrLostLease},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				n := 0
				err := persist(t.Context(), slog.New(slog.DiscardHandler), func() error {
					require.Less(t, n, len(c.answers), "once too often")
					n++
					return c.answers[n-1]
				})
				assert.Equal(t, len(c.answers), n)
				if c.want == nil {
					require.NoError(t, err)
					return
				}
				require.ErrorIs(t, err, c.want)
			})
		})
	}
}
