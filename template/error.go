package template

import (
	"fmt"
	"slices"

	"github.com/dingdag/dingdag/yamlvalue"
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

// didYouMean returns "; did you mean x?" for the name that is nearest, or nothing.
func didYouMean(name string, names []string) string {
	if len(name) < 3 { // everything is near to these
		return ""
	}
	near := yamlvalue.NearestWithin(name, min(len(name)/2, 3), slices.Values(names))
	if near == "" {
		return ""
	}
	return fmt.Sprintf("; did you mean %s?", near)
}
