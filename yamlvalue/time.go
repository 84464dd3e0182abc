package yamlvalue

import (
	"fmt"
	"strconv"
	"time"
)

// Time is a value of the kind [Date].
type Time struct {
	// Time is the moment, of a date alone its midnight. Without an offset it is the wall
	// clock, as if it were UTC.
	time.Time
	// HasClock says that there is a time of day, HasOffset that it has an offset from UTC.
	HasClock, HasOffset bool
}

// ParseTime reads a text of the kind [Date]. Digits of a second beyond the sixth are dropped,
// as in PyYAML.
func ParseTime(text string) (Time, error) {
	m := timePattern().FindStringSubmatch(text)
	t := Time{HasClock: m != nil}
	if m == nil {
		if m = dayPattern().FindStringSubmatch(text); m == nil {
			return t, fmt.Errorf("%q is not a date", Excerpt(text))
		}
		m = append(m, make([]string, 8)...)
	}
	year, month, day, hour, minute, second := number(m[1]), number(m[2]), number(m[3]), number(m[4]), number(m[5]), number(m[6])
	micros := number((m[7] + "000000")[:6])
	t.Time = time.Date(year, time.Month(month), day, hour, minute, second, micros*1000, time.UTC)
	if int(t.Month()) != month || t.Day() != day || hour > 23 || minute > 59 || second > 59 || year < 1 {
		return t, fmt.Errorf("the time %q does not exist", text)
	}
	if t.HasOffset = m[8] != ""; t.HasOffset && m[8] != "Z" {
		offset := number(m[10])*3600 + number(m[11])*60
		if m[9] == "-" {
			offset = -offset
		}
		t.Time = t.Add(-time.Duration(offset) * time.Second).In(time.FixedZone("", offset))
	}
	return t, nil
}

// number reads digits that a pattern has found, 0 where it found none.
func number(digits string) int {
	n, err := strconv.Atoi(digits)
	if err != nil {
		return 0
	}
	return n
}
