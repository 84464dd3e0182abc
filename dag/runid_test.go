package dag_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/dingdag/dingdag/dag"
)

func TestRunID(t *testing.T) {
	t.Parallel()
	shanghai := time.FixedZone("CST", 8*3600)
	for want, at := range map[string]time.Time{
		"2024-01-01T00:00:00+00:00":        time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC),
		"2023-12-31T16:00:00+00:00":        time.Date(2024, 1, 1, 0, 0, 0, 0, shanghai),
		"2024-01-01T00:00:00.120000+00:00": time.Date(2024, 1, 1, 0, 0, 0, 120_000_000, time.UTC),
	} {
		for _, kind := range []dag.RunType{dag.ScheduledRun, dag.ManualRun, dag.BackfillRun} {
			assert.Equal(t, string(kind)+"__"+want, dag.RunID(kind, at))
		}
	}
}
