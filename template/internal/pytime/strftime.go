package pytime

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// Strftime formats t by Python's codes on Linux. Flags and a width may stand after the
// percent sign: - drops the padding, _ pads with blanks, 0 with zeros, ^ and # change the
// case. What is no code stays as it is. Naive times have no zone to print.
func Strftime(t time.Time, naive bool, format string) (string, error) {
	var b strings.Builder
	for {
		before, after, found := strings.Cut(format, "%")
		b.WriteString(before)
		if !found {
			return b.String(), nil
		}
		s, rest, err := conversion(t, naive, after)
		if err != nil {
			return "", err
		}
		b.WriteString(s)
		format = rest
	}
}

// conversion expands what stands after a percent sign and returns the rest.
func conversion(t time.Time, naive bool, after string) (s, rest string, err error) {
	f, i, err := readFlags(after)
	switch {
	case err != nil:
		return "", "", err
	case i == len(after):
		return "%" + after, "", nil
	}
	written, code, rest := after[:i+1], after[i], after[i+1:]
	s, ok := directive(t, naive, code)
	switch {
	case i > 0 && (!ok && f.width > 0 || strings.IndexByte("zZf", code) >= 0):
		// Python expands %z, %Z and %f itself, and the C library knows no zone.
		return "", "", fmt.Errorf("strftime: %%%s: %c takes no flags and no width", written, code)
	case !ok:
		return "%" + written, rest, nil
	case code == 's' && !naive && hasOffset(t):
		return "", "", errors.New("strftime: %s reads the clock in the zone of the machine: use int_timestamp, or in_timezone('UTC') before")
	}
	return f.padded(f.cased(s, code), code), rest, nil
}

func hasOffset(t time.Time) bool {
	_, offset := t.Zone()
	return offset != 0
}

// flags are what stands between a percent sign and its code.
type flags struct {
	pad         byte // -, _ or 0; 0 where nothing says so
	upper, swap bool
	width       int
}

// readFlags reads flags, a width and E or O, and returns where the code stands.
func readFlags(after string) (f flags, at int, err error) {
	for ; at < len(after) && strings.IndexByte("-_0^#", after[at]) >= 0; at++ {
		switch c := after[at]; c {
		case '^':
			f.upper = true
		case '#':
			f.swap = true
		default:
			f.pad = c
		}
	}
	for ; at < len(after) && after[at] >= '0' && after[at] <= '9'; at++ {
		if f.width = f.width*10 + int(after[at]-'0'); f.width > 1024 {
			return f, at, errors.New("strftime: the width is over 1024")
		}
	}
	if at+1 < len(after) && (after[at] == 'E' || after[at] == 'O') {
		at++
	}
	return f, at, nil
}

// cased is the text of a code with its case changed as the flags say.
func (f flags) cased(s string, code byte) string {
	switch {
	case code == 'P':
	case f.upper, f.swap && code != 'p' && code != 'c':
		return strings.ToUpper(s)
	case f.swap && code == 'p':
		return strings.ToLower(s)
	}
	return s
}

// padded puts the text of a code into the width.
func (f flags) padded(s string, code byte) string {
	digits := s != "" && strings.IndexByte("CdegGHIjklmMsSuUVwWyY", code) >= 0
	fill := " "
	if digits && s[0] != ' ' || f.pad == '0' {
		fill = "0"
	}
	if f.pad == '_' || f.pad == '-' || f.pad == 0 && s != "" && strings.IndexByte("ekl", code) >= 0 {
		fill = " "
	}
	if digits && f.pad != 0 {
		size := len(s)
		if s = strings.TrimLeft(s, "0 "); s == "" {
			s = "0"
		}
		if f.pad != '-' {
			s = strings.Repeat(fill, max(size-len(s), 0)) + s
		}
	}
	return strings.Repeat(fill, max(f.width-utf8.RuneCountInString(s), 0)) + s
}

var layouts = map[byte]string{
	'y': "06", 'm': "01", 'd': "02", 'H': "15", 'I': "03", 'M': "04", 'S': "05",
	'B': "January", 'b': "Jan", 'h': "Jan", 'A': "Monday", 'a': "Mon", 'p': "PM", 'P': "pm",
	'D': "01/02/06", 'T': "15:04:05", 'R': "15:04", 'r': "03:04:05 PM",
	'c': "Mon Jan _2 15:04:05 2006", 'x': "01/02/06", 'X': "15:04:05", 'e': "_2",
}

