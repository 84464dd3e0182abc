package params

import "strings"

// NamesFile reports whether the text of a parameter is the name of a template file
// (Airflow, template_ext): the parameter takes them, and the text is one line that ends
// like one. The field is the path of the text, as [Type.Render] gives it.
func (t *Type) NamesFile(field, text string) bool {
	name, rest := field, ""
	if i := strings.IndexAny(field, ".["); i >= 0 {
		name, rest = field[:i], field[i:]
	}
	f := t.byName[name]
	switch {
	case f == nil:
		return false
	case f.nested == nil:
		return f.namesFile(text)
	}
	if strings.HasPrefix(rest, "[") { // an element of a list of structs
		_, rest, _ = strings.Cut(rest, "]")
	}
	return f.nested.NamesFile(strings.TrimPrefix(rest, "."), text)
}

func (f *field) namesFile(text string) bool {
	if strings.ContainsAny(text, "\n\r") {
		return false
	}
	for _, ending := range f.files {
		if strings.HasSuffix(text, ending) {
			return true
		}
	}
	return false
}
