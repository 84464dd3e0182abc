// Package phrase has what the program says of how things are: why something waits or did not run, what is wrong with its
// health. A [Text] is a code with what it is about, and is put into words only where somebody reads it, in their language and
// their time zone. The words of each code stand in one table, in both languages.
package phrase

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Language is one in which a text can be put into words, by its tag (BCP 47).
type Language string

// The languages. Any other value is read as English.
const (
	English Language = "en"
	Chinese Language = "zh"
)

// Code names what is said. It stays the same from version to version: the store keeps it.
type Code string

// Text is something that is said. The zero value says nothing.
type Text struct {
	code Code
	// args are what it is about: string, int, time.Time, time.Duration or Text.
	args []any
}

// codePlain is the code of a text that is the same in every language, codeAll that of texts one after the other, and
// codeList that of a list.
const (
	codePlain Code = "plain"
	codeAll   Code = "all"
	codeList  Code = "list"
)

// Of is what a code says of something. The code must be in the table, which a test makes sure of, and the arguments must be as
// many as its words have verbs: each a string, an integer, a [time.Time], a [time.Duration] or a Text. Anything else is
// written as package fmt does.
func Of(c Code, args ...any) Text {
	for i, a := range args {
		switch a := a.(type) {
		case string, int, time.Time, time.Duration, Text:
		case int64:
			args[i] = int(a)
		default:
			args[i] = fmt.Sprint(a)
		}
	}
	return Text{c, args}
}

// Plain is a text that is the same in every language: the words of an error, an id. An empty one says nothing.
func Plain(text string) Text {
	if text == "" {
		return Text{}
	}
	return Text{codePlain, []any{text}}
}

// All is texts one after the other, with nothing between them.
func All(texts ...Text) Text { return several(codeAll, texts) }

// List is texts with commas between them.
func List(texts ...Text) Text { return several(codeList, texts) }

// Names is a list of what is the same in every language.
func Names(names ...string) Text {
	texts := make([]Text, len(names))
	for i, n := range names {
		texts[i] = Plain(n)
	}
	return List(texts...)
}

func several(c Code, texts []Text) Text {
	var args []any
	for _, t := range texts {
		if !t.IsZero() {
			args = append(args, t)
		}
	}
	switch len(args) {
	case 0:
		return Text{}
	case 1:
		return args[0].(Text) //nolint:forcetypeassert // they were put in above
	default:
		return Text{c, args}
	}
}

// State is a state of a run or a task: in English as Airflow spells it, such as upstream_failed.
func State(state string) Text { return known("state.", state) }

// RunReason is the reason for which a run ended: one of the words that the store keeps for it, such as task_failure, or a
// sentence.
func RunReason(reason string) Text { return known("reason.", reason) }

// RunEnd is like [RunReason], in words where those are for people alone: "a task failed". It says nothing of a success, which
// needs no reason.
func RunEnd(reason string) Text {
	if reason == "success" {
		return Text{}
	}
	return known("ended.", reason)
}

// Outcome is what became of a tick of a schedule: one of the words that the store keeps for it, such as missed.
func Outcome(outcome string) Text { return known("outcome.", outcome) }

// Delivery is a state of a message: one of the words that the store keeps for it, such as delivered.
func Delivery(state string) Text { return known("delivery.", state) }

// known is the text of a word, or the word itself.
func known(family, word string) Text {
	if _, ok := table[Code(family+word)]; ok {
		return Text{Code(family + word), nil}
	}
	return Plain(word)
}

// IsZero reports whether the text says nothing.
func (t Text) IsZero() bool { return t.code == "" }

// Code is that of the text, empty for nothing. Texts that are put together have codes of their own.
func (t Text) Code() Code { return t.code }

// String is the text in English, with moments in UTC, such as 2026-01-31T09:30:00Z.
func (t Text) String() string { return t.In(English, nil) }

// In is the text in a language. moment writes moments; nil writes them as [Text.String] does.
func (t Text) In(l Language, moment func(time.Time) string) string {
	if moment == nil {
		moment = utc
	}
	return t.in(l, moment)
}

func utc(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05Z") }

func (t Text) in(l Language, moment func(time.Time) string) string {
	if t.IsZero() {
		return ""
	}
	said := make([]any, len(t.args))
	for i, a := range t.args {
		switch a := a.(type) {
		case Text:
			said[i] = a.in(l, moment)
		case time.Time:
			said[i] = moment(a)
		case time.Duration:
			said[i] = Span(l, a)
		case int:
			said[i] = strconv.Itoa(a)
		default:
			said[i] = a
		}
	}
	switch t.code {
	case codePlain, codeAll:
		return joined(said, "")
	case codeList:
		if l == Chinese {
			return joined(said, "、")
		}
		return joined(said, ", ")
	}
	w, ok := table[t.code]
	if !ok { // kept by a newer version of the program
		return strings.TrimSpace(string(t.code) + " " + joined(said, " "))
	}
	format := w.EN
	if l == Chinese {
		format = w.ZH
	}
	if len(said) == 0 {
		return format
	}
	return fmt.Sprintf(format, said...)
}

func joined(said []any, between string) string {
	parts := make([]string, len(said))
	for i, s := range said {
		parts[i] = fmt.Sprint(s)
	}
	return strings.Join(parts, between)
}

// Span is how long something takes, to the second, in a language: 1h30m.
func Span(l Language, d time.Duration) string {
	text := max(d, 0).Round(time.Second).String()
	for _, zero := range []string{"m0s", "h0m"} {
		if strings.HasSuffix(text, zero) {
			text = strings.TrimSuffix(text, zero[1:])
		}
	}
	if l == Chinese {
		text = strings.TrimSpace(strings.NewReplacer("h", " 小时 ", "m", " 分 ", "s", " 秒").Replace(text))
	}
	return text
}
