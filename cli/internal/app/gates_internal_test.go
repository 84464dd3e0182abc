package app

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/store"
)

// A store that is away for a moment is waited for before a message leaves, and nothing else is.
func TestAwaiting(t *testing.T) {
	t.Parallel()
	broken := errors.New("broken")
	for name, c := range map[string]struct {
		errs  []error // one after another; the last stays
		want  error
		tries int
		took  time.Duration // at most
	}{
		"at once":             {[]error{nil}, nil, 1, 0},
		"after a restart":     {[]error{store.ErrBusy, store.ErrBusy, nil}, nil, 3, 5 * time.Second},
		"another one leads":   {[]error{store.ErrNotLeader, nil}, nil, 2, 5 * time.Second},
		"it will not be well": {[]error{broken}, broken, 1, 0},
		"it stays away":       {[]error{store.ErrBusy}, store.ErrBusy, 0, patience},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				began, tries := time.Now(), 0
				err := awaiting(t.Context(), func() error {
					tries++
					return c.errs[min(tries, len(c.errs))-1]
				})
				require.ErrorIs(t, err, c.want)
				assert.LessOrEqual(t, time.Since(began), c.took)
				if c.tries > 0 {
					assert.Equal(t, c.tries, tries)
				} else {
					assert.Equal(t, patience, time.Since(began))
				}
			})
		})
	}
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		began := time.Now()
		require.ErrorIs(t, awaiting(ctx, func() error { return store.ErrBusy }), store.ErrBusy)
		assert.Equal(t, time.Second, time.Since(began), "the try has no more time")
	})
}
