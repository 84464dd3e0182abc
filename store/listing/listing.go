// Package listing is the part of the store's contract that lists with many filters ask for: any order,
// an offset, and how many there are on all pages, as Airflow's REST API has them. The store does all of
// that; nothing is read that is not on the page.
package listing

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Range bounds a value. Bounds that are nil bound nothing; all others hold.
type Range[T any] struct{ GTE, GT, LTE, LT *T }

// Empty reports whether it bounds nothing.
func (r Range[T]) Empty() bool { return r.GTE == nil && r.GT == nil && r.LTE == nil && r.LT == nil }

// Key orders by something.
type Key struct {
	Name string
	Desc bool
}

// Page is a part of a list.
type Page struct {
	// Limit bounds how many there are; with 0 there are none.
	Limit, Offset int
	// Order is by the names that the list has. What is null comes last, and the id breaks ties.
	Order []Key
}

// Like are texts of which one must be in another one, whatever the case of letters; "_" stands for any
// character and "%" for any text. No texts match everything.
type Like []string

// ParseLike reads a pattern: "~" is everything, and "|" separates texts.
func ParseLike(pattern string) Like {
	if pattern == "~" || pattern == "" {
		return nil
	}
	var l Like
	for text := range strings.SplitSeq(pattern, "|") {
		if text = strings.TrimSpace(text); text != "" {
			l = append(l, text)
		}
	}
	return l
}

// Match reports whether a text is like one of them.
func (l Like) Match(text string) bool {
	for _, p := range l {
		if like("%"+p+"%", text) {
			return true
		}
	}
	return len(l) == 0
}

// like is SQL's LIKE without regard to the case of letters.
func like(pattern, text string) bool {
	p, t := 0, 0
	star, mark := -1, 0 // the last %, and what it stands for up to here
	for t < len(text) {
		pr, pn := utf8.DecodeRuneInString(pattern[p:])
		tr, tn := utf8.DecodeRuneInString(text[t:])
		switch {
		case pn > 0 && pr == '%':
			star, mark = p, t
			p += pn
		case pn > 0 && (pr == '_' || unicode.ToLower(pr) == unicode.ToLower(tr)):
			p, t = p+pn, t+tn
		case star >= 0:
			_, n := utf8.DecodeRuneInString(text[mark:])
			mark += n
			p, t = star+1, mark
		default:
			return false
		}
	}
	return strings.Trim(pattern[p:], "%") == ""
}
