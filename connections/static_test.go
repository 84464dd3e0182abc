package connections_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/connections"
)

func TestStatic(t *testing.T) {
	t.Parallel()
	s := connections.Static{"ops": {Password: new(connections.Secret("abc"))}, "nothing": nil}
	c, err := s.Connection(t.Context(), "ops")
	require.NoError(t, err)
	assert.Equal(t, "ops", c.ID)
	assert.Equal(t, "abc", c.Password.Reveal())
	assert.Empty(t, s["ops"].ID, "it stays as it is")
	for _, id := range []string{"other", "nothing"} {
		_, err = s.Connection(t.Context(), id)
		require.ErrorIs(t, err, connections.ErrNotFound)
		require.ErrorContains(t, err, id)
	}
}
