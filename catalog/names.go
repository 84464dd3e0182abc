package catalog

import (
	"cmp"
	"fmt"
	"iter"
	"maps"
	"os"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/dingdag/dingdag/callbacks"
	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/dag/dagfile"
	"github.com/dingdag/dingdag/dag/templatefile"
	"github.com/dingdag/dingdag/params"
	"github.com/dingdag/dingdag/template"
	"github.com/dingdag/dingdag/yamlvalue"
)

// nameChecker finds names in the templates of a DAG that nothing gives.
type nameChecker struct {
	templates *template.Env
	d         *dag.DAG
	names     template.Names // those that all templates of the DAG may use
	files     templatefile.Folders
	lines     map[string][]string // of a file, as far as it was read
	taken     map[[2]int]bool     // places in the DAG file that have a finding
	out       dag.Diagnostics
}

// templated is what operators and notifiers have in common for templates.
type templated interface {
	Fields() []params.Field
	Templates(args *yaml.Node, visit func(field string, text *yaml.Node))
	NamesFile(field, text string) bool
}

// checkNames reports names in templates that Airflow 3 removed, that are misspelt or that
// nothing gives, at their place inside of the template. What an error of the file has hidden
// is not missed.
func (c Catalog) checkNames(d *dag.DAG, unsure dagfile.Unsure) dag.Diagnostics {
	n := &nameChecker{
		templates: c.Templates, d: d, lines: map[string][]string{}, taken: map[[2]int]bool{},
		files: templatefile.Of(d),
		names: template.Names{
			More: slices.Collect(maps.Keys(maps.Collect(d.UserDefinedMacros.All()))), Open: unsure.Macros,
			Params: d.ParamNames, AnyParam: unsure.Params,
		},
	}
	if !unsure.Tasks {
		n.names.Tasks = []string{}
		for _, t := range d.Tasks {
			n.names.Tasks = append(n.names.Tasks, t.ID)
		}
	}
	for _, t := range d.Tasks {
		names := n.names
		names.Params = slices.Concat(d.ParamNames, t.ParamNames)
		if spec, ok := c.Operators.Lookup(t.Operator); ok {
			n.task(t, spec, names)
		}
		n.text(t.Pos, t.ID, "map_index_template", &yaml.Node{Kind: yaml.ScalarNode, Value: t.MapIndexTemplate}, withOpen(names))
		for _, cbs := range [][]dag.Callback{t.OnExecute, t.OnSuccess, t.OnRetry, t.OnSkipped} {
			n.callbacks(c, t.ID, cbs, names)
		}
		n.callbacks(c, t.ID, t.OnFailure, withNamesOf(callbacks.Failure, names))
		n.callbacks(c, t.ID, t.OnAsk, withNamesOf(callbacks.Asked, names))
		n.callbacks(c, t.ID, t.OnRecovery, withNamesOf(callbacks.Recovery, names))
	}
	for _, cbs := range [][]dag.Callback{d.OnSuccess, d.OnMissed} {
		n.callbacks(c, "", cbs, n.names)
	}
	n.callbacks(c, "", d.OnFailure, withNamesOf(callbacks.Failure, n.names))
	n.callbacks(c, "", d.OnRecovery, withNamesOf(callbacks.Recovery, n.names))
	for i := range d.Deadlines {
		n.callbacks(c, "", d.Deadlines[i].Callbacks, n.names)
	}
	return n.out
}

// withNamesOf adds what templates see of events of a kind.
func withNamesOf(k callbacks.Kind, n template.Names) template.Names {
	n.More = slices.AppendSeq(slices.Clone(n.More), maps.Keys((&callbacks.Event{Kind: k}).Names()))
	return n
}

func withOpen(n template.Names) template.Names {
	n.Open = true
	return n
}

func (n *nameChecker) task(t *dag.Task, spec templated, names template.Names) {
	n.args(t.Pos, t.ID, spec, t.Args.Node(), names)
	if t.Mapping == nil {
		return
	}
	if t.Mapping.Kwargs != nil {
		for _, v := range t.Mapping.Kwargs.Values {
			n.args(t.Pos, t.ID, spec, v, names)
		}
	}
	for _, arg := range t.Mapping.Args {
		for _, v := range arg.Values {
			one := &yaml.Node{Kind: yaml.MappingNode, Content: []*yaml.Node{{Kind: yaml.ScalarNode, Value: arg.Name}, v}}
			n.args(t.Pos, t.ID, spec, one, names)
		}
	}
}

func (n *nameChecker) callbacks(c Catalog, task string, cbs []dag.Callback, names template.Names) {
	names.Callback = true
	for _, cb := range cbs {
		spec, ok := c.Callbacks.Lookup(cb.Name)
		if !ok {
			continue
		}
		more := slices.Clone(names.More)
		for _, f := range spec.Fields() {
			if f.Template { // a notifier's own fields are names, too
				more = append(more, f.Name)
			}
		}
		own := names
		own.More = more
		n.args(cb.Pos, task, spec, cb.Args, own)
	}
}

// args looks at every template of a mapping of parameters.
func (n *nameChecker) args(pos dag.Position, task string, spec templated, args *yaml.Node, names template.Names) {
	late := map[string]bool{}
	for _, f := range spec.Fields() {
		late[f.Name] = f.Late
	}
	spec.Templates(args, func(field string, text *yaml.Node) {
		root, _, _ := strings.Cut(field, ".")
		root, _, _ = strings.Cut(root, "[")
		own := names
		own.Open = own.Open || late[root] // the operator adds names that it alone knows
		if !spec.NamesFile(field, text.Value) {
			n.text(pos, task, field, text, own)
			return
		}
		if yamlvalue.HoldsTemplate(text.Value) {
			return
		}
		if path, src, err := n.files.Find(text.Value); err == nil {
			n.file(task, path, src, own)
		}
	})
}

