// Package obstacles sums up what keeps DAG files from loading: the first thing to know for
// whoever moves here with many files.
package obstacles

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/dingdag/dingdag/cli/internal/show"
	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/dag/dagfile"
	"github.com/dingdag/dingdag/dag/dagfile/discover"
)

// Report is what has become of DAG files.
type Report struct {
	Files Count `json:"files"`
	DAGs  Count `json:"dags"`
	// Obstacles are the kinds of findings: errors before warnings, then what many files have.
	Obstacles []Obstacle `json:"obstacles"`
}

// Count is how many there are, and what has become of them.
type Count struct {
	All int `json:"all"`
	// Load is how many load, Warned how many of these with warnings.
	Load   int `json:"load"`
	Warned int `json:"with_warnings"`
	// Refused is how many do not load. Of a file that cannot be read at all nobody knows how
	// many DAGs are in it.
	Refused int `json:"refused"`
}

// Obstacle is a kind of finding.
type Obstacle struct {
	Severity dag.Severity `json:"severity"`
	// What stands in the way, and what to do about it.
	What string `json:"obstacle"`
	Do   string `json:"what_to_do"`
	// Files is how many files have it, Findings how often they do together.
	Files    int `json:"files"`
	Findings int `json:"findings"`
	// Example is one of the places.
	Example dag.Position `json:"example"`
}

// Of sums up what loading files gave.
func Of(files []discover.File, res dagfile.Result) Report {
	r := Report{Files: Count{All: len(files)}, Obstacles: []Obstacle{}}
	readers := readersOf(files)
	failed, warned := map[string]bool{}, map[string]bool{}
	refused, doubtful := map[dagIn]bool{}, map[string]bool{}
	kinds := map[kind]*group{}
	for _, d := range res.Diagnostics {
		concerned := readers[d.File]
		if concerned == nil { // a file that is no DAG file, such as one that is missing
			concerned = []string{d.File}
		}
		in := warned
		if d.Severity == dag.Error {
			in = failed
		}
		for _, file := range concerned {
			in[file] = true
		}
		for _, id := range append([]string{d.DAGID}, d.Also...) {
			switch {
			case id == "":
			case d.Severity == dag.Error:
				refused[dagIn{d.File, id}] = true
			default:
				doubtful[id] = true
			}
		}
		k := kindOf(d)
		if kinds[k] == nil {
			kinds[k] = &group{text: d.Text, example: dag.Position{File: d.File, Line: d.Line, Column: d.Column}, files: map[string]bool{}}
		}
		kinds[k].add(d.Text, concerned)
	}
	for _, f := range files {
		switch {
		case failed[f.Path]:
			r.Files.Refused++
		case warned[f.Path]:
			r.Files.Warned++
		}
	}
	r.Files.Load = r.Files.All - r.Files.Refused
	r.DAGs = Count{All: len(res.DAGs) + len(refused), Load: len(res.DAGs), Refused: len(refused)}
	for _, d := range res.DAGs {
		if doubtful[d.ID] {
			r.DAGs.Warned++
		}
	}
	for k, g := range kinds {
		r.Obstacles = append(r.Obstacles, g.obstacle(k))
	}
	slices.SortFunc(r.Obstacles, func(a, b Obstacle) int {
		return cmp.Or(cmp.Compare(a.Severity, b.Severity), cmp.Compare(b.Files, a.Files), cmp.Compare(b.Findings, a.Findings),
			cmp.Compare(a.What, b.What), cmp.Compare(a.Do, b.Do))
	})
	return r
}

