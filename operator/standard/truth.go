package standard

import "strings"

// isTemplate reports whether the value of a text is known only when it is rendered.
func isTemplate(text string) bool {
	return strings.Contains(text, "{{") || strings.Contains(text, "{%")
}