// file looks at a template file, whose findings are at their place in that file.
func (n *nameChecker) file(task, path, src string, names template.Names) {
	for _, f := range n.templates.CheckNames(src, n.files.Read, names) {
		if f.File == "" {
			n.add(dag.Position{File: path, Line: f.Line, Column: f.Column}, task, &f, f.Message)
		} else if included, _, err := n.files.Find(f.File); err == nil {
			n.add(dag.Position{File: included, Line: f.Line, Column: f.Column}, task, &f, f.Message)
		}
	}
}

// text looks at a template of the DAG file.
func (n *nameChecker) text(pos dag.Position, task, field string, text *yaml.Node, names template.Names) {
	for _, f := range n.templates.CheckNames(text.Value, n.files.Read, names) {
		if f.File != "" {
			if included, _, err := n.files.Find(f.File); err == nil {
				n.add(dag.Position{File: included, Line: f.Line, Column: f.Column}, task, &f, f.Message)
			}
			continue
		}
		if line, column, ok := n.locate(pos, text, &f); ok {
			n.add(dag.Position{File: pos.File, Line: line, Column: column}, task, &f, fmt.Sprintf("template in %q: %s", field, f.Message))
			continue
		}
		at := dag.Position{File: pos.File, Line: cmp.Or(text.Line, pos.Line), Column: cmp.Or(text.Column, pos.Column)}
		n.add(at, task, &f, fmt.Sprintf("template in %q, line %d, column %d: %s", field, f.Line, f.Column, f.Message))
	}
}

func (n *nameChecker) add(at dag.Position, task string, f *template.NameFinding, said string) {
	severity := dag.Error
	if f.Warning {
		severity = dag.Warning
	}
	found := dag.Diagnostic{File: at.File, Line: at.Line, Column: at.Column, Severity: severity, DAGID: n.d.ID, TaskID: task, Text: said}
	again := func(d dag.Diagnostic) bool { // a text of default_args stands for many tasks
		d.TaskID = task
		return found.Equal(d)
	}
	if !slices.ContainsFunc(n.out, again) {
		n.out = append(n.out, found)
	}
}

// locate finds the name of a finding in the DAG file. The loader keeps no places inside of
// parameters, so it looks for the line of the template, else for the expression with the
// name, from the task on and then in the whole file: YAML may fold and escape the text.
func (n *nameChecker) locate(pos dag.Position, text *yaml.Node, f *template.NameFinding) (line, column int, ok bool) {
	lines := n.read(pos.File)
	begin := max(text.Line, pos.Line) - 1
	if begin < 0 || begin > len(lines) {
		return 0, 0, false
	}
	var first [2]int // the same text for another task
	for _, piece := range pieces(text.Value, f.Line, f.Column) {
		for _, part := range [][2]int{{begin, n.nextTask(pos)}, {0, len(lines)}} {
			for place := range places(lines, part[0], part[1], piece) {
				if first[0] == 0 {
					first = place
				}
				if !n.taken[place] {
					n.taken[place] = true
					return place[0], place[1], true
				}
			}
		}
	}
	return first[0], first[1], first[0] > 0
}

// places are the line and the column of a piece of text wherever it stands in the lines from
// one, counted from 0, to another.
func places(lines []string, from, to int, piece dagfile.Near) iter.Seq[[2]int] {
	return func(yield func([2]int) bool) {
		for i := from; i < min(to, len(lines)); i++ {
			for at := 0; ; {
				hit := strings.Index(lines[i][at:], piece.Text)
				if hit < 0 {
					break
				}
				if !yield([2]int{i + 1, len([]rune(lines[i][:at+hit+piece.At])) + 1}) {
					return
				}
				at += hit + 1
			}
		}
	}
}

// pieces are what stands around a place of a template: its line, and the expression.
func pieces(text string, number, column int) []dagfile.Near {
	all := strings.Split(strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(text), "\n")
	if number > len(all) {
		return nil
	}
	line := all[number-1]
	at := byteOffset(line, column)
	trimmed := strings.TrimLeft(line, " \t")
	blanks := len(line) - len(trimmed)
	from := max(strings.LastIndex(line[:at], "{{"), strings.LastIndex(line[:at], "{%"), 0)
	to := len(line)
	for _, end := range []string{"}}", "%}"} {
		if i := strings.Index(line[at:], end); i >= 0 {
			to = min(to, at+i+len(end))
		}
	}
	out := []dagfile.Near{{Text: line[from:to], At: at - from}}
	if at >= blanks {
		out = append([]dagfile.Near{{Text: strings.TrimRight(trimmed, " \t"), At: min(at-blanks, len(strings.TrimRight(trimmed, " \t")))}}, out...)
	}
	return out
}

// nextTask is the line, from 0, of the task after the one at pos.
func (n *nameChecker) nextTask(pos dag.Position) int {
	next := len(n.read(pos.File))
	for _, t := range n.d.Tasks {
		if t.Pos.File == pos.File && t.Pos.Line > pos.Line {
			next = min(next, t.Pos.Line-1)
		}
	}
	return next
}

// byteOffset is where a column, which counts characters from 1, begins in a line.
func byteOffset(line string, column int) int {
	for i := range line {
		if column--; column == 0 {
			return i
		}
	}
	return len(line)
}

func (n *nameChecker) read(file string) []string {
	lines, ok := n.lines[file]
	if !ok {
		data, err := os.ReadFile(file) //nolint:gosec // the DAG file itself
		if err == nil {
			lines = strings.Split(string(data), "\n")
		}
		n.lines[file] = lines
	}
	return lines
}
