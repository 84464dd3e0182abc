package yamlvalue

import "strings"

// HoldsTemplate reports whether a text is still to be rendered, since it may hold a part of a
// Jinja template: {{, {% or {#.
func HoldsTemplate(text string) bool {
	for {
		i := strings.IndexByte(text, '{')
		if i < 0 || i+1 >= len(text) {
			return false
		}
		if strings.IndexByte("{%#", text[i+1]) >= 0 {
			return true
		}
		text = text[i+1:]
	}
}
