package pyval

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Strftime formats t by Python's codes. A "-" after the percent sign drops the
// padding, as on Linux. naive times have no zone to print.
func Strftime(t time.Time, naive bool, format string) (string, error) {
	var b strings.Builder
	for {
		before, after, found := strings.Cut(format, "%")
		b.WriteString(before)
		if !found {
			return b.String(), nil
		}
		trim := strings.HasPrefix(after, "-")
		after = strings.TrimPrefix(after, "-")
		if after == "" {
			return "", errors.New("strftime: the format ends in %")
		}
		s, err := directive(t, naive, after[0])
		if err != nil {
			return "", err
		}
		if trim {
			s = strings.TrimLeft(s, "0 ")
			if s == "" {
				s = "0"
			}
		}
		b.WriteString(s)
		format = after[1:]
	}
}

var layouts = map[byte]string{
	'Y': "2006", 'y': "06", 'm': "01", 'd': "02", 'H': "15", 'I': "03", 'M': "04", 'S': "05",
	'B': "January", 'b': "Jan", 'h': "Jan", 'A': "Monday", 'a': "Mon", 'p': "PM",
	'F': "2006-01-02", 'D': "01/02/06", 'T': "15:04:05", 'R': "15:04", 'r': "03:04:05 PM",
	'c': "Mon Jan _2 15:04:05 2006", 'x': "01/02/06", 'X': "15:04:05", 'e': "_2",
}

func directive(t time.Time, naive bool, code byte) (string, error) {
	if l, ok := layouts[code]; ok {
		return t.Format(l), nil
	}
	year, week := t.ISOWeek()
	switch code {
	case '%':
		return "%", nil
	case 'n':
		return "\n", nil
	case 't':
		return "\t", nil
	case 'j':
		return fmt.Sprintf("%03d", t.YearDay()), nil
	case 'f':
		return fmt.Sprintf("%06d", t.Nanosecond()/1000), nil
	case 's':
		return strconv.FormatInt(t.Unix(), 10), nil
	case 'C':
		return fmt.Sprintf("%02d", t.Year()/100), nil
	case 'k':
		return fmt.Sprintf("%2d", t.Hour()), nil
	case 'l':
		return fmt.Sprintf("%2d", (t.Hour()+11)%12+1), nil
	case 'w':
		return strconv.Itoa(int(t.Weekday())), nil
	case 'u':
		return strconv.Itoa(isoWeekday(t)), nil
	case 'G':
		return fmt.Sprintf("%04d", year), nil
	case 'g':
		return fmt.Sprintf("%02d", year%100), nil
	case 'V':
		return fmt.Sprintf("%02d", week), nil
	case 'U':
		return fmt.Sprintf("%02d", (t.YearDay()+6-int(t.Weekday()))/7), nil
	case 'W':
		return fmt.Sprintf("%02d", (t.YearDay()+7-isoWeekday(t))/7), nil
	case 'z', 'Z':
		if naive {
			return "", nil
		}
		if code == 'Z' {
			return zoneName(t), nil
		}
		return t.Format("-0700"), nil
	}
	return "", fmt.Errorf("strftime: unknown code %%%c", code)
}

func isoWeekday(t time.Time) int { return (int(t.Weekday())+6)%7 + 1 }

func zoneName(t time.Time) string {
	name, _ := t.Zone()
	return name
}

// Strptime reads text by Python's codes. Without %z the result is naive.
func Strptime(text, format string) (DateTime, error) {
	p := &timeParser{rest: text, year: 1900, month: 1, day: 1, loc: time.UTC, naive: true}
	for format != "" {
		var err error
		if format, err = p.step(format); err != nil {
			return DateTime{}, fmt.Errorf("time %q does not match the format: %w", text, err)
		}
	}
	if p.rest != "" {
		return DateTime{}, fmt.Errorf("time %q does not match the format: %q is left over", text, p.rest)
	}
	return p.result(text)
}

type timeParser struct {
	rest                        string
	year, month, day, yday      int
	hour, minute, second, nanos int
	pm, twelve, hasEpoch, naive bool
	epoch                       int64
	loc                         *time.Location
}

func (p *timeParser) step(format string) (string, error) {
	c := format[0]
	switch {
	case c == ' ' || c == '\t' || c == '\n':
		p.rest = strings.TrimLeft(p.rest, " \t\n")
		return strings.TrimLeft(format, " \t\n"), nil
	case c != '%':
		if p.rest == "" || p.rest[0] != c {
			return "", fmt.Errorf("expected %q", c)
		}
		p.rest = p.rest[1:]
		return format[1:], nil
	case len(format) == 1:
		return "", errors.New("the format ends in %")
	}
	for code, as := range map[byte]string{'F': "%Y-%m-%d", 'T': "%H:%M:%S", 'D': "%m/%d/%y", 'R': "%H:%M"} {
		if format[1] == code {
			return as + format[2:], nil
		}
	}
	return format[2:], p.directive(format[1])
}

