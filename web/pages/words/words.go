// Package words has the texts of the pages, each in every language that people may choose.
package words

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/dingdag/dingdag/phrase"
)

// Language is one in which the pages can be read, by its tag (BCP 47).
type Language string

// The languages.
const (
	English Language = "en"
	Chinese Language = "zh"
)

// Languages are those that there are, the default first.
func Languages() []Language { return []Language{English, Chinese} }

// Name is what the language calls itself.
func (l Language) Name() string {
	if l == Chinese {
		return "中文"
	}
	return "English"
}

// Tag is the language as the lang attribute of a page has it.
func (l Language) Tag() string {
	if l == Chinese {
		return "zh-Hans"
	}
	return "en"
}

// Parse reads a tag. It reports false for one that is no language of the pages.
func Parse(tag string) (Language, bool) {
	main, _, _ := strings.Cut(strings.ToLower(strings.TrimSpace(tag)), "-")
	l := Language(main)
	return l, slices.Contains(Languages(), l)
}

// maxAccepted bounds how many languages of a header are looked at.
const maxAccepted = 20

// Accepted is the language that a browser prefers by its header Accept-Language (RFC 9110, 12.5.4), English when it
// prefers none of those that there are.
func Accepted(header string) Language {
	type choice struct {
		language Language
		weight   float64
	}
	var all []choice
	for part := range strings.SplitSeq(header, ",") {
		tag, params, _ := strings.Cut(part, ";")
		l, known := Parse(tag)
		weight := 1.0
		if q, ok := strings.CutPrefix(strings.TrimSpace(params), "q="); ok {
			var err error
			if weight, err = strconv.ParseFloat(q, 64); err != nil {
				continue
			}
		}
		if known && weight > 0 {
			all = append(all, choice{l, weight})
		}
		if len(all) == maxAccepted {
			break
		}
	}
	if len(all) == 0 {
		return English
	}
	slices.SortStableFunc(all, func(a, b choice) int { return cmp.Compare(b.weight, a.weight) })
	return all[0].language
}

// Key names a text.
type Key string

// Text is what is said in each language, with the verbs of package fmt for what it is about.
type Text struct {
	EN, ZH string
	// One is said in English in place of EN when the first thing that it is about is the number 1; it may be empty.
	// Chinese has no plural.
	One string
}

// table has all texts.
var table = joined(common, desk, assets, people, nodes) //nolint:gochecknoglobals // a constant

// joined puts tables together. A key that two of them have is a mistake in the program.
func joined(all ...map[Key]Text) map[Key]Text {
	out := map[Key]Text{}
	for _, t := range all {
		for k, text := range t {
			if _, twice := out[k]; twice {
				panic("two texts have the key " + string(k))
			}
			out[k] = text
		}
	}
	return out
}

// UnknownError says that no text has a key.
type UnknownError struct{ Key Key }

func (e *UnknownError) Error() string { return fmt.Sprintf("no text has the key %q", e.Key) }

// Say returns a text. Its error is an [*UnknownError].
func (l Language) Say(k Key, about ...any) (string, error) {
	t, ok := table[k]
	if !ok {
		return "", &UnknownError{k}
	}
	text := t.EN
	switch {
	case l == Chinese:
		text = t.ZH
	case t.One != "" && len(about) > 0 && about[0] == 1:
		text = t.One
	}
	if len(about) == 0 {
		return text, nil
	}
	return fmt.Sprintf(text, about...), nil
}

// Has reports whether there is a text with a key.
func Has(k Key) bool {
	_, ok := table[k]
	return ok
}

