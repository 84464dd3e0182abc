package main

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const root = "../.."

// The page shows the calls of the code.
func TestPage(t *testing.T) {
	t.Parallel()
	old, text, err := listed(t.Context(), root)
	require.NoError(t, err)
	assert.True(t, bytes.Equal(old, text), "docs/dingtalk.md has other calls than the code: make generate")
}

// What an operator calls is shown by an example of DingTalk's pages and driven against the
// sandbox.
func TestCallsAreTested(t *testing.T) {
	t.Parallel()
	calls, err := read(t.Context(), root)
	require.NoError(t, err)
	operators := map[string]bool{}
	for _, c := range calls {
		for _, o := range c.Operators {
			operators[o] = true
		}
		assert.NotEmpty(t, c.Facts, "%s has no example in hook/testdata/operations.json", c.Call)
		assert.NotEmpty(t, append(c.Tests, c.Sandbox...), "%s has no test that names its example", c.Call)
		if len(c.Operators) > 0 {
			assert.NotEmpty(t, c.Sandbox, "%s: no TestSandbox… runs %v", c.Call, c.Operators)
		}
	}
	c, err := readCode(t.Context(), root)
	require.NoError(t, err)
	for name := range c.operators {
		assert.True(t, operators[name], "%s makes no call with a directive //dingtalk:api", name)
	}
	assert.Greater(t, len(operators), 50, "the operators are found")
}
