package convert

import (
	"bytes"
	"fmt"
	"regexp"
	"strings"
	"time"

	"gopkg.in/yaml.v3"

	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/dag/dagfile/discover"
	"github.com/dingdag/dingdag/dag/dagfile/document"
	"github.com/dingdag/dingdag/dag/dagfile/former"
	"github.com/dingdag/dingdag/dag/dagfile/reading"
	"github.com/dingdag/dingdag/yamlvalue"
)

// OldOperator is what an operator path of older Airflow versions is called today.
type OldOperator struct {
	// Path is the path or short name to write.
	Path string
	// Renamed maps parameters of the old class to those of the new one.
	Renamed map[string]string
}

// Options is what [File] cannot know of the file itself.
type Options struct {
	// Modern knows the old operators; nil knows none.
	Modern func(operator string) (OldOperator, bool)
	// Shared says that defaults files apply to the file, which may declare groups.
	Shared bool
}

// Result is what [File] made of a file.
type Result struct {
	// Text is the whole file. It is the input itself when nothing changed.
	Text []byte
	// Changes is how many places changed.
	Changes int
	// Notes are what has to be done by hand, and what was taken out.
	Notes dag.Diagnostics
}

// File edits a DAG file of dag-factory before 1.0 in place: removed keys, tags and
// old operator paths get their present spelling, which dag-factory 1.1 reads too. All
// other bytes stay: comments, quotes, anchors, line ends. Converting the result again
// changes nothing. name is the file's path for messages.
func File(name string, data []byte, o Options) Result {
	s := reading.NewScope(name)
	text := bytes.TrimPrefix(data, []byte("\ufeff"))
	root, ok := document.Parse(s, data, false)
	if root == nil || root.Kind != yaml.MappingNode {
		if ok && root != nil {
			s.Errorf(root, "the file must be a mapping from DAG ids to DAGs, not %s", reading.Show(root))
		}
		return Result{Text: data, Notes: s.Diagnostics()}
	}
	c := &converter{
		Scope: s, sourceText: newSource(text), modern: o.Modern, seen: map[visit]bool{},
		groupless: !o.Shared && !discover.IsDefaults(name) && !bytes.Contains(text, []byte("task_groups")),
	}
	if discover.IsDefaults(name) {
		c.dag(root)
	}
	for k, v := range yamlvalue.Pairs(root) {
		if k.Value != "task_groups" {
			c.dag(v)
		}
	}
	c.tags(root, nil)
	if len(c.changes) == 0 {
		return Result{Text: data, Notes: s.Diagnostics()}
	}
	result, ok := c.apply(root)
	if !ok {
		for _, ch := range c.changes {
			s.Warnf(ch.at, "%s: by hand, as an edit would change more than that", ch.advice)
		}
		return Result{Text: data, Notes: s.Diagnostics()}
	}
	return Result{Text: append(data[:len(data)-len(text):len(data)-len(text)], result...), Changes: len(c.changes), Notes: s.Diagnostics()}
}

// change is one thing that is converted: edits of the text, and the same to the tree.
type change struct {
	at     *yaml.Node
	advice string
	edits  []edit
	tree   func()
}

type visit struct {
	node *yaml.Node
	role string
}

// converter collects the changes of one file.
type converter struct {
	reading.Scope
	sourceText
	modern  func(string) (OldOperator, bool)
	seen    map[visit]bool
	changes []change
	// groupless says that no DAG of the file has groups.
	groupless bool
	// cut is where the pair ends that was taken out last of a mapping in flow style.
	cut int
}

// enter follows an alias, and is false for what has been looked at in the same role.
func (c *converter) enter(n *yaml.Node, role string) (*yaml.Node, bool) {
	if n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	if c.seen[visit{n, role}] {
		return n, false
	}
	c.seen[visit{n, role}] = true
	return n, true
}

// each calls f for the pairs of a mapping in a role. What a merge key names has the role too.
func (c *converter) each(n *yaml.Node, role string, f func(n, k, v *yaml.Node)) {
	n, fresh := c.enter(n, role)
	if !fresh || n.Kind != yaml.MappingNode || reading.Special(n) {
		return
	}
	for k, v := range yamlvalue.Pairs(n) {
		if k.Value != "<<" {
			f(n, k, v)
			continue
		}
		sources := []*yaml.Node{v}
		if v.Kind == yaml.SequenceNode {
			sources = v.Content
		}
		for _, source := range sources {
			c.each(source, role, f)
		}
	}
}

// elements calls f for what a list or a mapping holds.
func (c *converter) elements(n *yaml.Node, f func(*yaml.Node)) {
	if n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	switch n.Kind {
	case yaml.SequenceNode:
		for _, item := range n.Content {
			f(item)
		}
	case yaml.MappingNode:
		c.each(n, "container", func(_, _, v *yaml.Node) { f(v) })
	default:
	}
}

