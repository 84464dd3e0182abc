package dagfile

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

// reporter collects the findings of one file. A finding at a place that several DAGs
// share, such as the default block, is kept once, with the names of all of them.
type reporter struct {
	file string
	// root is the folder in which the files lie that a DAG names.
	root  string
	found dag.Diagnostics
	// seen has the index in found by what a finding says.
	seen map[finding]int
	// origin names the file of the nodes that another file supplied.
	origin map[*yaml.Node]string
	// filled are the scalars that took the value of an environment variable or variable.
	filled map[*yaml.Node]bool
	// secrets are values that no message may show.
	secrets map[string]bool
	// lookedUp are the variables that the file asked for.
	lookedUp map[string]variableValue
	// volatile says that the outcome rests on more than the files: the moment of
	// loading, or another file.
	volatile bool
	// environment are the names of environment variables that the file and its defaults have.
	environment map[string]bool
	// restsOnDisk says that it was looked at what else is on the disk.
	restsOnDisk bool
}

type finding struct {
	file         string
	line, column int
	text         string
}

func newReporter(file string) *reporter {
	return &reporter{
		file: file, seen: map[finding]int{}, origin: map[*yaml.Node]string{},
		filled: map[*yaml.Node]bool{}, secrets: map[string]bool{}, lookedUp: map[string]variableValue{},
		environment: map[string]bool{},
	}
}

// outcome is what was found, without DAGs.
func (r *reporter) outcome() *loadedFile {
	return &loadedFile{
		found: limited(r.found), variables: r.lookedUp, volatile: r.volatile, environment: r.environment, restsOnDisk: r.restsOnDisk,
	}
}

func (r *reporter) add(d dag.Diagnostic) {
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

// minSecret is the length in characters from which a value is hidden: shorter ones would
// garble messages and protect nothing.
const minSecret = 5

// withoutSecrets hides the secrets in a message, those cut short in it too.
func (r *reporter) withoutSecrets(text string) string {
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

// secret keeps a value out of the messages and tells it to the caller of the loader.
func (r *reporter) secret(value string, opts Options) {
	if utf8.RuneCountInString(value) >= minSecret {
		r.secrets[value] = true
	}
	if opts.Secret != nil {
		opts.Secret(value)
	}
}

func (r *reporter) position(n *yaml.Node) dag.Position {
	p := dag.Position{File: r.file}
	if n != nil {
		p.Line, p.Column = n.Line, n.Column
		if file, foreign := r.origin[n]; foreign {
			p.File = file
		}
	}
	return p
}

// scope is the reporter together with the DAG and task that are being read.
type scope struct {
	*reporter
	dagID, taskID string
	// failed counts the errors of the DAG, those found before included.
	failed *int
}

// task returns the scope of one task of the DAG.
func (s scope) task(id string) scope {
	s.taskID = id
	return s
}

// suggest is didYouMean as long as the file has few findings: a search costs time, and
// most of a long list is never shown.
func (s scope) suggest(name string, known iter.Seq[string]) string {
	if len(s.found) >= maxDiagnostics {
		return ""
	}
	return yamlvalue.DidYouMean(name, known)
}

// errorf reports an error at a node.
func (s scope) errorf(at *yaml.Node, format string, args ...any) {
	s.report(dag.Error, s.position(at), fmt.Sprintf(format, args...))
}

// warnf reports a warning at a node.
func (s scope) warnf(at *yaml.Node, format string, args ...any) {
	s.report(dag.Warning, s.position(at), fmt.Sprintf(format, args...))
}

func (s scope) report(severity dag.Severity, at dag.Position, text string) {
	if severity == dag.Error {
		*s.failed++
	}
	s.add(dag.Diagnostic{
		File: at.File, Line: at.Line, Column: at.Column, Severity: severity,
		DAGID: s.dagID, TaskID: s.taskID, Text: text,
	})
}
