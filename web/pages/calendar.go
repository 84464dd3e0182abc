package pages

import (
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/dingdag/dingdag/api"
	"github.com/dingdag/dingdag/api/overview"
	"github.com/dingdag/dingdag/web/pages/words"
)

const (
	// firstYear and lastYear are the years that a calendar has.
	firstYear, lastYear = 1970, 9998
	// mostOfDay bounds how many runs of a day are listed.
	mostOfDay = 200
)

// calendarData is a year of a DAG by day.
type calendarData struct {
	Head     *dagHead
	Calendar *overview.Calendar
	Months   []calendarMonth
	// Weekdays are the names of the days of a week.
	Weekdays []string
	// Previous and Next are the years beside it, 0 for none.
	Previous, Next int
	// Day is the day that is looked at, nil for none; Runs and Passed are of it, and MoreRuns says that there are others.
	Day      *overview.Day
	Says     string
	Runs     []api.Run
	MoreRuns bool
	Passed   []overview.Passed
	// Legend are the marks of days that are not states.
	Legend []calendarMark
}

// calendarMonth is a month by weeks.
type calendarMonth struct {
	Name  string
	Weeks [][]calendarDay
}

// calendarDay is a day in its week; Number is 0 for a day of another month.
type calendarDay struct {
	Number int
	Date   string
	calendarMark
	// Text says what was on it in words.
	Text  string
	Today bool
}

// calendarMark is how a day looks.
type calendarMark struct {
	Class, Sign, Name string
}

// marks are those of days on which no run was, what is worst first.
var marks = []struct { //nolint:gochecknoglobals // a constant
	class, sign string
	text        words.Key
	count       words.Key
}{
	{"missed", "!", "calendar.missed", "calendar.n_missed"},
	{"waiting", "○", "calendar.waiting", "calendar.n_waiting"},
	{"passed", "»", "calendar.skipped", "calendar.n_skipped"},
	{"planned", "·", "calendar.planned", "calendar.n_planned"},
}

func showCalendar(v *view) error {
	h, err := v.headFor("calendar")
	if err != nil {
		return err
	}
	q := v.r.URL.Query()
	number, zone := v.now.In(v.zone).Year(), v.zone
	var chosen time.Time
	if text := q.Get("day"); text != "" {
		if chosen, err = time.ParseInLocation(time.DateOnly, text, zone); err != nil {
			return &refusedError{http.StatusUnprocessableEntity, "error.day", nil}
		}
		number = chosen.Year()
	}
	if text := q.Get("year"); text != "" {
		if number, err = strconv.Atoi(text); err != nil {
			return &refusedError{http.StatusUnprocessableEntity, "error.year", nil}
		}
	}
	if number < firstYear || number > lastYear {
		return &refusedError{http.StatusUnprocessableEntity, "error.year", nil}
	}
	c, err := v.overview.Calendar(v.ctx(), h.ID, number, zone)
	if err != nil {
		return err
	}
	d := calendarData{Head: h, Calendar: c, Months: v.months(c)}
	for _, k := range []words.Key{"weekday.1", "weekday.2", "weekday.3", "weekday.4", "weekday.5", "weekday.6", "weekday.7"} {
		d.Weekdays = append(d.Weekdays, v.say(k))
	}
	for _, m := range marks {
		d.Legend = append(d.Legend, calendarMark{m.class, m.sign, v.say(m.text)})
	}
	if number > firstYear {
		d.Previous = number - 1
	}
	if number < lastYear && number <= v.now.In(zone).Year() {
		d.Next = number + 1
	}
	if !chosen.IsZero() && chosen.Year() == number {
		if err := v.ofDay(&d, chosen); err != nil {
			return err
		}
	}
	v.Title = v.say("calendar.title") + " " + strconv.Itoa(number) + " · " + h.ID
	v.follow(h.ID, "")
	return v.render(http.StatusOK, "calendar", d)
}

// ofDay adds what happened on a day.
func (v *view) ofDay(d *calendarData, day time.Time) (err error) {
	d.Day = &d.Calendar.Days[day.YearDay()-1]
	d.Says = v.daySays(d.Day)
	if d.Runs, d.MoreRuns, err = v.overview.DayRuns(v.ctx(), d.Head.ID, d.Day.Date, mostOfDay); err != nil {
		return err
	}
	for _, p := range d.Calendar.Passed {
		if p.First.Before(d.Day.Date.AddDate(0, 0, 1)) && !p.Last.Before(d.Day.Date) && d.Day.Missed+d.Day.Skipped > 0 {
			d.Passed = append(d.Passed, p)
		}
	}
	return nil
}

// months puts the days of a year into weeks, which begin on Monday.
func (v *view) months(c *overview.Calendar) (out []calendarMonth) {
	today := v.now.In(v.zone).Format(time.DateOnly)
	for i := range c.Days {
		day := &c.Days[i]
		if day.Date.Day() == 1 || len(out) == 0 {
			out = append(out, calendarMonth{Name: day.Date.Format("2006-01")})
		}
		m := &out[len(out)-1]
		column := (int(day.Date.Weekday()) + 6) % 7
		if len(m.Weeks) == 0 || column == 0 {
			m.Weeks = append(m.Weeks, make([]calendarDay, 7))
		}
		m.Weeks[len(m.Weeks)-1][column] = calendarDay{
			Number: day.Date.Day(), Date: day.Date.Format(time.DateOnly), calendarMark: markOf(day), Text: v.daySays(day), Today: day.Date.Format(time.DateOnly) == today,
		}
	}
	return out
}

// markOf is how a day looks: as the worst state of its runs, or as what became of its ticks.
func markOf(d *overview.Day) (m calendarMark) {
	for _, s := range []string{"failed", "running", "queued", "success"} {
		if d.Runs[s] > 0 {
			m = calendarMark{Class: s, Sign: signs[s]}
			if d.Missed > 0 {
				m.Class += " lacks"
			}
			return m
		}
	}
	for i, n := range []int{d.Missed, d.Waiting, d.Skipped, d.Planned} {
		if n > 0 {
			return calendarMark{Class: marks[i].class, Sign: marks[i].sign}
		}
	}
	return m
}

// daySays is a day in words.
func (v *view) daySays(d *overview.Day) string {
	parts := []string{}
	if runs := v.Counts(d.Runs); runs != "" {
		parts = append(parts, runs)
	}
	for i, n := range []int{d.Missed, d.Waiting, d.Skipped, d.Planned} {
		if n > 0 {
			parts = append(parts, v.say(marks[i].count, n))
		}
	}
	if d.More {
		parts = append(parts, v.say("calendar.more"))
	}
	if len(parts) == 0 {
		return v.say("calendar.nothing")
	}
	return strings.Join(parts, ", ")
}
