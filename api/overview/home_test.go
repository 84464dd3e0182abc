package overview_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/dingdag/dingdag/api"
	"github.com/dingdag/dingdag/api/overview"
)

func TestReason(t *testing.T) {
	t.Parallel()
	const text = "its last lines:\ncannot open a.csv\nbye"
	of := api.Run{Reason: "timed_out"}
	assert.Equal(t, "its last lines: cannot open a.csv · bye", (&overview.Failure{Error: text, Run: of}).Reason())
	assert.Equal(t, "timed_out", (&overview.Failure{Run: of}).Reason())
	assert.Equal(t, "its last lines: cannot open a.csv · bye", (&overview.Instance{Error: text}).Reason())
}