// Keys are those of all texts, sorted.
func Keys() []Key {
	keys := make([]Key, 0, len(table))
	for k := range table {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// Span is how long something is, in its two greatest units.
func (l Language) Span(d time.Duration) string {
	const day = 24 * time.Hour
	if d < 0 {
		return "−" + l.Span(-d)
	}
	u := [...]string{"ms", "s", "m", "h", "d"}
	gap := " "
	if l == Chinese { // in one piece: a line may end between any two of its signs
		gap, u = "\u00a0", [...]string{"\u00a0毫秒", "\u00a0秒", "\u00a0分", "\u00a0小时", "\u00a0天"}
	}
	two := func(n, rest int, of, units string) string {
		return fmt.Sprintf("%d%s%s%02d%s", n, of, gap, rest, units)
	}
	switch {
	case d < time.Second:
		return strconv.FormatInt(d.Milliseconds(), 10) + u[0]
	case d < 10*time.Second && d%time.Second != 0:
		return strconv.FormatFloat(d.Seconds(), 'f', 1, 64) + u[1]
	case d < time.Minute:
		return strconv.Itoa(int(d.Seconds())) + u[1]
	case d < time.Hour:
		return two(int(d.Minutes()), int(d.Seconds())%60, u[2], u[1])
	case d < day:
		return two(int(d.Hours()), int(d.Minutes())%60, u[3], u[2])
	default:
		return two(int(d/day), int(d.Hours())%24, u[4], u[3])
	}
}

// text is that of a key of this package, which the tests know to be there.
func (l Language) text(k Key, about ...any) string {
	said, err := l.Say(k, about...)
	if err != nil {
		return string(k)
	}
	return said
}

// Reason says why a run ended, in words where it is one of the reasons that the program gives, and as it is otherwise. It says
// nothing of a success.
func (l Language) Reason(reason string) string { return l.Tell(phrase.RunEnd(reason), time.UTC) }

// summaries are the events that tell of many things at once, which their messages list.
var summaries = []string{"digest", "on_daily_digest", "on_silence_end", "on_quota"} //nolint:gochecknoglobals // a constant

// Alert tells an alert in a line: what has happened to what, and in which channel it is told. In English that is the summary
// that was written with it; so it is of most that is not of a DAG.
func (l Language) Alert(event, dagID, taskID string, mapIndex int, channel, summary string) string {
	if summary == "" {
		summary = event
	}
	what := Key("event." + event)
	switch {
	case l == English || !Has(what):
		return summary
	case slices.Contains(summaries, event):
		return l.text("alerts.summary", l.text(what), channel)
	case dagID == "":
		return summary
	}
	subject := dagID
	if taskID != "" {
		subject += "." + taskID
	}
	if mapIndex >= 0 {
		subject += "[" + strconv.Itoa(mapIndex) + "]"
	}
	return l.text("alerts.line", subject, l.text(what), channel)
}

// Tell is what the program says of how things are, with its moments in a zone, as the pages write all others.
func (l Language) Tell(text phrase.Text, zone *time.Location) string {
	return text.In(phrase.Language(l), func(t time.Time) string { return t.In(zone).Format(time.DateTime) })
}

// Schedule is the summary of a schedule as people read it in a list: how its moments and data intervals belong together is
// left out where it is as usual.
func (l Language) Schedule(summary string) string {
	text, assets, both := strings.Cut(summary, ", or when updated: ")
	text = strings.TrimSuffix(text, ", trigger mode")
	if both {
		text += ", or when updated: " + assets
	}
	return l.WholeSchedule(text)
}

// WholeSchedule is the summary of a schedule with nothing left out. Cron expressions and conditions of assets are the same in
// every language.
func (l Language) WholeSchedule(summary string) string {
	if text, assets, both := strings.Cut(summary, ", or when updated: "); both {
		return l.text("dag.or_updated", l.WholeSchedule(text), assets)
	}
	if assets, ok := strings.CutPrefix(summary, "when updated: "); ok {
		return l.text("dag.when_updated", assets)
	}
	for suffix, key := range map[string]Key{", trigger mode": "dag.moments", ", data-interval mode": "dag.intervals"} {
		if text, ok := strings.CutSuffix(summary, suffix); ok {
			return l.text(key, l.WholeSchedule(text))
		}
	}
	if summary == "none, triggered only" {
		return l.text("dag.no_schedule")
	}
	if every, ok := strings.CutPrefix(summary, "every "); ok {
		if d, err := time.ParseDuration(every); err == nil {
			if l == Chinese {
				every = phrase.Span(phrase.Chinese, d)
			}
			return l.text("dag.every", every)
		}
	}
	return summary
}