func (c *converter) dag(n *yaml.Node) {
	c.each(n, "dag", func(n, k, v *yaml.Node) {
		if old, ok := former.OfDAG(k.Value); ok {
			c.former(n, k, v, old)
		}
		switch k.Value {
		case "schedule_interval", "schedule":
			c.condition(v)
		case "timetable":
			c.timetable(k, v)
			c.condition(v)
		case "default_args":
			c.each(v, "task", c.taskKey)
		case "tasks":
			c.elements(v, func(task *yaml.Node) {
				c.each(task, "task", c.taskKey)
				c.operator(task)
			})
		case "task_groups":
			c.elements(v, func(group *yaml.Node) {
				c.each(group, "group", func(_, k, v *yaml.Node) {
					if k.Value == "default_args" {
						c.each(v, "task", c.taskKey)
					}
				})
			})
		}
	})
}

// taskKey converts one key of a task or of default_args.
func (c *converter) taskKey(n, k, v *yaml.Node) {
	if old, ok := former.OfTask(k.Value); ok {
		c.former(n, k, v, old)
	}
	switch k.Value {
	case "task_group_name":
		if c.groupless {
			c.remove(n, k, v, former.Groupless())
		}
	case "execution_timeout":
		if k := yamlvalue.KindOf(v); v.Kind == yaml.ScalarNode && (k == yamlvalue.Int || k == yamlvalue.Float) {
			c.seconds(v)
		}
	case "inlets", "outlets":
		c.condition(v)
	}
}

// former converts a key that has another name today, or none.
func (c *converter) former(n, k, v *yaml.Node, old former.Key) {
	if _, fresh := c.enter(k, "key"); !fresh { // in another role
		return
	}
	null := v.Kind == yaml.ScalarNode && yamlvalue.KindOf(v) == yamlvalue.Null
	switch {
	case old.Form == former.Gone:
		c.remove(n, k, v, old)
	case old.Form == former.Timedelta && !null:
		c.timeout(n, k, v, old)
	case old.Form == former.Words && !null:
		c.delta(n, k, v, old)
	default:
		c.rename(n, k, old, nil, nil)
	}
}

// timetable tells how a timetable in the old form is written.
func (c *converter) timetable(k, v *yaml.Node) {
	if v.Kind == yaml.AliasNode {
		v = v.Alias
	}
	if _, callable := yamlvalue.Lookup(v, "callable"); callable != nil && reading.TypeOf(v) == "" {
		c.Warnf(k, "%s", former.TimetableAdvice(yamlvalue.Excerpt(callable.Value)))
	}
}

// condition converts the keys and and or of asset expressions.
func (c *converter) condition(n *yaml.Node) {
	n, fresh := c.enter(n, "condition")
	if !fresh {
		return
	}
	for _, item := range n.Content {
		if n.Kind == yaml.SequenceNode {
			c.condition(item)
		}
	}
	for k, v := range yamlvalue.Pairs(n) {
		if now := former.Operand(k.Value); now != "" {
			c.renameTo(n, k, now, k.Value+" was removed: write "+now, nil, nil)
			c.condition(v)
			continue
		}
		switch k.Value {
		case "datasets", "__and__", "__or__":
			c.condition(v)
		}
	}
}

// operator replaces the path of a task's operator.
func (c *converter) operator(task *yaml.Node) {
	if task.Kind == yaml.AliasNode {
		task = task.Alias
	}
	_, v := yamlvalue.Lookup(task, "operator")
	if v == nil || v.Kind != yaml.ScalarNode || c.modern == nil {
		return
	}
	if _, fresh := c.enter(v, "operator"); !fresh {
		return
	}
	to, old := c.modern(v.Value)
	if !old {
		return
	}
	advice := fmt.Sprintf("operator %s is called %s now", v.Value, to.Path)
	e, ok := c.token(v, to.Path)
	if !ok {
		c.Warnf(v, "%s: change it by hand", advice)
		return
	}
	ch := change{at: v, advice: advice, edits: []edit{e}, tree: func() { v.Value = to.Path }}
	for from, name := range to.Renamed {
		k, _ := yamlvalue.Lookup(task, from)
		var renamed edit
		if k != nil {
			renamed, ok = c.token(k, name)
		}
		if taken, _ := yamlvalue.Lookup(task, name); k == nil || !ok || taken != nil {
			c.Warnf(v, "%s, and its parameter %s is called %s: change both by hand", advice, from, name)
			return
		}
		ch.edits = append(ch.edits, renamed)
		ch.tree = func() { v.Value, k.Value = to.Path, name }
	}
	c.changes = append(c.changes, ch)
}

