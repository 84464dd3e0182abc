package why

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/phrase"
)

// A DAG that has no tick to speak of says what makes it run.
func TestNoTick(t *testing.T) {
	t.Parallel()
	start := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	end := start.AddDate(0, 1, 0)
	for name, c := range map[string]struct {
		d    dag.DAG
		ok   bool
		at   time.Time
		want string
	}{
		"assets":                     {dag.DAG{Assets: &dag.AssetCondition{}}, false, end, "the DAG runs when its assets are updated, see dags next-execution; held"},
		"assets and a time":          {dag.DAG{Assets: &dag.AssetCondition{}}, true, end, ""},
		"continuous":                 {dag.DAG{ScheduleText: "@continuous", StartDate: start}, true, end, "the DAG runs again as soon as the run before has ended; held"},
		"continuous without a start": {dag.DAG{ScheduleText: "@continuous"}, false, end, "the DAG never runs by itself: @continuous needs a start_date"},
		"over":                       {dag.DAG{StartDate: start, EndDate: end}, false, end.Add(1), "it is after the end_date 2026-02-01T00:00:00Z"},
		"at its end":                 {dag.DAG{StartDate: start, EndDate: end}, false, end, "the DAG has no schedule by time: it runs when it is triggered; held"},
		"by hand":                    {dag.DAG{}, false, end, "the DAG has no schedule by time: it runs when it is triggered; held"},
		"a tick":                     {dag.DAG{ScheduleText: "@daily", StartDate: start}, true, end, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			assert.Equal(t, c.want, noTick(&c.d, c.ok, c.at, phrase.Plain("held")).String())
		})
	}
}
