// Package canonical builds the YAML of values in a form that has one spelling for each of
// them.
package canonical

import "slices"

// Fields is a mapping in order.
type Fields []field

type field struct {
	name  string
	value any
}

// Of is the mapping with one key.
func Of(name string, value any) Fields {
	const usual = 8 // keys, so that it seldom grows
	return append(make(Fields, 0, usual), field{name, value})
}

// With returns the mapping with one key more.
func (f Fields) With(name string, value any) Fields { return append(f, field{name, value}) }

// Except returns the mapping without the keys that are left out.
func (f Fields) Except(out func(name string) bool) Fields {
	return slices.DeleteFunc(slices.Clone(f), func(one field) bool { return out(one.name) })
}
