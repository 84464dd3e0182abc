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
		if err == nil || !strings.ContainsAny(text, "eE") { // without an exponent it is at most beyond all numbers
			t, err = unix(max(min(n, math.MaxFloat64), -math.MaxFloat64))
			return t, true, err
		}
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

// unixNumber is a number, which has an exponent only behind a point.
var unixNumber = regexp.MustCompile(`^[+-]?([0-9]+|([0-9]+\.[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?)$`) //nolint:gochecknoglobals // a constant

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

// clock is what may stand behind a day: 15:04, 15:04:05 or 15:04:05.123456, with or without a zone. The minus sign of
// typography is one of a zone, too.
var clock = regexp.MustCompile(`^([01][0-9]|2[0-3]):([0-5][0-9])(?::([0-5][0-9])(?:[.,]([0-9]+))?)?(?:([Zz])|([+\x{2212}-])([01][0-9]|2[0-3]):?([0-5][0-9]))?$`) //nolint:gochecknoglobals // a constant

// parseClock reads a time of day with its zone, see [clock].
func parseClock(day time.Time, text string) (time.Time, bool, error) {
	m := clock.FindStringSubmatch(text)
	if m == nil {
		return day, false, extra()
	}
	number := func(digits string) int {
		n, _ := strconv.Atoi(digits) // digits, or nothing, which is 0
		return n
	}
	zone := time.UTC
	if m[6] != "" {
		offset := (number(m[7])*60 + number(m[8])) * 60
		if m[6] != "+" {
			offset = -offset
		}
		zone = time.FixedZone("", offset)
	}
	micros := number((m[4] + "000000")[:6]) // the rest is cut off
	y, month, d := day.Date()
	t := time.Date(y, month, d, number(m[1]), number(m[2]), number(m[3]), micros*1000, zone).UTC()
	if t.Year() < 1 || t.Year() > 9999 { // pydantic takes it, and Airflow fails at the conversion
		return t, false, &timeError{"datetime_parsing", "in UTC it is not in the years 1 to 9999"}
	}
	return t, m[5] != "" || m[6] != "", nil
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
