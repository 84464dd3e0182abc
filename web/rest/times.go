package rest

import (
	"errors"
	"math"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// timeError says what is wrong with a moment, in the words of pydantic.
type timeError struct {
	kind, text string
}

func (e *timeError) Error() string { return e.text }

// ParseTime reads a moment: ISO 8601, a date alone, or seconds since 1970. aware says that it has a zone;
// one that has none is in UTC.
func ParseTime(text string) (t time.Time, aware bool, err error) {
	if unixNumber.MatchString(text) {
		n, err := strconv.ParseFloat(text, 64)
		if err != nil { // it is beyond all numbers
			n = math.MaxFloat64
			if text[0] == '-' {
				n = -math.MaxFloat64
			}
		}
		t, err = unix(n)
		return t, true, err
	}
	day, rest := text, ""
	if len(text) > 10 {
		day, rest = text[:10], text[10:]
	}
	t, err = parseDay(day)
	if err != nil || rest == "" {
		return t, false, err
	}
	if !strings.ContainsRune("Tt _", rune(rest[0])) {
		return t, false, extra()
	}
	return parseClock(t, rest[1:])
}

// extra is of everything that is wrong behind a day: pydantic reads the text as a date then.
func extra() error {
	return &timeError{"datetime_from_date_parsing", "unexpected extra characters at the end of the input"}
}

func yearZero() error { return &timeError{"datetime_parsing", "year 0 is out of range"} }

// unixNumber is a number without an exponent.
var unixNumber = regexp.MustCompile(`^[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)$`) //nolint:gochecknoglobals // a constant

// unix is a number of seconds since 1970, or of milliseconds when it is large, in the years 1 to 9999 (pydantic).
func unix(n float64) (time.Time, error) {
	const (
		watershed = 2e10
		// The seconds at which the years 0, 1 and 10000 begin.
		year0, year1, year10000 = -62167219200, -62135596800, 253402300800
	)
	part := 0.0 // a thousandth of a second has a part that a float of seconds has not
	if math.Abs(n) > watershed {
		part = math.Mod(n, 1000) / 1000
		n = math.Trunc(n / 1000)
	}
	switch {
	case n+part >= year10000:
		return time.Time{}, &timeError{"datetime_from_date_parsing", "dates after 9999 are not supported as unix timestamps"}
	case n+part < year0:
		return time.Time{}, &timeError{"datetime_from_date_parsing", "dates before 0000 are not supported as unix timestamps"}
	case n+part < year1:
		return time.Time{}, yearZero()
	}
	s, f := math.Modf(n)
	return time.Unix(int64(s), int64(math.Round((f+part)*1e6))*1000).UTC(), nil
}

// parseDay reads 2026-01-31.
func parseDay(day string) (time.Time, error) {
	const kind = "datetime_from_date_parsing"
	if len(day) < 10 {
		return time.Time{}, &timeError{kind, "input is too short"}
	}
	part := func(from, to int, what string) (int, error) {
		n, err := strconv.ParseUint(day[from:to], 10, 16)
		if err != nil {
			return 0, &timeError{kind, "invalid character in " + what}
		}
		return int(n), nil
	}
	y, yerr := part(0, 4, "year")
	m, merr := part(5, 7, "month")
	d, derr := part(8, 10, "day")
	switch {
	case yerr != nil:
		return time.Time{}, yerr
	case day[4] != '-' || day[7] != '-':
		return time.Time{}, &timeError{kind, "invalid date separator, expected `-`"}
	case merr != nil:
		return time.Time{}, merr
	case derr != nil:
		return time.Time{}, derr
	case m < 1 || m > 12:
		return time.Time{}, &timeError{kind, "month value is outside expected range of 1-12"}
	case d < 1 || d > time.Date(y, time.Month(m)+1, 0, 0, 0, 0, 0, time.UTC).Day():
		return time.Time{}, &timeError{kind, "day value is outside expected range"}
	case y == 0:
		return time.Time{}, yearZero()
	}
	return time.Date(y, time.Month(m), d, 0, 0, 0, 0, time.UTC), nil
}

var errClock = errors.New("not a time of day")

// parseClock reads 15:04:05.123456+08:00 behind a day; all from the seconds on may be missing.
func parseClock(day time.Time, text string) (time.Time, bool, error) {
	clock, zone, aware := text, time.UTC, false
	if i := strings.IndexAny(text, "Zz+-"); i >= 0 {
		var err error
		if zone, err = parseZone(text[i:]); err != nil {
			return day, false, extra()
		}
		clock, aware = text[:i], true
	}
	layout := "15:04"
	if strings.Count(clock, ":") > 1 {
		layout = "15:04:05"
	}
	c, err := time.Parse(layout, strings.TrimSpace(clock))
	if err != nil {
		return day, false, extra()
	}
	y, m, d := day.Date()
	return time.Date(y, m, d, c.Hour(), c.Minute(), c.Second(), c.Nanosecond()/1000*1000, zone).UTC(), aware, nil
}

// parseZone reads Z, +08:00, +0800 and +08.
func parseZone(text string) (*time.Location, error) {
	if text == "Z" || text == "z" {
		return time.UTC, nil
	}
	digits := strings.Replace(text[1:], ":", "", 1)
	if len(digits) == 2 {
		digits += "00"
	}
	n, err := strconv.ParseUint(digits, 10, 16)
	if err != nil || len(digits) != 4 || n/100 > 23 || n%100 > 59 {
		return nil, errClock
	}
	offset := int(n/100*60+n%100) * 60
	if text[0] == '-' {
		offset = -offset
	}
	return time.FixedZone("", offset), nil
}

// timeProblem is what is wrong with a moment.
func timeProblem(err error, input any, loc []any) Problem {
	e, ok := errors.AsType[*timeError](err)
	if !ok {
		e = &timeError{"datetime_parsing", err.Error()}
	}
	msg := "Input should be a valid datetime, " + e.text
	if e.kind == "datetime_from_date_parsing" {
		msg = "Input should be a valid datetime or date, " + e.text
	}
	return Problem{Type: e.kind, Loc: loc, Msg: msg, Input: input, Ctx: map[string]any{"error": e.text}}
}
