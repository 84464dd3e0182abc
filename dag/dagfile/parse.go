package dagfile

import (
	"maps"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/dag/dagfile/discover"
	"github.com/dingdag/dingdag/dag/dagfile/document"
	"github.com/dingdag/dingdag/dag/dagfile/reading"
	"github.com/dingdag/dingdag/yamlvalue"
)

// fileReader is what the DAGs of one file share.
type fileReader struct {
	*Loader
	src discover.File
	// custom are the files of operators of the folder that apply, nearest first.
	custom []*customFile
	// budget is how many nodes may still be given to checks; merging could otherwise
	// multiply a file without end.
	budget int
	// restored are the template files of the version that is made again from its source.
	restored *dag.TemplateFiles
}

// parse reads the DAGs of a file whose content is data.
func (l *Loader) parse(src discover.File, data []byte) *loadedFile {
	top := reading.NewScope(src.Path)
	root := document.Read(top, data, l.opts.document())
	if root == nil {
		return outcome(top)
	}
	f := &fileReader{Loader: l, src: src, budget: document.MaxNodes}
	f.custom = l.customFiles(src.Operators)
	for _, c := range f.custom {
		top.Adopt(c.found)
		maps.Copy(top.Rests.Environment, c.rests.Environment)
	}
	if l.opts.restoring {
		f.restored = readTemplateFiles(top, root)
	}
	shared := l.readDefaults(top, src.Defaults)
	_, block := yamlvalue.Lookup(root, "default")
	if block != nil && !reading.PlainMapping(block) && yamlvalue.KindOf(block) != yamlvalue.Null {
		top.Errorf(block, "default must be a mapping, not %s", reading.Show(block))
		block = nil
	}
	if block != nil && !l.opts.restoring {
		modernise(top, block)
	}
	if k := isOneDAG(root); k != nil {
		top.Errorf(k, "tasks at top level: the file maps DAG ids to DAGs; write the id of the DAG on a line of its own, and its keys below it, indented")
		return outcome(top)
	}
	var dags []*dag.DAG
	var broken []*BrokenDAG
	for k, v := range yamlvalue.Pairs(root) {
		switch d, b := f.readDAG(top, k, v, shared, block); {
		case d != nil:
			dags = append(dags, d)
		case b != nil:
			broken = append(broken, b)
		}
	}
	whole := outcome(top)
	whole.dags, whole.broken = dags, broken
	return whole
}

// isOneDAG finds the key tasks of a file whose top level has the keys of one DAG, as other
// programs have it, nil in any other file.
func isOneDAG(root *yaml.Node) *yaml.Node {
	k, tasks := yamlvalue.Lookup(root, "tasks")
	if k == nil || tasks.Kind == yaml.SequenceNode {
		return k
	}
	for _, task := range yamlvalue.Pairs(tasks) {
		if operator, _ := yamlvalue.Lookup(task, "operator"); operator != nil {
			return k
		}
	}
	return nil // a DAG of that name
}

// outcome is what was found, without DAGs.
func outcome(top reading.Scope) *loadedFile {
	return &loadedFile{found: top.Diagnostics(), rests: top.Rests}
}

// readDAG reads one top-level key: a DAG, one in error as far as it can be read, or neither.
func (f *fileReader) readDAG(top reading.Scope, name, body *yaml.Node, shared defaults, block *yaml.Node) (*dag.DAG, *BrokenDAG) {
	switch name.Value {
	case "default":
		return nil, nil
	case "task_groups":
		top.Warnf(name, "task_groups at top level has no effect: write it inside a DAG")
		return nil, nil
	case "datasets":
		if body.Kind == yaml.SequenceNode { // the file is a catalogue of assets, which schedules name
			return nil, nil
		}
	case "__extends__":
		top.Errorf(name, "__extends__ is not supported: write what the files share into a file defaults.yml beside them")
		return nil, nil
	}
	own, _ := yamlvalue.Lookup(body, "tasks")
	if strings.HasPrefix(name.Value, "x-") && own == nil {
		return nil, nil
	}
	s := top.DAG(yamlvalue.Excerpt(name.Value))
	if yamlvalue.KindOf(body) == yamlvalue.Null {
		body = &yaml.Node{Kind: yaml.MappingNode, Tag: "!!map", Line: body.Line, Column: body.Column}
	}
	if !reading.PlainMapping(body) {
		what := reading.Show(body)
		if body.Kind == yaml.MappingNode {
			what = "a typed value"
		}
		s.Errorf(body, "a DAG is a mapping of its keys, such as tasks, not %s", what)
		return nil, nil
	}
	r := f.newReader(s, &dag.DAG{ID: name.Value, Pos: s.Position(name)})
	if !r.Restoring {
		modernise(s, body)
	}
	body = r.applyShared(body, shared, block)
	if !r.spend(body) {
		return nil, nil
	}
	return r.read(name, body)
}

