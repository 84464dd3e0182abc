package app_test

import (
	"errors"
	"io"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/callbacks"
	"github.com/dingdag/dingdag/cli/internal/app"
	"github.com/dingdag/dingdag/cli/internal/show"
	"github.com/dingdag/dingdag/connections"
	"github.com/dingdag/dingdag/operator"
)

// Registries are made once, however often a command needs them.
func TestRegistriesAreMadeOnce(t *testing.T) {
	t.Parallel()
	var operators, notifiers int
	refused := errors.New("taken")
	a := app.New(show.IO{Out: io.Discard, Err: io.Discard, LookupEnv: func(string) (string, bool) { return "", false }}, time.Now, app.Parts{
		Operators: func(*app.App) (*operator.Registry, error) {
			if operators++; operators == 1 {
				return nil, refused
			}
			return operator.NewRegistry()
		},
		Callbacks: func(*app.App, connections.Source) (*callbacks.Registry, error) {
			if notifiers++; notifiers == 1 {
				return nil, refused
			}
			return callbacks.NewRegistry(nil, nil)
		},
	})
	_, err := a.Operators()
	require.ErrorIs(t, err, refused)
	_, err = a.Notifiers()
	require.ErrorIs(t, err, refused)
	first, err := a.Catalog()
	require.NoError(t, err)
	second, err := a.Catalog()
	require.NoError(t, err)
	assert.Same(t, first.Operators, second.Operators)
	assert.Same(t, first.Callbacks, second.Callbacks)
	assert.Equal(t, 2, operators, "the one that was refused, and one that was kept")
	assert.Equal(t, 2, notifiers)
}
