package rewrite

import "slices"

// Constant is a kind of value that stands in a template itself.
type Constant int

// The kinds of constants that attributes are asked of.
const (
	NoConstant Constant = iota
	TextConstant
	NumberConstant
	ListConstant
)

// Ref is one use of a name that the template does not bind itself, or of a constant's attributes.
type Ref struct {
	Name string
	// Constant is what the attributes are asked of in place of a name.
	Constant Constant
	// At is the offset in the source; File is that of a [Site].
	At, File int
	// Path are the attributes that follow, or subscripts in quotes.
	Path []Step
	// Sure says that it is evaluated whenever the template is rendered.
	Sure bool
	// asked says that the template provides for the absence of a constant's attribute.
	asked bool
}

// Step is one attribute of a path.
type Step struct {
	Name string
	At   int
	// Called says that it is called; Args and Keywords are those of its arguments that
	// are texts or lists of texts, the others nil.
	Called   bool
	Args     [][]string
	Keywords map[string][]string
}

// uses is what a template and its files name.
type uses struct {
	list []Ref
	// asked are the names whose absence the template provides for, by a test or a default.
	asked map[string]bool
	// bound are the names that some part of the template binds.
	bound map[string]bool
}

// useName records the use of a name.
func (w *writer) useName(name string, at int) int {
	w.shared.uses.list = append(w.shared.uses.list, Ref{Name: name, At: at, File: w.file, Sure: w.maybe == 0 && w.maybeFile == 0})
	return len(w.shared.uses.list)
}

// follow adds a step to the path of a use.
func (w *writer) follow(x node, s Step) int {
	if x.constant != NoConstant {
		x.use = w.useName("", x.from)
		w.shared.uses.list[x.use-1].Constant = x.constant
	}
	if x.use == 0 {
		return 0
	}
	u := &w.shared.uses.list[x.use-1]
	u.Path = append(u.Path, s)
	if s.Called {
		return 0
	}
	return x.use
}

// calledStep describes the call of an attribute.
func calledStep(attr string, at int, args []node, keywords []string) Step {
	s := Step{Name: attr, At: at, Called: true, Keywords: map[string][]string{}}
	for i, a := range args {
		if k := i - (len(args) - len(keywords)); k >= 0 {
			s.Keywords[keywords[k]] = a.texts
		} else {
			s.Args = append(s.Args, a.texts)
		}
	}
	return s
}

// perhaps marks the uses since a number as such that may not come to pass.
func (w *writer) perhaps(since int) {
	for i := since; i < len(w.shared.uses.list); i++ {
		w.shared.uses.list[i].Sure = false
	}
}

func (w *writer) usesSoFar() int { return len(w.shared.uses.list) }

// ask records that the template provides for the absence of what x names.
func (w *writer) ask(x node) {
	if x.use == 0 {
		return
	}
	ref := &w.shared.uses.list[x.use-1]
	if ref.Constant != NoConstant {
		ref.asked = true
		return
	}
	if w.shared.uses.asked == nil {
		w.shared.uses.asked = map[string]bool{}
	}
	w.shared.uses.asked[ref.Name] = true
}

// keepBound remembers the names that this source binds.
func (w *writer) keepBound() {
	if w.shared.uses.bound == nil {
		w.shared.uses.bound = map[string]bool{}
	}
	for name := range w.bound {
		w.shared.uses.bound[name] = true
	}
	for name := range w.macros {
		w.shared.uses.bound[name] = true
	}
}

// free are the uses of names that the template neither binds nor provides for.
func (w *writer) free() []Ref {
	u := &w.shared.uses
	return slices.DeleteFunc(u.list, func(use Ref) bool {
		return use.asked || u.asked[use.Name] || u.bound[use.Name] || slices.Contains(own, use.Name)
	})
}

// own are the names that Jinja gives a meaning in some places.
var own = []string{"loop", "caller", "varargs", "kwargs", "self", "super", "true", "false", "none"}
