package times

import (
	"strconv"
	"strings"
	"time"

	"github.com/dingdag/dingdag/api"
	"github.com/dingdag/dingdag/api/overview"
	"github.com/dingdag/dingdag/web/pages/draw"
	"github.com/dingdag/dingdag/web/pages/page"
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
	Head     *page.DAG
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

func (t *Times) showCalendar(r page.Request) error {
	h, err := r.DAG("calendar")
	if err != nil {
		return err
	}
	q := r.HTTP().URL.Query()
	number, zone := r.Time().In(r.Zone()).Year(), r.Zone()
	var chosen time.Time
	if text := q.Get("day"); text != "" {
		if chosen, err = time.ParseInLocation(time.DateOnly, text, zone); err != nil {
			return page.Wrong("error.day")
		}
		number = chosen.Year()
	}
	if text := q.Get("year"); text != "" {
		if number, err = strconv.Atoi(text); err != nil {
			return page.Wrong("error.year")
		}
	}
	if number < firstYear || number > lastYear {
		return page.Wrong("error.year")
	}
	o := t.o.Overview(r.HTTP().Context())
	c, err := o.Calendar(r.HTTP().Context(), h.ID, number, zone)
	if err != nil {
		return err
	}
	d := calendarData{Head: h, Calendar: c, Months: months(r, c)}
	for _, k := range []words.Key{"weekday.1", "weekday.2", "weekday.3", "weekday.4", "weekday.5", "weekday.6", "weekday.7"} {
		d.Weekdays = append(d.Weekdays, r.Say(k))
	}
	for _, m := range marks {
		d.Legend = append(d.Legend, calendarMark{m.class, m.sign, r.Say(m.text)})
	}
	if number > firstYear {
		d.Previous = number - 1
	}
	if number < lastYear && number <= r.Time().In(zone).Year() {
		d.Next = number + 1
	}
	if !chosen.IsZero() && chosen.Year() == number {
		if err := ofDay(r, o, &d, chosen); err != nil {
			return err
		}
	}
	return r.Show(page.Head{Name: "times_calendar", Nav: "dags", Title: r.Say("calendar.title") + " " + strconv.Itoa(number) + " · " + h.ID, Live: true, DAGID: h.ID}, d)
}

// ofDay adds what happened on a day.
func ofDay(r page.Request, o *overview.Overview, d *calendarData, day time.Time) (err error) {
	d.Day = &d.Calendar.Days[day.YearDay()-1]
	d.Says = daySays(r, d.Day)
	if d.Runs, d.MoreRuns, err = o.DayRuns(r.HTTP().Context(), d.Head.ID, d.Day.Date, mostOfDay); err != nil {
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
func months(r page.Request, c *overview.Calendar) (out []calendarMonth) {
	today := r.Time().In(r.Zone()).Format(time.DateOnly)
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
			Number: day.Date.Day(), Date: day.Date.Format(time.DateOnly), calendarMark: markOf(day), Text: daySays(r, day), Today: day.Date.Format(time.DateOnly) == today,
		}
	}
	return out
}

// markOf is how a day looks: as the worst state of its runs, or as what became of its ticks.
func markOf(d *overview.Day) (m calendarMark) {
	for _, s := range []string{"failed", "running", "queued", "success"} {
		if d.Runs[s] > 0 {
			m = calendarMark{Class: s, Sign: draw.Sign(s)}
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
func daySays(r page.Request, d *overview.Day) string {
	parts := []string{}
	if runs := r.Counts(d.Runs); runs != "" {
		parts = append(parts, runs)
	}
	for i, n := range []int{d.Missed, d.Waiting, d.Skipped, d.Planned} {
		if n > 0 {
			parts = append(parts, r.Say(marks[i].count, n))
		}
	}
	if d.More {
		parts = append(parts, r.Say("calendar.more"))
	}
	if len(parts) == 0 {
		return r.Say("calendar.nothing")
	}
	return strings.Join(parts, ", ")
}
