package dagfile

import (
	"regexp"
	"slices"

	"gopkg.in/yaml.v3"

	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/dag/dagfile/canonical"
	"github.com/dingdag/dingdag/dag/dagfile/keys"
	"github.com/dingdag/dingdag/dag/dagfile/reading"
	"github.com/dingdag/dingdag/dag/dagfile/wiring"
	"github.com/dingdag/dingdag/yamlvalue"
)

// A reference to a result: id.output, XcomArg(id), either with ['key'] behind it.
var resultReference = regexp.MustCompile(`^\s*(?:XcomArg\(\s*['"]?([\w.-]+?)['"]?\s*\)|([\w.-]+)\.output)(?:\[\s*['"]([^'"]+)['"]\s*\])?\s*$`)

// spreadPartial takes the keys of partial for keys of the task.
func (r *dagReader) spreadPartial(t *wiring.Task) {
	p := t.Raw.Partial
	if !p.Present() {
		return
	}
	if !t.Raw.Expand.Present() && !t.Raw.ExpandKwargs.Present() {
		r.Errorf(p.Key, "partial needs expand or expand_kwargs: write the parameters on the task itself")
		return
	}
	if !r.Mapping("partial", p.Value) {
		return
	}
	for k, v := range yamlvalue.Pairs(p.Value) {
		if twice, _ := yamlvalue.Lookup(t.Node, k.Value); twice != nil {
			r.Errorf(k, "%s is also on the task, on line %d: keep one of them", yamlvalue.Excerpt(k.Value), twice.Line)
			continue
		}
		if _, ofTask := keys.Tasks.Find(k.Value); ofTask {
			r.Errorf(k, "%s is not a parameter: write it on the task itself", yamlvalue.Excerpt(k.Value))
			continue
		}
		r.taskKey(t, k, v)
	}
}

// readMapped reads what a task is mapped over and checks its parameters with each element of
// the file, unless some that are absent were told already. Results are not known before the DAG
// runs.
func (r *dagReader) readMapped(t *wiring.Task, op *operatorEntry, absent []string) {
	args, ok := r.castArgs(t.Args)
	if !ok || absent != nil {
		return
	}
	t.Args = args
	expand, kwargs := t.Raw.Expand, t.Raw.ExpandKwargs
	switch {
	case expand.Present() && kwargs.Present():
		r.Errorf(kwargs.Key, "expand and expand_kwargs exclude each other")
		return
	case expand.Present():
		t.Mapping = r.readExpand(t, op)
	case kwargs.Present():
		if values, ok := r.mappedOver(t, "expand_kwargs", kwargs.Value, func(m *dag.Mapping) *dag.MappedValues { return m.Kwargs }); ok {
			t.Mapping = &dag.Mapping{Kwargs: &values}
		}
	}
	if t.Mapping == nil {
		return
	}
	if t.Operator == "empty" || len(op.params) == 0 {
		r.Errorf(t.Raw.Operator.Value, "operator %s has no parameters to map", t.Operator)
		return
	}
	r.checkMapped(t, op)
}

func (r *dagReader) readExpand(t *wiring.Task, op *operatorEntry) *dag.Mapping {
	p := t.Raw.Expand
	if !r.Mapping("expand", p.Value) {
		return nil
	}
	m := &dag.Mapping{}
	for k, v := range yamlvalue.Pairs(p.Value) {
		if twice, _ := yamlvalue.Lookup(t.Args, k.Value); twice != nil && r.ownKey(t, twice) {
			r.Errorf(k, "%s is also on the task, on line %d: keep one of them", yamlvalue.Excerpt(k.Value), twice.Line)
			continue
		}
		if _, common := keys.Common.Find(k.Value); common || !op.has(k.Value) {
			r.wrongMappedKey(k, op, common)
			continue
		}
		n := len(m.Args)
		values, ok := r.mappedOver(t, "expand: "+k.Value, v, func(m *dag.Mapping) *dag.MappedValues { return &m.Args[n].MappedValues })
		if ok {
			m.Args = append(m.Args, dag.MappedArg{Name: k.Value, MappedValues: values})
		}
	}
	if len(p.Value.Content) == 0 {
		r.Errorf(p.Key, "expand is empty: name a parameter and what to map it over")
	}
	if len(m.Args) == 0 {
		return nil
	}
	// What default_args say of a mapped parameter does not count.
	var mapped []*yaml.Node
	for _, a := range m.Args {
		mapped = append(mapped, &yaml.Node{Value: a.Name}, nil)
	}
	fixed := yamlvalue.With(t.Args, mapped)
	fixed.Content = fixed.Content[:len(fixed.Content)-len(mapped)]
	t.Args = fixed
	return m
}

// ownKey reports whether a parameter stands on the task, not only in default_args.
func (r *dagReader) ownKey(t *wiring.Task, key *yaml.Node) bool {
	return slices.ContainsFunc(t.Own, func(p keys.Pair) bool { return p.Key == key })
}

func (r *dagReader) wrongMappedKey(k *yaml.Node, op *operatorEntry, common bool) {
	if common {
		r.Errorf(k, "%s is the same for all instances: write it on the task", yamlvalue.Excerpt(k.Value))
		return
	}
	r.Errorf(k, "unknown parameter %q for operator %s%s", yamlvalue.Excerpt(k.Value), op.Name(), r.Suggest(k.Value, slices.Values(op.params)))
}

