package standard

import (
	"reflect"
	"slices"
	"strings"
)

// truthy reports whether a rendered condition holds. Empty values and zero do not, nor
// do the words for no, because a template usually gives text.
func truthy(value any) bool {
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

// isTemplate reports whether the value of a text is known only when it is rendered.
func isTemplate(text string) bool {
	return strings.Contains(text, "{{") || strings.Contains(text, "{%")
}
