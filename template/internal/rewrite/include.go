package rewrite

import (
	"maps"
	"slices"
	"strings"
)

// maxIncluded is how deep files may include each other.
const maxIncluded = 10

// File is a source that a template includes.
type File struct{ Name, Source string }

// include rewrites {% include "x" %}: what the file holds takes the place of the tag, in
// a scope of its own that sees all names around it. So names and files are known before
// anything is rendered.
func (w *writer) include(at int) {
	names := w.includeNames()
	optional := false
	if w.skipName("ignore") {
		if optional = w.skipName("missing"); !optional {
			w.fail(w.from, "unexpected %s, expected 'missing'", w.shown())
		}
	}
	if w.isName("without") {
		w.fail(w.from, "an included template always sees the names around it: remove 'without context'")
	}
	if w.skipName("with") && !w.skipName("context") {
		w.fail(w.from, "unexpected %s, expected 'context'", w.shown())
	}
	if w.known.Include == nil {
		w.fail(at, "{%% include %%} is not available here: this template has no folder")
	}
	w.shared.included = true
	var failed error
	for _, name := range names {
		src, err := w.known.Include(name)
		if err == nil {
			w.inline(at, name, src)
			return
		}
		if failed == nil {
			failed = err
		}
	}
	if !optional {
		w.fail(at, "include: %v", failed)
	}
}

// includeNames reads a name in quotes, or a list of them of which the first that is
// there counts.
func (w *writer) includeNames() (names []string) {
	one := func() {
		if w.kind != text {
			w.fail(w.from, "include takes the name of a file in quotes, not %s", w.shown())
		}
		names = append(names, w.value)
		w.next()
	}
	var closing string
	switch {
	case w.isSymbol("["):
		closing = "]"
	case w.isSymbol("("):
		closing = ")"
	default:
		one()
		return names
	}
	w.next()
	for !w.isSymbol(closing) {
		one()
		if !w.skipSymbol(",") {
			break
		}
	}
	w.expectSymbol(closing)
	if len(names) == 0 {
		w.fail(w.from, "include names no file")
	}
	return names
}

// inline rewrites an included file into the place of its tag.
func (w *writer) inline(at int, name, src string) {
	if slices.Contains(w.path, name) {
		w.fail(at, "the files include each other: %s", strings.Join(append(w.path, name), " -> "))
	}
	if len(w.path) >= maxIncluded {
		w.fail(at, "files include each other more than %d levels deep", maxIncluded)
	}
	if w.shared.size += len(src); w.shared.size > maxSource {
		w.fail(at, "the included files hold more than %d bytes", maxSource)
	}
	src = Normalize(src)
	w.shared.files = append(w.shared.files, File{name, src})
	sub := &writer{
		src: src, file: len(w.shared.files), path: append(slices.Clip(w.path), name), known: w.known, shared: w.shared,
		macros: maps.Clone(w.macros), bound: maps.Clone(w.bound), nested: w.nested, maybeFile: w.maybe + w.maybeFile, inBlock: w.inBlock || len(w.open) > 0,
		inBlockText: w.inBlockText || slices.ContainsFunc(w.open, captures),
	}
	sub.rewrite()
	w.emit("with")
	w.out.WriteString(sub.out.String())
	w.emit("endwith")
}

// shared is what a template and the files that it includes have in common.
type shared struct {
	sites []Site
	files []File
	size  int
	uses  uses
	// included says that there is an include, found or not.
	included bool
}
