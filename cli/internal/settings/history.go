package settings

import (
	"fmt"
	"strconv"
	"time"

	"github.com/dingdag/dingdag/history"
	"github.com/dingdag/dingdag/yamlvalue"
)

const (
	day  = 24 * time.Hour
	year = 365 * day
)

// DefaultHistory is how much history is kept unless the settings say otherwise: what people look at
// by its age, and what grows fast by its number too.
func DefaultHistory() history.Policy {
	return history.Policy{
		KeepLast: 100,
		Spare:    spare,
		Limits: map[history.Kind]history.Limit{
			history.Runs:      {Age: year, Number: 100_000},
			history.Logs:      {Age: 90 * day, Number: 20_000},
			history.XComs:     {},
			history.Alerts:    {Age: year, Number: 100_000},
			history.Ticks:     {Age: year, Number: 100_000},
			history.Events:    {Age: year, Number: 100_000},
			history.Assets:    {Age: 90 * day, Number: 100_000},
			history.Backfills: {Age: year},
			history.Requests:  {Age: 7 * day},
			history.Versions:  {},
			history.Jobs:      {Age: time.Hour},
		},
	}
}

// spare is how much of the store, in percent, stays unused for the rows that come next.
const spare = 10

// historyWords say what of each kind goes by its age, and what by its number; "" is a kind whose number has
// no bound.
var historyWords = []struct {
	kind        history.Kind
	age, number string
}{
	{history.Runs, "runs that ended longer ago go, with all that belongs to them, logs too", "runs of each DAG beyond so many"},
	{history.Logs, "logs of runs that ended longer ago go before the runs do", "logs of the runs of each DAG beyond so many"},
	{history.XComs, "XComs of runs that ended longer ago go before the runs do; a task that is cleared may need them", "XComs of the runs of each DAG beyond so many"},
	{history.Alerts, "messages that were delivered or refused longer ago go", "messages beyond so many"},
	{history.Ticks, "records of ticks without a run, and what tells of them, go after that time", "such records beyond so many"},
	{history.Events, "records of what people changed go after that time", "such records beyond so many"},
	{history.Assets, "updates of assets that nobody waits for go after that time", "such updates beyond so many"},
	{history.Backfills, "backfills that ended longer ago go once their runs are gone", ""},
	{history.Requests, "answered requests of commands go after that time", ""},
	{history.Jobs, "jobs of the queue that ended longer ago go", ""},
}

// forever is the age of what never ends by its age, and the pause of who does nothing.
const forever = "never"

// historySettings are those of how long history is kept.
func historySettings() []setting {
	def := DefaultHistory()
	out := []setting{
		parsedSetting("history.every", "10m", "how often standalone removes old history; never: dingdag db clean alone does, but for jobs of the queue", func(c *Config) *time.Duration { return &c.HistoryEvery }, ageOrNever),
		parsedSetting("history.keep_last", strconv.Itoa(def.KeepLast), "so many of the newest runs of each DAG stay as they are, with logs and XComs, whatever the limits below", func(c *Config) *int { return &c.History.KeepLast }, notNegative),
	}
	for _, w := range historyWords {
		l := def.Limits[w.kind]
		set := func(change func(*history.Limit)) func(*Config) {
			return func(c *Config) {
				l := c.History.Limits[w.kind]
				change(&l)
				c.History.Limits[w.kind] = l
			}
		}
		out = append(out, limitSetting("history."+string(w.kind)+".max_age", shownAge(l.Age), w.age, ageOrNever,
			func(c *Config, v time.Duration) { set(func(l *history.Limit) { l.Age = v })(c) }))
		if w.number != "" {
			out = append(out, limitSetting("history."+string(w.kind)+".max_count", strconv.Itoa(l.Number), w.number+" go, the oldest first; 0 is unlimited", notNegative,
				func(c *Config, v int) { set(func(l *history.Limit) { l.Number = v })(c) }))
		}
	}
	return out
}

func limitSetting[T any](key, def, doc string, parse func(string) (T, error), put func(*Config, T)) setting {
	return setting{key: key, def: def, doc: doc, set: func(c *Config, v value) error {
		p, err := parse(v.text)
		if err == nil {
			put(c, p)
		}
		return err
	}}
}

// ageOrNever reads a duration; never is 0.
func ageOrNever(s string) (time.Duration, error) {
	if s == forever {
		return 0, nil
	}
	d, err := yamlvalue.ParseDuration(s)
	if err != nil || d <= 0 {
		return 0, fmt.Errorf("%q: must be a duration such as 12h or 90d, or %s", s, forever)
	}
	return d, nil
}

// shownAge is a default as it is written.
func shownAge(d time.Duration) string {
	switch {
	case d == 0:
		return forever
	case d%day == 0:
		return strconv.Itoa(int(d/day)) + "d"
	default:
		return strconv.Itoa(int(d/time.Hour)) + "h"
	}
}
