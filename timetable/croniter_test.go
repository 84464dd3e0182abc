package timetable

import (
	"encoding/json"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// recorded is what croniter makes of expressions, see testdata/record.py.
type recorded struct {
	Starts      []string `json:"starts"`
	Expressions []struct {
		Expression string     `json:"expression"`
		Ticks      [][]string `json:"ticks"`
	} `json:"expressions"`
}

func readRecorded(t *testing.T, name string) recorded {
	t.Helper()
	data, err := os.ReadFile("testdata/" + name)
	require.NoError(t, err)
	var r recorded
	require.NoError(t, json.Unmarshal(data, &r))
	require.Greater(t, len(r.Expressions), 1000)
	return r
}

// ticksOf are the next ticks of an expression from each start, nil when there are none.
func ticksOf(t *testing.T, c *zonedCron, starts []string, n int) [][]string {
	t.Helper()
	all := make([][]string, len(starts))
	for i, start := range starts {
		at, err := time.Parse("2006-01-02T15:04:05", start)
		require.NoError(t, err)
		for range n {
			next, ok := c.next(at)
			if !ok {
				return nil
			}
			all[i], at = append(all[i], next.Format("2006-01-02T15:04")), next
		}
	}
	return all
}

// Every expression means what it means for croniter, or is refused. Where the one of Airflow
// 3 and the newest one differ, it is what the newest one makes of it, which mends faults of
// the other, or is refused too.
func TestCronIsThatOfCroniter(t *testing.T) {
	t.Parallel()
	newest, airflow := readRecorded(t, "croniter_newest.json"), readRecorded(t, "croniter.json")
	require.Len(t, airflow.Expressions, len(newest.Expressions))
	refused := map[string]int{}
	for i, e := range newest.Expressions {
		c, err := newCron(e.Expression, time.UTC)
		got := [][]string(nil)
		if err == nil {
			got = ticksOf(t, c, newest.Starts, len(newest.Expressions[0].Ticks[0]))
		}
		switch theirs := airflow.Expressions[i]; {
		case err == nil:
			assert.Equal(t, e.Ticks, got, e.Expression)
		case e.Ticks == nil || theirs.Ticks == nil:
		case strings.Contains(err.Error(), "a step from the last value on"):
			refused["step from the last value"]++
		case strings.Contains(err.Error(), "cannot be combined with"):
			refused["weekday with # or L"]++
		default:
			assert.NoError(t, err, "croniter takes %s", e.Expression)
		}
	}
	assert.Len(t, refused, 2, "what is refused and taken by croniter: %v", refused)
}

func TestCronWarnings(t *testing.T) {
	t.Parallel()
	for expr, want := range map[string]string{
		"*/61 * * * *":     `cron expression "*/61 * * * *": minute "*/61": the step is larger than the field, which has 60 values, so that only the first one is left; for such a period use every: instead of cron`,
		"10-5/100 * * * *": `minute "10-5/100": the step is larger than the field`,
		"5-5 * * * *":      `minute "5-5": from a value to itself is the whole field, as in Airflow: write 5 for the value alone, or *`,
		"0 0 * * 1-1":      `weekday "1-1": from a value to itself is the whole field`,
		"0 0 * * 5#1,5":    `weekday "5#1,5": a day alone has no effect beside the same day with # or L, as in Airflow`,
	} {
		for name, build := range map[string]func(string, *time.Location) (Timetable, error){"trigger": Cron, "interval": CronInterval} {
			tt, err := build(expr, time.UTC)
			require.NoError(t, err, expr)
			said := Warnings(tt)
			require.Len(t, said, 1, "%s %s", name, expr)
			assert.Contains(t, said[0], want)
		}
	}
	for _, quiet := range []string{"*/60 * * * *", "0 0 * * 0-7", "0 0 * * 7-0", "0 22-2/2 * * *", "0 0 1 nov-feb *"} {
		tt, err := Cron(quiet, time.UTC)
		require.NoError(t, err)
		assert.Empty(t, Warnings(tt), quiet)
	}
}
