// Package words has the texts of the pages, each in every language that people may choose.
package words

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
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
var table = joined(common, desk) //nolint:gochecknoglobals // a constant

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
