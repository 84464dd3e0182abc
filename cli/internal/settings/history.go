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
			history.Chat:      {Age: year, Number: 100_000},
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
	{history.Runs, "age at which runs that ended are removed, with everything that belongs to them, logs included", "runs of each DAG"},
	{history.Logs, "age at which the logs of runs that ended are removed, before the runs themselves", "logs of the runs of each DAG"},
	{history.XComs, "age at which the XComs of runs that ended are removed, before the runs themselves; a task that is cleared may need them", "XComs of the runs of each DAG"},
	{history.Alerts, "age at which messages that were delivered, refused, silenced or told by another one are removed", "messages"},
	{history.Ticks, "age at which records of ticks without a run are removed, with what explains them", "such records"},
	{history.Events, "age at which records of what people changed are removed", "such records"},
	{history.Assets, "age at which updates of assets that no DAG waits for are removed", "such updates"},
	{history.Backfills, "age at which backfills that ended are removed, once their runs are gone", ""},
	{history.Chat, "age at which messages, presses and events from the chat are removed, with their answers", "of these"},
	{history.Requests, "age at which answered requests of commands are removed", ""},
	{history.Jobs, "age at which ended jobs of the queue are removed", ""},
}

// forever is the age of what never ends by its age, and the pause of who does nothing.
const forever = "never"

// historySettings are those of how long history is kept.
func historySettings() []setting {
	def := DefaultHistory()
	out := []setting{
		parsedSetting("history.every", "10m", "how often standalone, or the process that leads, removes old history, and each process of several the old logs on its disk; never leaves it to dingdag db clean, except for jobs of the queue", func(c *Config) *time.Duration { return &c.HistoryEvery }, ageOrNever),
		parsedSetting("history.keep_last", strconv.Itoa(def.KeepLast), "how many of the newest runs of each DAG are kept whole, with logs and XComs, whatever the limits below say", func(c *Config) *int { return &c.History.KeepLast }, notNegative),
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
			out = append(out, limitSetting("history."+string(w.kind)+".max_count", strconv.Itoa(l.Number), "how many "+w.number+" are kept, the newest ones; 0 is unlimited", notNegative,
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
