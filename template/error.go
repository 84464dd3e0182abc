package template

import (
	"fmt"
	"strings"
)

// Error is what is wrong with a template, at its place in the source.
type Error struct {
	// Line and Column count from 1; columns count characters. Both are those of
	// the text that was given to [Env.Check] or [Env.Render], or of File.
	Line, Column int
	// File is the included file that the mistake is in, empty for the text itself.
	File string
	// Message says what is wrong and names the expression.
	Message string
	// Err is the cause, for instance the error of a variable source; may be nil.
	Err error
}

// Error implements error.
func (e *Error) Error() string {
	if e.File != "" {
		return fmt.Sprintf("template file %s, line %d, column %d: %s", e.File, e.Line, e.Column, e.Message)
	}
	return fmt.Sprintf("template line %d, column %d: %s", e.Line, e.Column, e.Message)
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// shorten cuts an expression to what fits into a message.
func shorten(s string) string {
	const most = 60
	s = strings.Join(strings.Fields(s), " ")
	if r := []rune(s); len(r) > most {
		return string(r[:most]) + "…"
	}
	return s
}

// didYouMean returns "; did you mean x?" for the name that is nearest, or nothing.
func didYouMean(name string, names []string) string {
	best, bestDistance := "", min(len(name)/2, 3)+1
	if len(name) < 3 { // everything is near to these
		return ""
	}
	for _, n := range names {
		if d := distance(name, n, bestDistance); d < bestDistance || d == bestDistance && best != "" && n < best {
			best, bestDistance = n, d
		}
	}
	if best == "" {
		return ""
	}
	return fmt.Sprintf("; did you mean %s?", best)
}

// distance is the Levenshtein distance of two names; beyond limit it is only
// known to be larger.
func distance(a, b string, limit int) int {
	if max(len(a), len(b))-min(len(a), len(b)) >= limit {
		return limit + 1
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