// directive returns what a code stands for; ok is false when it is none.
func directive(t time.Time, naive bool, code byte) (text string, ok bool) {
	if l, ok := layouts[code]; ok {
		return t.Format(l), true
	}
	year, week := t.ISOWeek()
	pad := func(width, n int) (string, bool) { return fmt.Sprintf("%0*d", width, n), true }
	switch code {
	case '%':
		return "%", true
	case 'n':
		return "\n", true
	case 't':
		return "\t", true
	case 'Y':
		return strconv.Itoa(t.Year()), true
	case 'F':
		return fmt.Sprintf("%d-%02d-%02d", t.Year(), t.Month(), t.Day()), true
	case 'j':
		return pad(3, t.YearDay())
	case 'f':
		return pad(6, t.Nanosecond()/1000)
	case 's':
		return strconv.FormatInt(t.Unix(), 10), true
	case 'C':
		return strconv.Itoa(t.Year() / 100), true
	case 'k':
		return fmt.Sprintf("%2d", t.Hour()), true
	case 'l':
		return fmt.Sprintf("%2d", (t.Hour()+11)%12+1), true
	case 'w':
		return strconv.Itoa(int(t.Weekday())), true
	case 'u':
		return strconv.Itoa(isoWeekday(t)), true
	case 'G':
		return strconv.Itoa(year), true
	case 'g':
		return pad(2, year%100)
	case 'V':
		return pad(2, week)
	case 'U':
		return pad(2, (t.YearDay()+6-int(t.Weekday()))/7)
	case 'W':
		return pad(2, (t.YearDay()+7-isoWeekday(t))/7)
	case 'z':
		if naive {
			return "", true
		}
		return t.Format("-0700"), true
	case 'Z':
		if naive {
			return "", true
		}
		return zoneName(t), true
	}
	return "", false
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
	pm, twelve, naive           bool
	week, isoYear, weekday      int  // weekday from 1 for Monday
	weeksFrom                   byte // the code of week
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
	for code, as := range map[byte]string{'x': "%m/%d/%y", 'X': "%H:%M:%S", 'c': "%a %b %d %H:%M:%S %Y"} {
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
	case 'd':
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
	case 'U', 'W':
		p.weeksFrom = code
		p.week, err = p.digits(1, 2)
	case 'V':
		p.weeksFrom = code
		p.week, err = p.digits(1, 2)
	case 'G':
		p.isoYear, err = p.digits(4, 4)
	case 'w':
		p.weekday, err = p.digits(1, 1)
		p.weekday = (p.weekday+6)%7 + 1
	case 'u':
		p.weekday, err = p.digits(1, 1)
	case 'b', 'B':
		p.month, err = p.word(code == 'B', "January", "February", "March", "April", "May", "June", "July",
			"August", "September", "October", "November", "December")
	case 'a', 'A':
		p.weekday, err = p.word(code == 'A', "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
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
	if p.twelve {
		p.hour %= 12
		if p.pm {
			p.hour += 12
		}
	}
	if err := p.dayOfWeek(text); err != nil {
		return DateTime{}, err
	}
	if p.yday > 0 {
		p.month, p.day = 1, p.yday
	}
	t := time.Date(p.year, time.Month(p.month), p.day, p.hour, p.minute, p.second, p.nanos, p.loc)
	if p.yday == 0 && (int(t.Month()) != p.month || t.Day() != p.day) || p.hour > 23 || p.minute > 59 || p.second > 59 {
		return DateTime{}, fmt.Errorf("time %q does not exist", text)
	}
	return DateTime{t: t, naive: p.naive, plain: true}, nil
}

// dayOfWeek finds the day that a week and a weekday name; one without the other counts for nothing.
func (p *timeParser) dayOfWeek(text string) error {
	if p.weeksFrom == 'V' || p.isoYear > 0 {
		if p.weeksFrom != 'V' || p.isoYear == 0 || p.weekday == 0 {
			return errors.New("strptime: %G, %V and a weekday go together")
		}
		first := time.Date(p.isoYear, 1, 4, 0, 0, 0, 0, time.UTC)
		day := first.AddDate(0, 0, 1-isoWeekday(first)+7*(p.week-1)+p.weekday-1)
		p.year, p.yday = day.Year(), day.YearDay()
		return nil
	}
	if p.weeksFrom == 0 || p.weekday == 0 || p.yday > 0 {
		return nil
	}
	first := time.Date(p.year, 1, 1, 0, 0, 0, 0, time.UTC)
	begin, weekday := isoWeekday(first)-1, p.weekday-1
	if p.weeksFrom == 'U' {
		begin, weekday = (begin+1)%7, (weekday+1)%7
	}
	day := weekday - begin // in week 0
	if p.week > 0 {
		day = (7-begin)%7 + 7*(p.week-1) + weekday
	}
	if p.yday = day + 1; p.yday < 1 {
		return fmt.Errorf("time %q does not exist", text)
	}
	return nil
}

// FixedZone is a zone of so many seconds east of Greenwich.
func FixedZone(seconds int) *time.Location { return fixedZone(seconds) }

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
