// Package lang is the language of templates, Jinja2's: a parser that makes a tree of nodes
// with their places, and what can be told of a tree before it is rendered. Package eval
// renders it.
//
// The language knows no names: a [Language] brings filters, tests and functions. Files that a
// template includes, imports or extends are read and checked when it is parsed, so that all
// names and files are known before anything is rendered.
package lang

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/dingdag/dingdag/template/internal/pyval"
)

// Filter is a filter: v is what is filtered.
type Filter func(b *pyval.Budget, v any, a *pyval.Args) (any, error)

// Test is a test, the word after "is".
type Test func(b *pyval.Budget, v any, a *pyval.Args) (bool, error)

// Language is what templates can call.
type Language struct {
	Filters map[string]Filter
	Tests   map[string]Test
	// Function tells whether there is a function of that name everywhere.
	Function func(name string) bool
	// Modules are names whose attributes are all known, such as macros.
	Modules map[string]*pyval.Module
}

// Loader returns the source of a file; nil where templates have no folder.
type Loader func(name string) (src string, err error)

// ErrUnread is what a [Loader] returns where files are not looked at.
var ErrUnread = errors.New("not looked at")

// Limits of a template's source.
const (
	maxSource = 1 << 20
	maxNested = 40
	// maxPostfix bounds the attributes, subscripts and calls that follow each other.
	maxPostfix = 80
	// maxArguments bounds the arguments of a call, maxElements those of a list.
	maxArguments = 1_800
	maxElements  = 100_000
	// maxFiles is how deep files may include each other.
	maxFiles = 10
)

// Source is the text of a template. Its name is empty for the template itself, else that
// of the file.
type Source struct{ Name, Text string }

// Error is a mistake in a template, or what went wrong while it was rendered.
type Error struct {
	// Line and Column count from 1; columns count characters.
	Line, Column int
	// File is the file it is in, empty for the template itself.
	File    string
	Message string
	// Kind and Name are set for an unknown filter, test or function.
	Kind, Name string
	// Err is the cause, or nil.
	Err error
}

// Error implements error.
func (e *Error) Error() string { return fmt.Sprintf("%d:%d: %s", e.Line, e.Column, e.Message) }

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// Normalize ends lines with one newline each, and drops the newline at the end of the
// text: what Jinja does to every template.
func Normalize(src string) string {
	if strings.IndexByte(src, '\r') >= 0 {
		src = newlines.Replace(src)
	}
	return strings.TrimSuffix(src, "\n")
}

var newlines = strings.NewReplacer("\r\n", "\n", "\r", "\n")

// Position returns the line and column of an offset. Both count from 1; columns
// count characters.
func Position(src string, at int) (line, column int) {
	before := src[:min(at, len(src))]
	start := strings.LastIndexByte(before, '\n') + 1
	return strings.Count(before, "\n") + 1, utf8.RuneCountInString(before[start:]) + 1
}

// ErrorAt makes an error at an offset of a source; cause may be nil.
func (s *Source) ErrorAt(at int, message string, cause error) *Error {
	line, column := Position(s.Text, at)
	return &Error{Line: line, Column: column, File: s.Name, Message: message, Err: cause}
}