// Print writes the report as lines of counts above a table, or the rows alone as plain lines.
func (r Report) Print(w io.Writer, form string) error {
	if form == "table" {
		if _, err := fmt.Fprintf(w, "%s\n%s\n", r.Files.text("file", "files"), r.DAGs.text("DAG", "DAGs")); err != nil {
			return err
		}
		if len(r.Obstacles) == 0 {
			return nil
		}
		fmt.Fprintln(w)
	}
	l := show.List{Columns: []string{"Files", "Severity", "Obstacle", "What to do", "Example"}, Wrap: []string{"Obstacle", "What to do"}}
	for _, o := range r.Obstacles {
		example := o.Example.File
		if o.Example.Line > 0 {
			example = fmt.Sprintf("%s:%d:%d", example, o.Example.Line, o.Example.Column)
		}
		l.Add(o, strconv.Itoa(o.Files), string(o.Severity), o.What, o.Do, example)
	}
	return l.Print(w, form)
}

// text says how many of a thing load.
func (c Count) text(one, many string) string {
	name := many
	if c.All == 1 {
		name = one
	}
	return fmt.Sprintf("%d %s: %d load, %d of them with warnings; %d do not load", c.All, name, c.Load, c.Warned, c.Refused)
}

// dagIn is a DAG in a file.
type dagIn struct{ file, id string }

// readersOf are the DAG files that rest on a file: those to which a defaults file applies, and
// each DAG file itself.
func readersOf(files []discover.File) map[string][]string {
	readers := map[string][]string{}
	for _, f := range files {
		for _, path := range append([]string{f.Path}, f.Defaults...) {
			readers[path] = append(readers[path], f.Path)
		}
	}
	return readers
}

// kind is what findings have in common.
type kind struct {
	severity dag.Severity
	text     string
}

// group are the findings of a kind.
type group struct {
	text     string // of all of them, empty where they differ
	example  dag.Position
	files    map[string]bool
	findings int
}

func (g *group) add(text string, files []string) {
	if g.text != text {
		g.text = ""
	}
	maps.Insert(g.files, maps.All(setOf(files)))
	g.findings++
}

func setOf(list []string) map[string]bool {
	set := make(map[string]bool, len(list))
	for _, v := range list {
		set[v] = true
	}
	return set
}

func (g *group) obstacle(k kind) Obstacle {
	what, do := split(cmp.Or(g.text, k.text))
	return Obstacle{Severity: k.severity, What: what, Do: do, Files: len(g.files), Findings: g.findings, Example: g.example}
}

var (
	quoted = regexp.MustCompile(`"(?:[^"\\]|\\.)*"`)
	number = regexp.MustCompile(`\d+`)
	place  = regexp.MustCompile(`\S+:\d+:\d+`)
	// named begin findings whose first quoted word says what kind they are.
	named = regexp.MustCompile(`^(?:unknown (?:operator|key|parameter)|parameter|template in) "(?:[^"\\]|\\.)*"`)
	// ofAirflow is a notifier that Airflow has; any other is somebody's own function.
	ofAirflow = regexp.MustCompile(`^\w+: unknown notifier "airflow\.(?:[^"\\]|\\.)*"`)
	operator  = regexp.MustCompile(`^unknown operator "((?:[^"\\]|\\.)*)"`)
	// notifier begins with the key that names it.
	notifier = regexp.MustCompile(`^\w+: unknown notifier `)
)

// kindOf finds out what a finding has in common with others: its text without the words and
// numbers of the file that it is in.
func kindOf(d dag.Diagnostic) kind {
	kept := cmp.Or(named.FindString(d.Text), ofAirflow.FindString(d.Text))
	rest := quoted.ReplaceAllLiteralString(d.Text[len(kept):], `"…"`)
	rest = place.ReplaceAllLiteralString(rest, "…")
	return kind{d.Severity, kept + number.ReplaceAllLiteralString(rest, "…")}
}

// split cuts the text of a finding into what is in the way and what to do.
func split(text string) (what, do string) {
	text = operator.ReplaceAllString(text, "operator $1")
	inQuotes := false
	for i := len(notifier.FindString(text)); i+1 < len(text); i++ {
		switch c := text[i]; {
		case c == '\\' && inQuotes:
			i++
		case c == '"':
			inQuotes = !inQuotes
		case (c == ':' || c == ';') && text[i+1] == ' ' && !inQuotes:
			return text[:i], strings.TrimSpace(text[i+1:])
		}
	}
	return text, ""
}
