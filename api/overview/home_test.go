package overview_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/dingdag/dingdag/api"
	"github.com/dingdag/dingdag/api/overview"
)

func TestReason(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"":                                "timed_out",
		"\n exit status 1 \nmore":         "exit status 1",
		"its last lines:":                 "its last lines:",
		"its last lines:\nfirst\n last\n": "its last lines: last",
	} {
		f := overview.Failure{Error: text, Run: api.Run{Reason: "timed_out"}}
		assert.Equal(t, want, f.Reason(), "%q", text)
	}
}
