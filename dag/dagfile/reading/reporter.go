package reading

import (
	"fmt"
	"iter"
	"strconv"
	"strings"
	"unicode/utf8"

	"gopkg.in/yaml.v3"

	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/yamlvalue"
)

// maxCollected bounds the findings kept while one file is read.
const maxCollected = 10_000

// Reporter collects the findings of one file. A finding at a place that several DAGs
// share, such as the default block, is kept once, with the names of all of them.
type Reporter struct {
	// Rests is what the outcome of the file rests on.
	Rests Rests

	found dag.Diagnostics
	// seen has the index in found by what a finding says.
	seen map[finding]int
	// origin names the file of the nodes that another file supplied.
	origin map[*yaml.Node]string
	// filled are the scalars that took the value of an environment variable or variable.
	filled map[*yaml.Node]bool
	// older has what is said of the keys whose former names stand in the file.
	older map[*yaml.Node]string
	// secrets are values that no message may show.
	secrets map[string]bool
}

type finding struct {
	file         string
	line, column int
	text         string
}

func (r *Reporter) add(d dag.Diagnostic) {
	key := finding{d.File, d.Line, d.Column, d.Text}
	if i, twice := r.seen[key]; twice {
		r.found[i] = concerning(r.found[i], d.DAGID)
		return
	}
	if len(r.found) >= maxCollected {
		return
	}
	r.seen[key] = len(r.found)
	d.Text = r.withoutSecrets(d.Text)
	r.found = append(r.found, d)
}

// Diagnostics are the findings so far, sorted, and at most 100: errors before warnings.
func (r *Reporter) Diagnostics() dag.Diagnostics { return limited(r.found) }

// minSecret is the length in characters from which a value is hidden: shorter ones would
// garble messages and protect nothing.
const minSecret = 5

// withoutSecrets hides the secrets in a message, those cut short in it too.
func (r *Reporter) withoutSecrets(text string) string {
	for secret := range r.secrets {
		quoted := strconv.Quote(secret)
		for _, form := range []string{secret, quoted[1 : len(quoted)-1]} {
			text = strings.ReplaceAll(text, form, "***")
			runes := []rune(form)
			for n := len(runes); n >= minSecret && strings.Contains(text, "…"); n-- {
				text = strings.ReplaceAll(text, string(runes[:n])+"…", "***…")
			}
		}
	}
	return text
}

// Secret keeps a value out of the messages, and tells it to masker unless that is nil.
func (r *Reporter) Secret(value string, masker func(string)) {
	if utf8.RuneCountInString(value) >= minSecret {
		r.secrets[value] = true
	}
	if masker != nil {
		masker(value)
	}
}

// Filled notes that a scalar took the value of an environment variable or variable: it is no
// literal of the file.
func (r *Reporter) Filled(n *yaml.Node) { r.filled[n] = true }

// Older notes what is to be said of a key where it is read, because it stands in the file by a
// name of former versions.
func (r *Reporter) Older(key *yaml.Node, warning string) { r.older[key] = warning }

// Supplied notes that another file supplied a node and all below it, nil for none.
func (r *Reporter) Supplied(n *yaml.Node, file string) {
	if n == nil {
		return
	}
	if _, marked := r.origin[n]; marked {
		return
	}
	r.origin[n] = file
	for _, child := range n.Content {
		r.Supplied(child, file)
	}
}

// SuppliedLike notes that a node comes from where another one does.
func (r *Reporter) SuppliedLike(n, other *yaml.Node) {
	if file, foreign := r.origin[other]; foreign {
		r.Supplied(n, file)
	}
}

// Scope is a Reporter together with the file, the DAG and the task that are being read.
type Scope struct {
	*Reporter
	// File is the path of the file that nodes are of, unless another one supplied them.
	File          string
	dagID, taskID string
	// failed counts the errors of the DAG, those found before included.
	failed *int
}

// NewScope returns the scope of a whole file, in which nothing was found yet.
func NewScope(file string) Scope {
	return Scope{
		Reporter: &Reporter{
			Rests: Rests{Variables: map[string]Variable{}, Environment: map[string]bool{}},
			seen:  map[finding]int{}, origin: map[*yaml.Node]string{}, filled: map[*yaml.Node]bool{}, secrets: map[string]bool{},
			older: map[*yaml.Node]string{},
		},
		File: file, failed: new(int),
	}
}

// In returns the scope of a further file whose findings are those of this one, too.
func (s Scope) In(file string) Scope {
	s.File = file
	return s
}

// DAG returns the scope of one DAG of the file. Its errors are counted apart, on top of those
// found before: without its defaults a DAG would mean something else.
func (s Scope) DAG(id string) Scope {
	s.dagID, s.failed = id, new(*s.failed)
	return s
}

// Task returns the scope of one task of the DAG.
func (s Scope) Task(id string) Scope {
	s.taskID = id
	return s
}

// Adopt takes over what was found in a file that applies to this one.
func (s Scope) Adopt(found dag.Diagnostics) {
	for _, d := range found {
		s.add(d)
		if d.Severity == dag.Error {
			*s.failed++
		}
	}
}

// Failed is how many errors there are.
func (s Scope) Failed() int { return *s.failed }

// Suggest is [yamlvalue.DidYouMean] as long as the file has few findings: a search costs
// time, and most of a long list is never shown.
func (s Scope) Suggest(name string, known iter.Seq[string]) string {
	if len(s.found) >= MaxDiagnostics {
		return ""
	}
	return yamlvalue.DidYouMean(name, known)
}

// Near is [Scope.Suggest] that says, too, whether it searched.
func (s Scope) Near(name string, known iter.Seq[string]) (suggestion string, searched bool) {
	return s.Suggest(name, known), len(s.found) < MaxDiagnostics
}

// Position is where a node stands; the file alone for nil.
func (s Scope) Position(n *yaml.Node) dag.Position {
	p := dag.Position{File: s.File}
	if n != nil {
		p.Line, p.Column = n.Line, n.Column
		if file, foreign := s.origin[n]; foreign {
			p.File = file
		}
	}
	return p
}

// Errorf reports an error at a node.
func (s Scope) Errorf(at *yaml.Node, format string, args ...any) {
	s.Report(dag.Error, s.Position(at), fmt.Sprintf(format, args...))
}

// Warnf reports a warning at a node.
func (s Scope) Warnf(at *yaml.Node, format string, args ...any) {
	s.Report(dag.Warning, s.Position(at), fmt.Sprintf(format, args...))
}

// WarnOlder reports the former name of a key that is read.
func (s Scope) WarnOlder(key *yaml.Node) {
	if len(s.older) == 0 {
		return
	}
	if warning, ok := s.older[key]; ok {
		s.Warnf(key, "%s", warning)
	}
}

// Report adds a finding at a place.
func (s Scope) Report(severity dag.Severity, at dag.Position, text string) {
	if severity == dag.Error {
		*s.failed++
	}
	s.add(dag.Diagnostic{
		File: at.File, Line: at.Line, Column: at.Column, Severity: severity,
		DAGID: s.dagID, TaskID: s.taskID, Text: text,
	})
}