// applyShared merges the defaults files and the default block into a DAG. For keys of
// the DAG the files win over the block and drop out as a whole where the DAG has the
// key; default_args go key by key, where the block wins over the files.
func (r *dagReader) applyShared(body *yaml.Node, shared defaults, block *yaml.Node) *yaml.Node {
	merged := *body
	merged.Content = append([]*yaml.Node(nil), body.Content...)
	for k, v := range yamlvalue.Pairs(shared.keys) {
		if own, _ := yamlvalue.Lookup(body, k.Value); own != nil {
			continue
		}
		if _, other := yamlvalue.Lookup(block, k.Value); other != nil && !sameNode(other, v) {
			at := r.Position(k)
			r.Warnf(other, "%s is also in %s:%d:%d, which overrides the default block", k.Value, at.File, at.Line, at.Column)
		}
		merged.Content = append(merged.Content, k, v)
	}
	result := &merged
	if block != nil {
		r.noteReplacedTasks(body, block)
		result = reading.Merge(result, block)
	}
	return withDefaultArgs(result, shared.args)
}

// noteReplacedTasks warns when the DAG's list of tasks drops the list of the block.
func (r *dagReader) noteReplacedTasks(body, block *yaml.Node) {
	own, mine := yamlvalue.Lookup(body, "tasks")
	_, theirs := yamlvalue.Lookup(block, "tasks")
	if mine == nil || theirs == nil || mine.Kind != yaml.SequenceNode || theirs.Kind != yaml.SequenceNode {
		return
	}
	r.listReplaced = true
	r.Warnf(own, "this list of tasks replaces the list of the default block (line %d): lists are not merged", theirs.Line)
}

// withDefaultArgs fills the gaps of default_args key by key, without merging values.
func withDefaultArgs(body, args *yaml.Node) *yaml.Node {
	if args == nil || len(args.Content) == 0 {
		return body
	}
	key, own := yamlvalue.Lookup(body, "default_args")
	filled := args
	switch {
	case own == nil:
		key = yamlvalue.NewScalar(yamlvalue.Text, "default_args", args)
	case yamlvalue.KindOf(own) == yamlvalue.Null:
	case reading.PlainMapping(own):
		filled = new(*own)
		filled.Content = slices.Clone(own.Content)
		addMissing(filled, args)
	default:
		return body
	}
	return yamlvalue.With(body, []*yaml.Node{key, filled})
}

// spend takes the nodes of n from the file's budget.
func (r *dagReader) spend(n *yaml.Node) bool {
	if r.Restoring {
		return true
	}
	if r.budget < 0 {
		return false
	}
	if r.budget -= countNodes(n, r.budget+1); r.budget < 0 {
		r.Errorf(n, "the file has more than %d nodes once its defaults are merged: split it", document.MaxNodes)
		return false
	}
	return true
}

// countNodes counts up to limit.
func countNodes(n *yaml.Node, limit int) int {
	count := 1
	for _, child := range n.Content {
		if count >= limit {
			break
		}
		count += countNodes(child, limit-count)
	}
	return count
}

// sameNode reports whether two nodes say the same.
func sameNode(a, b *yaml.Node) bool {
	if a == b {
		return true
	}
	if yamlvalue.KindOf(a) != yamlvalue.KindOf(b) || a.Value != b.Value || len(a.Content) != len(b.Content) {
		return false
	}
	for i := range a.Content {
		if !sameNode(a.Content[i], b.Content[i]) {
			return false
		}
	}
	return true
}