// rename gives a key its name of today; further edits belong to the same change.
func (c *converter) rename(n, k *yaml.Node, old former.Key, further []edit, tree func()) {
	c.renameTo(n, k, old.Now, old.Advice(), further, tree)
}

func (c *converter) renameTo(n, k *yaml.Node, to, advice string, further []edit, tree func()) {
	if taken, _ := yamlvalue.Lookup(n, to); taken != nil {
		c.Warnf(k, "%s, which is also on line %d: keep one of them", advice, taken.Line)
		return
	}
	e, ok := c.token(k, to)
	if !ok {
		c.Warnf(k, "%s by hand", advice)
		return
	}
	c.changes = append(c.changes, change{at: k, advice: advice, edits: append([]edit{e}, further...), tree: func() {
		k.Value = to
		if tree != nil {
			tree()
		}
	}})
}

// timeout renames a key in seconds and makes its value a timedelta.
func (c *converter) timeout(n, k, v *yaml.Node, old former.Key) {
	e, ok := c.timedelta(v)
	if !ok {
		c.Warnf(k, "%s: {__type__: datetime.timedelta, seconds: …} by hand", old.Advice())
		return
	}
	c.rename(n, k, old, []edit{e}, func() { makeTimedelta(v) })
}

// seconds makes a number of seconds a timedelta.
func (c *converter) seconds(v *yaml.Node) {
	const advice = "a number of seconds: write {__type__: datetime.timedelta, seconds: …}"
	if e, ok := c.timedelta(v); ok {
		c.changes = append(c.changes, change{at: v, advice: advice, edits: []edit{e}, tree: func() { makeTimedelta(v) }})
		return
	}
	c.Warnf(v, "%s by hand", advice)
}

var plainReference = regexp.MustCompile(`^\$\w+$`)

func (c *converter) timedelta(v *yaml.Node) (edit, bool) {
	if v.Kind != yaml.ScalarNode || v.Style != 0 || strings.Contains(v.Value, ":") {
		return edit{}, false
	}
	if !plainReference.MatchString(v.Value) {
		if _, err := yamlvalue.Duration(v, time.Second); err != nil || yamlvalue.KindOf(v) == yamlvalue.Text {
			return edit{}, false
		}
	}
	return c.token(v, "{__type__: datetime.timedelta, seconds: "+v.Value+"}")
}

func makeTimedelta(v *yaml.Node) {
	number := *v
	*v = yaml.Node{Kind: yaml.MappingNode, Content: []*yaml.Node{plainNode("__type__"), plainNode(reading.TypeTimedelta), plainNode("seconds"), &number}}
}

func plainNode(value string) *yaml.Node { return &yaml.Node{Kind: yaml.ScalarNode, Value: value} }

// delta makes a number of seconds the relative words that execution_delta takes in both
// systems.
func (c *converter) delta(n, k, v *yaml.Node, old former.Key) {
	words := v.Value + " seconds"
	e, ok := c.token(v, words)
	if _, err := yamlvalue.ParseDuration(words); err != nil || !ok || v.Style != 0 {
		c.Warnf(k, `%s: "… seconds" by hand`, old.Advice())
		return
	}
	c.rename(n, k, old, []edit{e}, func() { v.Value = words })
}

// apply makes the edits and checks that the result is the tree that was meant.
func (c *converter) apply(root *yaml.Node) ([]byte, bool) {
	var edits []edit
	for _, ch := range c.changes {
		edits = append(edits, ch.edits...)
	}
	result, ok := c.edited(edits)
	if !ok {
		return nil, false
	}
	again, err := document.Decode(result)
	if err != nil || again == nil {
		return nil, false
	}
	for _, ch := range c.changes {
		ch.tree()
	}
	return result, sameText(root, again)
}

// sameText reports whether two raw trees say the same in the same form: anchors, aliases
// and tags included.
func sameText(a, b *yaml.Node) bool {
	if a.Kind != b.Kind || a.Anchor != b.Anchor || len(a.Content) != len(b.Content) ||
		a.Style&yaml.TaggedStyle != b.Style&yaml.TaggedStyle || a.Style&yaml.TaggedStyle != 0 && a.Tag != b.Tag {
		return false
	}
	if a.Kind == yaml.ScalarNode && yamlvalue.KindOf(a) != yamlvalue.KindOf(b) || a.Kind != yaml.MappingNode && a.Kind != yaml.SequenceNode && a.Value != b.Value {
		return false
	}
	for i := range a.Content {
		if !sameText(a.Content[i], b.Content[i]) {
			return false
		}
	}
	return true
}
