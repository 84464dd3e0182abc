package rest

import (
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// rules are what the tags of a field demand of its value.
type rules struct {
	enum           []string
	literal        bool
	minimum        *float64
	above          *float64
	maximum        *float64
	minLen, maxLen *int
	pattern        *regexp.Regexp
	patternText    string
	zone, folded   bool
}

// rulesOf reads them. The names of the tags are those of huma, which describes them in the document.
func rulesOf(tag reflect.StructTag) rules {
	ru := rules{
		enum: list(tag.Get("enum")), minimum: number(tag, "minimum"), above: number(tag, "exclusiveMinimum"), maximum: number(tag, "maximum"),
		literal: tag.Get("literal") == "true", zone: tag.Get("zone") == "true", folded: tag.Get("folded") == "true",
		patternText: tag.Get("pattern"),
	}
	for name, to := range map[string]**int{"minLength": &ru.minLen, "maxLength": &ru.maxLen, "minItems": &ru.minLen} {
		if n := number(tag, name); n != nil {
			*to = new(int(*n))
		}
	}
	if ru.patternText != "" {
		ru.pattern = regexp.MustCompile(ru.patternText)
	}
	return ru
}

func number(tag reflect.StructTag, name string) *float64 {
	text, ok := tag.Lookup(name)
	if !ok {
		return nil
	}
	n, err := strconv.ParseFloat(text, 64)
	if err != nil {
		panic(fmt.Sprintf("rest: tag %s:%q is no number", name, text))
	}
	return &n
}

// checkText is what is wrong with a text.
func (ru *rules) checkText(v string, input any, loc []any) []Problem {
	if len(ru.enum) > 0 && !slices.Contains(ru.enum, v) && (!ru.folded || !slices.Contains(ru.enum, strings.ToLower(v))) {
		kind := "enum"
		if ru.literal {
			kind = "literal_error"
		}
		want := expected(ru.enum)
		return []Problem{{Type: kind, Loc: loc, Msg: "Input should be " + want, Input: input, Ctx: map[string]any{"expected": want}}}
	}
	n := utf8.RuneCountInString(v)
	switch {
	case ru.maxLen != nil && n > *ru.maxLen:
		return []Problem{{Type: "string_too_long", Loc: loc, Msg: fmt.Sprintf("String should have at most %d characters", *ru.maxLen), Input: input, Ctx: map[string]any{"max_length": *ru.maxLen}}}
	case ru.minLen != nil && n < *ru.minLen:
		return []Problem{{Type: "string_too_short", Loc: loc, Msg: fmt.Sprintf("String should have at least %d character%s", *ru.minLen, plural(*ru.minLen)), Input: input, Ctx: map[string]any{"min_length": *ru.minLen}}}
	case ru.pattern != nil && !ru.pattern.MatchString(v):
		return []Problem{{Type: "string_pattern_mismatch", Loc: loc, Msg: "String should match pattern '" + ru.patternText + "'", Input: input, Ctx: map[string]any{"pattern": ru.patternText}}}
	}
	return nil
}

// checkNumber is what is wrong with a number.
func (ru *rules) checkNumber(n float64, input any, loc []any) []Problem {
	bound := func(kind, text, key string, limit float64) []Problem {
		return []Problem{{
			Type: kind, Loc: loc, Msg: "Input should be " + text + " " + strconv.FormatFloat(limit, 'f', -1, 64), Input: input, Ctx: map[string]any{key: limit},
		}}
	}
	switch {
	case ru.minimum != nil && n < *ru.minimum:
		return bound("greater_than_equal", "greater than or equal to", "ge", *ru.minimum)
	case ru.above != nil && n <= *ru.above:
		return bound("greater_than", "greater than", "gt", *ru.above)
	case ru.maximum != nil && n > *ru.maximum:
		return bound("less_than_equal", "less than or equal to", "le", *ru.maximum)
	}
	return nil
}

// expected are words as pydantic lists them: 'a', 'b' or 'c'.
func expected(words []string) string {
	var b strings.Builder
	for i, w := range words {
		switch {
		case i == 0:
		case i == len(words)-1:
			b.WriteString(" or ")
		default:
			b.WriteString(", ")
		}
		b.WriteString("'" + w + "'")
	}
	return b.String()
}

func plural(n int) string {
	if n == 1 {
		return ""
	}
	return "s"
}