// mappedOver reads a list, a mapping or a reference.
func (r *dagReader) mappedOver(t *wiring.Task, what string, n *yaml.Node, at func(*dag.Mapping) *dag.MappedValues) (dag.MappedValues, bool) {
	n, ok := r.Cast(n)
	if !ok {
		return dag.MappedValues{}, false
	}
	var v dag.MappedValues
	switch yamlvalue.KindOf(n) {
	case yamlvalue.List:
		v.Values = slices.Clone(n.Content)
	case yamlvalue.Map:
		if what == "expand_kwargs" {
			r.Errorf(n, "expand_kwargs: want a list of mappings, or a result such as task_id.output, not a mapping")
			return v, false
		}
		for k, value := range yamlvalue.Pairs(n) {
			v.Values = append(v.Values, &yaml.Node{Kind: yaml.SequenceNode, Tag: "!!seq", Line: k.Line, Column: k.Column, Content: []*yaml.Node{k, value}})
		}
	case yamlvalue.Text:
		m := resultReference.FindStringSubmatch(n.Value)
		if m == nil {
			r.Errorf(n, "%s: want a list, a mapping, or a result such as task_id.output, not %s", what, reading.Show(n))
			return v, false
		}
		v.Key = m[3]
		t.Refs = append(t.Refs, wiring.Ref{At: n, Name: m[1] + m[2], Values: at})
	default:
		r.Errorf(n, "%s: want a list, a mapping, or a result such as task_id.output, not %s", what, reading.Show(n))
		return v, false
	}
	if k := yamlvalue.KindOf(n); k != yamlvalue.Text && len(v.Values) == 0 {
		r.Warnf(n, "%s is empty: there is nothing to map over, and the task is always skipped", what)
	}
	if what != "expand_kwargs" {
		return v, true
	}
	for _, element := range v.Values {
		if yamlvalue.KindOf(element) != yamlvalue.Map {
			r.Errorf(element, "expand_kwargs: each element must be a mapping of parameters, not %s", reading.Show(element))
			return v, false
		}
	}
	return v, true
}

// checkMapped checks the parameters of the task with each value of the file. What comes
// from a result is checked when it is there.
func (r *dagReader) checkMapped(t *wiring.Task, op *operatorEntry) {
	c := &mappedCheck{dagReader: r, task: t, op: op, open: map[string]bool{}, seen: map[dag.Position]bool{}}
	if kwargs := t.Mapping.Kwargs; kwargs != nil {
		c.each(kwargs.Values)
		return
	}
	c.product(t.Mapping.Args)
}

// mappedCheck checks the parameters of a mapped task as its instances will have them.
type mappedCheck struct {
	*dagReader
	task *wiring.Task
	op   *operatorEntry
	// open are the parameters that only a result knows; anyOpen says that any may be one.
	open    map[string]bool
	anyOpen bool
	// seen are the places of which a problem was told.
	seen map[dag.Position]bool
}

// each checks the mappings of expand_kwargs.
func (c *mappedCheck) each(values []*yaml.Node) {
	if c.anyOpen = len(values) == 0; c.anyOpen {
		c.instance(nil)
	}
	for _, v := range values {
		c.instance(v.Content)
	}
}

// product checks the first values of all parameters together, and each other value with
// the first ones of the other parameters.
func (c *mappedCheck) product(args []dag.MappedArg) {
	var first []*yaml.Node
	for _, a := range args {
		if len(a.Values) == 0 {
			c.open[a.Name] = true
			continue
		}
		first = append(first, yamlvalue.NewScalar(yamlvalue.Text, a.Name, a.Values[0]), a.Values[0])
	}
	c.instance(first)
	for _, a := range args {
		for _, v := range a.Values[min(1, len(a.Values)):] {
			c.instance(yamlvalue.With(&yaml.Node{Kind: yaml.MappingNode, Content: first}, []*yaml.Node{yamlvalue.NewScalar(yamlvalue.Text, a.Name, v), v}).Content)
		}
	}
}

// instance checks the parameters of one instance, those of the task and pairs over them.
func (c *mappedCheck) instance(pairs []*yaml.Node) {
	for _, p := range c.findings(c.op, yamlvalue.With(c.task.Args, pairs)) {
		if c.silent(p) {
			continue
		}
		c.seen[p.at] = true
		c.Report(p.severity(), p.at, p.problem.Text)
	}
}

// silent reports whether a problem was told of another instance, or may be none once the
// results are there.
func (c *mappedCheck) silent(p argProblem) bool {
	if p.problem.Line != 0 {
		return c.seen[p.at]
	}
	return c.anyOpen || c.open[p.problem.Field] || len(c.open) > 0 && p.problem.Field == ""
}

// mapping returns the canonical form of a task's mapping.
func (o outline) mapping(t *dag.Task) canonical.Fields {
	m := t.Mapping
	if m == nil {
		return nil
	}
	if m.Kwargs != nil {
		return canonical.Of("expand_kwargs", o.mappedValues(m.Kwargs))
	}
	var args canonical.Fields
	for i := range m.Args {
		args = args.With(m.Args[i].Name, o.mappedValues(&m.Args[i].MappedValues))
	}
	return canonical.Of("expand", args)
}

func (o outline) mappedValues(v *dag.MappedValues) any {
	if v.From == "" {
		list := &yaml.Node{Kind: yaml.SequenceNode, Tag: "!!seq", Content: v.Values}
		return list
	}
	label := o.fullIDs[v.From].Label
	if other := o.fullIDs[label]; other != nil && other.ID != v.From {
		label = v.From
	}
	ref := "XcomArg(" + label + ")"
	if v.Key != "" {
		ref += "['" + v.Key + "']"
	}
	return ref
}
