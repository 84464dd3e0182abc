package plan_test

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/catalog"
	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/engine/plan"
	"github.com/dingdag/dingdag/store"
)

// failing is a store that answers the first question late, with an error.
type failing struct {
	store.Reader
	goOn chan struct{}
}

var errAway = errors.New("the store is away")

// Version fails.
func (f failing) Version(context.Context, string) ([]byte, error) {
	<-f.goOn
	return nil, errAway
}

// However many want the plan of a version at once, one makes it and all get that; when it can't, the next one does. Nobody waits for longer
// than its context.
func TestPlansAreMadeOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		made := 0
		first, second := failing{goOn: make(chan struct{})}, make(chan struct{})
		plans := plan.NewPlans(catalog.Catalog{}, func(id string) *dag.DAG {
			if made++; made == 1 {
				return nil // the store has to be asked
			}
			<-second
			return &dag.DAG{ID: id, Version: "v"}
		}, slog.New(slog.DiscardHandler))
		lost := make(chan error, 1)
		go func() {
			_, err := plans.Of(t.Context(), first, "d", "v")
			lost <- err
		}()
		synctest.Wait()
		const many = 5
		got := make(chan *plan.Plan, many)
		for range many {
			go func() {
				p, err := plans.Of(t.Context(), nil, "d", "v")
				assert.NoError(t, err)
				got <- p
			}()
		}
		short, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() {
			_, err := plans.Of(short, nil, "d", "v")
			ended <- err
		}()
		synctest.Wait()
		cancel()
		require.ErrorIs(t, <-ended, context.Canceled)
		close(first.goOn)
		require.ErrorIs(t, <-lost, errAway)
		synctest.Wait()
		assert.Empty(t, got)
		close(second)
		want := <-got
		require.NotNil(t, want)
		for range many - 1 {
			assert.Same(t, want, <-got)
		}
		assert.Equal(t, 2, made)
	})
}
