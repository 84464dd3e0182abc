package pytime

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// pendulumTokens is what pendulum's format() reads: text in brackets, a character after a
// backslash, or a token.
var pendulumTokens = regexp.MustCompile(`\[([^\[]*)\]|\\(.)|(Mo|MM?M?M?|Do|DDDo|DD?D?D?|ddd?d?|do?|eo?|E{1,4}|w[o|w]?|W[o|W]?|Qo?` +
	`|YYYY|YY|Y|gg(?:ggg?)?|GG(?:GGG?)?|a|A|hh?|HH?|kk?|mm?|ss?|S{1,9}|x|X|zz?|ZZ?|LTS|LT|LL?L?L?)`)

// wording is how pendulum says dates in one of its locales.
type wording struct {
	months, monthsShort [12]string
	days, daysShort     [7]string // Monday first
	am, pm              string
	firstDay            int // as pendulum's week_data counts
	ordinal             func(n int) string
	formats             map[string]string // of LT and its like; English ones where missing
}

var english = wording{
	months: [12]string{
		"January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December",
	},
	monthsShort: [12]string{"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"},
	days:        [7]string{"Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"},
	daysShort:   [7]string{"Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"},
	am:          "AM",
	pm:          "PM",
	firstDay:    6,
	ordinal: func(n int) string {
		suffix := "th"
		if n%100 < 11 || n%100 > 13 {
			suffix = map[int]string{1: "st", 2: "nd", 3: "rd"}[n%10]
			if suffix == "" {
				suffix = "th"
			}
		}
		return strconv.Itoa(n) + suffix
	},
	formats: map[string]string{
		"LTS": "h:mm:ss A", "LT": "h:mm A", "L": "MM/DD/YYYY", "LL": "MMMM D, YYYY", "LLL": "MMMM D, YYYY h:mm A",
		"LLLL": "dddd, MMMM D, YYYY h:mm A",
	},
}

func languageOf(locale string) (wording, error) {
	if locale == "en" || locale == "en_us" || locale == "en-us" {
		return english, nil
	}
	return wording{}, fmt.Errorf("format: speaks English only, not %q: write the names with a dict, {{ {1: '…'}[x.month] }}", locale)
}

// pendulumFormat is pendulum's format(): YYYY-MM-DD HH:mm:ss, text in brackets as it is.
func pendulumFormat(d DateTime, format string, in wording) (string, error) {
	var out strings.Builder
	for format != "" {
		at := pendulumTokens.FindStringSubmatchIndex(format)
		if at == nil {
			break
		}
		out.WriteString(format[:at[0]])
		switch {
		case at[2] >= 0 && at[3] > at[2]:
			out.WriteString(format[at[2]:at[3]])
		case at[4] >= 0:
			out.WriteString(format[at[4]:at[5]])
		case at[6] >= 0:
			text, err := pendulumToken(d, format[at[6]:at[7]], in)
			if err != nil {
				return "", err
			}
			out.WriteString(text)
		default: // pendulum takes [] for a token and fails
			return "", errors.New("format: [] holds no text")
		}
		format = format[at[1]:]
	}
	return out.String() + format, nil
}

// strftimeTokens are the tokens that a code of strftime says as well.
var strftimeTokens = map[string]string{
	"MM": "%m", "M": "%-m", "DD": "%d", "D": "%-d", "DDDD": "%j", "DDD": "%-j", "E": "%u", "d": "%w", "HH": "%H", "H": "%-H",
	"hh": "%I", "h": "%-I", "mm": "%M", "m": "%-M", "ss": "%S", "s": "%-S", "zz": "%Z", "ZZ": "%z",
}

func pendulumToken(d DateTime, token string, in wording) (string, error) {
	if code, ok := strftimeTokens[token]; ok {
		return d.strftime(code)
	}
	if layout, ok := in.formats[token]; ok {
		return pendulumFormat(d, layout, in)
	}
	weekday, year := isoWeekday(d.t), strconv.Itoa(d.t.Year())
	switch token {
	case "YYYY", "Y":
		return year, nil
	case "YY":
		return year[min(2, len(year)):], nil
	case "Q":
		return strconv.Itoa(quarterOf(d.t)), nil
	case "Qo":
		return in.ordinal(quarterOf(d.t)), nil
	case "Mo":
		return in.ordinal(int(d.t.Month())), nil
	case "Do":
		return in.ordinal(d.t.Day()), nil
	case "DDDo":
		return in.ordinal(d.t.YearDay()), nil
	case "do":
		return in.ordinal(weekday % 7), nil
	case "wo":
		_, week := d.t.ISOWeek()
		return in.ordinal(week), nil
	case "e":
		return strconv.Itoa(in.dayOfWeek(weekday)), nil
	case "eo":
		return in.ordinal(in.dayOfWeek(weekday) + 1), nil
	case "MMMM":
		return in.months[d.t.Month()-1], nil
	case "MMM":
		return in.monthsShort[d.t.Month()-1], nil
	case "dddd":
		return in.days[weekday-1], nil
	case "ddd":
		return in.daysShort[weekday-1], nil
	case "dd":
		return in.daysShort[weekday-1][:2], nil
	case "A":
		if d.t.Hour() < 12 {
			return in.am, nil
		}
		return in.pm, nil
	case "X":
		return strconv.FormatInt(d.t.Unix(), 10), nil
	case "x":
		return strconv.FormatInt(d.t.UnixMilli(), 10), nil
	case "z":
		if d.naive {
			return "", nil
		}
		return d.t.Location().String(), nil
	case "Z":
		if d.naive {
			return "", nil
		}
		return d.t.Format("-07:00"), nil
	}
	if strings.Trim(token, "S") == "" && len(token) <= 6 {
		return fmt.Sprintf("%06d", d.t.Nanosecond()/1000)[:len(token)], nil
	}
	return token, nil // pendulum knows the token and has no rule for it
}

func quarterOf(t time.Time) int { return (int(t.Month())-1)/3 + 1 }

func (l wording) dayOfWeek(isoWeekday int) int { return ((isoWeekday-1)%7 - l.firstDay + 7) % 7 }