func (p *timeParser) directive(code byte) error {
	var err error
	switch code {
	case 'Y':
		p.year, err = p.digits(4, 4)
	case 'y':
		p.year, err = p.digits(2, 2)
		if p.year += 1900; p.year < 1969 {
			p.year += 100
		}
	case 'm':
		p.month, err = p.digits(1, 2)
	case 'd', 'e':
		p.day, err = p.digits(1, 2)
	case 'j':
		p.yday, err = p.digits(1, 3)
	case 'H':
		p.hour, err = p.digits(1, 2)
	case 'I':
		p.twelve = true
		p.hour, err = p.digits(1, 2)
	case 'M':
		p.minute, err = p.digits(1, 2)
	case 'S':
		p.second, err = p.digits(1, 2)
	case 'f':
		before := len(p.rest)
		p.nanos, err = p.digits(1, 6)
		for range 9 - (before - len(p.rest)) {
			p.nanos *= 10
		}
	case 's':
		p.hasEpoch = true
		var n int
		n, err = p.digits(1, 11)
		p.epoch = int64(n)
	case 'b', 'h', 'B':
		p.month, err = p.word(code == 'B', "January", "February", "March", "April", "May", "June", "July",
			"August", "September", "October", "November", "December")
	case 'a', 'A':
		_, err = p.word(code == 'A', "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
	case 'p':
		var half int
		half, err = p.word(true, "AM", "PM")
		p.pm = half == 2
	case 'z':
		err = p.offset()
	case 'Z':
		_, err = p.word(true, "UTC", "GMT")
		p.naive = false
	case '%':
		var ok bool
		if p.rest, ok = strings.CutPrefix(p.rest, "%"); !ok {
			err = errors.New("expected %")
		}
	default:
		err = fmt.Errorf("unknown code %%%c", code)
	}
	return err
}

func (p *timeParser) digits(least, most int) (int, error) {
	n := 0
	for n < len(p.rest) && n < most && p.rest[n] >= '0' && p.rest[n] <= '9' {
		n++
	}
	if n < least {
		return 0, fmt.Errorf("expected a number at %q", p.rest)
	}
	v, err := strconv.Atoi(p.rest[:n])
	p.rest = p.rest[n:]
	return v, err
}

func (p *timeParser) word(full bool, words ...string) (int, error) {
	for i, w := range words {
		if !full {
			w = w[:3]
		}
		if len(p.rest) >= len(w) && strings.EqualFold(p.rest[:len(w)], w) {
			p.rest = p.rest[len(w):]
			return i + 1, nil
		}
	}
	return 0, fmt.Errorf("expected a name at %q", p.rest)
}

func (p *timeParser) offset() error {
	p.naive = false
	if after, ok := strings.CutPrefix(p.rest, "Z"); ok {
		p.rest = after
		return nil
	}
	if p.rest == "" || p.rest[0] != '+' && p.rest[0] != '-' {
		return fmt.Errorf("expected an offset at %q", p.rest)
	}
	sign := map[byte]int{'+': 1, '-': -1}[p.rest[0]]
	p.rest = p.rest[1:]
	h, err := p.digits(2, 2)
	if err != nil {
		return err
	}
	p.rest = strings.TrimPrefix(p.rest, ":")
	m, err := p.digits(2, 2)
	if err != nil {
		return err
	}
	p.loc = fixedZone(sign * (h*3600 + m*60))
	return nil
}

func (p *timeParser) result(text string) (DateTime, error) {
	if p.hasEpoch {
		return NewDateTime(time.Unix(p.epoch, 0).UTC()), nil
	}
	if p.twelve {
		p.hour %= 12
		if p.pm {
			p.hour += 12
		}
	}
	if p.yday > 0 {
		p.month, p.day = 1, p.yday
	}
	t := time.Date(p.year, time.Month(p.month), p.day, p.hour, p.minute, p.second, p.nanos, p.loc)
	if p.yday == 0 && (int(t.Month()) != p.month || t.Day() != p.day) || p.hour > 23 || p.minute > 59 || p.second > 59 {
		return DateTime{}, fmt.Errorf("time %q does not exist", text)
	}
	return DateTime{t: t, naive: p.naive}, nil
}

func fixedZone(seconds int) *time.Location {
	if seconds == 0 {
		return time.UTC
	}
	sign, s := '+', seconds
	if s < 0 {
		sign, s = '-', -s
	}
	return time.FixedZone(fmt.Sprintf("UTC%c%02d:%02d", sign, s/3600, s/60%60), seconds)
}
