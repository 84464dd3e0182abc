package operator

import (
	"reflect"
	"slices"
	"strings"
)

// Truthy reports whether a rendered condition holds. Empty values and zero do not, nor
// do the words false, no, off, 0, none and null in any case, because a template usually
// gives text.
func Truthy(value any) bool {
	switch v := value.(type) {
	case nil:
		return false
	case bool:
		return v
	case string:
		word := strings.ToLower(strings.TrimSpace(v))
		return !slices.Contains([]string{"", "false", "no", "off", "0", "none", "null"}, word)
	}
	switch v := reflect.ValueOf(value); v.Kind() {
	case reflect.Slice, reflect.Map:
		return v.Len() > 0
	default:
		return !v.IsZero()
	}
}

// Holds renders a condition that an operator kept until it knew the names that it is
// about, and reports whether it is [Truthy]. An empty condition holds.
func (tc *TaskContext) Holds(condition string, names map[string]any) (bool, error) {
	if condition == "" {
		return true, nil
	}
	text, err := tc.Render(condition, names)
	return Truthy(text), err
}
