package phrase

import "strings"

// Error is an error that a code tells, so that each reader has it in their language. Its own text is that in English.
type Error struct {
	said Text
	of   []error
}

// Err is the error that a code tells, see [Of]. Arguments that are errors are put in as [Said] has them, and wrapped.
func Err(c Code, args ...any) error {
	e := &Error{}
	for i, a := range args {
		if err, ok := a.(error); ok {
			e.of = append(e.of, err)
			args[i] = Said(err)
		}
	}
	e.said = Of(c, args...)
	return e
}

// AsError is an error that says a text.
func AsError(t Text) error { return &Error{said: t} }

// Error is the text in English.
func (e *Error) Error() string { return e.said.String() }

// Said is the text.
func (e *Error) Said() Text { return e.said }

// Unwrap are the errors that it tells of.
func (e *Error) Unwrap() []error { return e.of }

// Said is what an error says: in English, word for word, as its Error does. Where it, or an error that it wraps and whose words
// are in its own, has a method Said, that is the text; all other words are the same in every language.
func Said(err error) Text {
	var inner []error
	switch e := err.(type) { //nolint:errorlint // each error says what is around those that it wraps
	case nil:
		return Text{}
	case interface{ Said() Text }:
		return e.Said()
	case interface{ Unwrap() error }:
		inner = []error{e.Unwrap()}
	case interface{ Unwrap() []error }:
		inner = e.Unwrap()
	}
	rest := err.Error()
	var texts []Text
	for _, in := range inner {
		if in == nil || in.Error() == "" {
			continue
		}
		if before, after, found := strings.Cut(rest, in.Error()); found {
			texts = append(texts, Plain(before), Said(in))
			rest = after
		}
	}
	return All(append(texts, Plain(rest))...)
}

// Near ends a sentence about a name that nobody knows with one that may have been meant; with nothing where there is none.
func Near(name string) Text {
	if name == "" {
		return Text{}
	}
	return Of("near", name)
}
