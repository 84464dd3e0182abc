package app

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/connections"
)

// A connection receives however its extra is written, and one that says so and cannot is told.
func TestChatApp(t *testing.T) {
	t.Parallel()
	conn := func(typ, login, extra string) *connections.Connection {
		return &connections.Connection{ID: "talk", Type: typ, Login: &login, Extra: new(connections.Secret(extra))}
	}
	for extra, commands := range map[string]bool{
		`{"stream": true}`:                        true,
		`{"stream": "true", "user_id": "ann"}`:    true,
		`{"stream": "True", "commands": "false"}`: false,
		`{"stream": true, "commands": false}`:     false,
		`{"stream": true, "commands": ["help"]}`:  true,
	} {
		for _, typ := range []string{"dingtalk", "dingding"} {
			app, receives, err := chatApp(conn(typ, "key", extra))
			require.NoError(t, err, extra)
			assert.True(t, receives, extra)
			assert.Equal(t, "talk", app.ConnID)
			assert.Equal(t, "key", app.Key)
			assert.Equal(t, commands, app.Commands, extra)
		}
	}
	for _, c := range []*connections.Connection{conn("dingtalk", "key", `{}`), conn("dingtalk", "key", `{"stream": "false"}`), conn("http", "key", `{"stream": true}`)} {
		_, receives, err := chatApp(c)
		require.NoError(t, err)
		assert.False(t, receives)
	}
	app, receives, err := chatApp(conn("dingtalk", "", `{"http": true}`))
	require.NoError(t, err)
	assert.True(t, receives)
	assert.True(t, app.HTTPOnly)
	for extra, want := range map[string]string{
		`{"stream": true}`:        "it does not receive",
		`{"stream": "sometimes"}`: "extra.stream must be true or false",
		`[`:                       "extra",
	} {
		_, receives, err := chatApp(conn("dingtalk", "", extra))
		require.ErrorContains(t, err, want, extra)
		assert.False(t, receives)
	}
}
