package demo

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/sandbox"
)

// The gate must not be slower than the robot is.
func TestSandboxConnectionHasTheRate(t *testing.T) {
	t.Parallel()
	for rate, want := range map[int]string{0: `{"secret":"SEC"}`, 20: `{"secret":"SEC"}`, 5: `{"rate":5,"secret":"SEC"}`, -1: `{"rate":100000,"secret":"SEC"}`} {
		c, err := sandboxConnection("http://127.0.0.1:1", sandbox.Robot{Name: "ops", Token: "t", Secret: "SEC", Rate: sandbox.Rate{PerMinute: rate}})
		require.NoError(t, err)
		assert.JSONEq(t, want, c.Extra.Reveal(), "%d", rate)
	}
	c, err := sandboxConnection("http://127.0.0.1:1", sandbox.Robot{Name: "ops", Token: "t"})
	require.NoError(t, err)
	assert.Nil(t, c.Extra)
}
