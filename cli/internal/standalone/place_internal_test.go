package standalone

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
)

func TestThatTheStoreIsGoneIsLoggedOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var gone atomic.Bool
		var b bytes.Buffer
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			watchPlace(ctx, func() error {
				if gone.Load() {
					return errors.New("it is gone")
				}
				return nil
			}, slog.New(slog.NewTextHandler(&b, nil)))
		}()
		for _, away := range []bool{false, true, false, true} {
			gone.Store(away)
			time.Sleep(5 * placeLook)
		}
		stop()
		<-ended
		var levels []string
		for line := range strings.Lines(b.String()) {
			_, rest, _ := strings.Cut(line, "level=")
			level, _, _ := strings.Cut(rest, " ")
			levels = append(levels, level)
		}
		assert.Equal(t, []string{"ERROR", "INFO", "ERROR"}, levels, b.String())
		assert.Contains(t, b.String(), `error="it is gone"`)
	})
}
