// Package params turns an annotated struct into everything that a set of YAML
// parameters needs: a strict decoder whose messages name line and column, defaults,
// checks, the list of templated and secret fields, a JSON Schema and documentation.
//
// A field takes part when it is exported and has a yaml tag. Facts that a machine
// checks stand in the param tag, separated by commas:
//
//	type Bash struct {
//		// BashCommand is the command that bash runs.
//		BashCommand string `yaml:"bash_command" param:"required,template"`
//		// SkipOnExitCode lists the exit codes that skip the task.
//		SkipOnExitCode []int `yaml:"skip_on_exit_code" param:"single,default=99,min=0,max=255"`
//	}
//
//	required      the parameter must be given and must not be null
//	default=X     the value of a parameter that is not given; lists separate elements by |
//	needs=x       the parameter says nothing unless x is given, too
//	enum=a|b      the values a text may have
//	min=N, max=N  the range of numbers, and of durations ("min=1s")
//	template      text in it, at any depth, is a template
//	late          a template that is checked like others but left to the operator to render
//	files=.a|.b   a template that ends so and has one line is the name of a template file
//	secret        the value is not shown
//	single        a list may be given as its only element
//	listed=Field  a bool of the struct that tells that a list with single was given as a list
//	commas        a list may be given as text, separated by commas; implies single
//	off           false gives an empty list
//	digits        whole numbers are taken as text
//	minutes       a bare number is minutes, with a warning, where durations take seconds
//
// Fields may be text, booleans, whole numbers, floats, [time.Duration], lists, string
// maps, any, [connections.Secret], structs of the same kind, and pointers to those,
// which are nil for null. An embedded struct lends its fields. A null stands for "not
// given", except that it also empties lists, maps, pointers and any that have a default.
//
// Rules that tags cannot say go into a method Validate() error of the struct; see
// [Validator].
package params

import (
	"errors"
	"fmt"
)

// Problem is one finding about parameters.
type Problem struct {
	// Line and Column count from 1; 0 means the parameters as a whole.
	Line, Column int
	// Field is the parameter, with dots for nested ones. Empty means none in particular.
	Field string
	// Warning tells a finding that does not keep the parameters from being used.
	Warning bool
	Text    string
}

// Failed reports whether any problem is an error.
func Failed(problems []Problem) bool {
	for _, p := range problems {
		if !p.Warning {
			return true
		}
	}
	return false
}

// FirstError is the text of the first problem that is an error, nil for none.
func FirstError(problems []Problem) error {
	for _, p := range problems {
		if !p.Warning {
			return errors.New(p.Text)
		}
	}
	return nil
}

// Validator is implemented by parameter structs with rules that tags cannot say.
//
// Validate runs after decoding, on values whose templates are not rendered yet. It
// joins several findings with [errors.Join], names the parameter with [At] and makes
// a finding a warning with [Warn].
type Validator interface {
	Validate() error
}

type fieldError struct {
	field string
	err   error
}

func (e *fieldError) Error() string { return fmt.Sprintf("parameter %q: %v", e.field, e.err) }
func (e *fieldError) Unwrap() error { return e.err }

// At says which parameter an error of [Validator] is about, so that the message
// points at its value. A nil err gives nil.
func At(field string, err error) error {
	if err == nil {
		return nil
	}
	return &fieldError{field: field, err: err}
}

type warning string

func (w warning) Error() string { return string(w) }

// Warn returns an error that [Type.Decode] reports as a warning.
func Warn(text string) error { return warning(text) }

// Failure returns what is no warning in an error of a [Validator], or nil.
func Failure(err error) error {
	switch e := err.(type) { //nolint:errorlint // each layer is taken apart here, one after the other
	case nil:
		return nil
	case interface{ Unwrap() []error }:
		var left []error
		for _, part := range e.Unwrap() {
			left = append(left, Failure(part))
		}
		return errors.Join(left...)
	case *fieldError:
		return At(e.field, Failure(e.err))
	}
	if _, ok := errors.AsType[warning](err); ok {
		return nil
	}
	return err
}

// Findings are the problems in an error like that of [Validator], without positions.
func Findings(err error) []Problem { return findings(err) }

// findings splits what Validate returned into problems without positions.
func findings(err error) []Problem {
	var problems []Problem
	switch e := err.(type) { //nolint:errorlint // each layer is taken apart here, one after the other
	case nil:
	case interface{ Unwrap() []error }:
		for _, part := range e.Unwrap() {
			problems = append(problems, findings(part)...)
		}
	case *fieldError:
		for _, p := range findings(e.err) {
			if p.Field == "" {
				p.Field = e.field
			}
			problems = append(problems, p)
		}
	default:
		var w warning
		problems = append(problems, Problem{Text: err.Error(), Warning: errors.As(err, &w)})
	}
	return problems
}
