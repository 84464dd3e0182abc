package dagfile

import (
	"regexp"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/dingdag/dingdag/dag/dagfile/keys"
	"github.com/dingdag/dingdag/dag/dagfile/wiring"
	"github.com/dingdag/dingdag/yamlvalue"
)

// decorators are the operators that do what the decorators of TaskFlow do, by the end of their paths behind "task".
var decorators = map[string]string{
	"": "airflow.operators.python.PythonOperator", ".python": "airflow.operators.python.PythonOperator",
	".branch": "airflow.operators.python.BranchPythonOperator", ".short_circuit": "airflow.operators.python.ShortCircuitOperator",
	".sensor": "airflow.sensors.python.PythonSensor", ".external_python": "airflow.operators.python.ExternalPythonOperator",
}

// The parameters of these operators that take what a task with a decorator says of the arguments of its function.
const (
	kwargsParam = "op_kwargs"
	xcomsParam  = "xcom_args"
)

// resultArgument is what dag-factory takes for a result: +task_id or +task_id['key'].
var resultArgument = regexp.MustCompile(`^\+([\w.-]+)((?:\[['"][^'"]+['"]\])?)$`)

// decorated writes a task with a decorator as one with the operator of it: keys that nobody else has are arguments of the function.
// Ids are those of all tasks by their names.
func (r *dagReader) decorated(t *wiring.Task, ids map[string]string) {
	key, value := yamlvalue.Lookup(t.Node, "decorator")
	if named, _ := yamlvalue.Lookup(t.Node, "operator"); key == nil || named != nil || yamlvalue.KindOf(value) != yamlvalue.Text {
		return
	}
	path, known := decoratorOf(value.Value)
	op, found := r.operator(path)
	switch {
	case !known:
		r.Errorf(value, "unknown decorator %q: there are airflow.decorators.task and its branch, short_circuit, sensor and external_python", yamlvalue.Excerpt(value.Value))
	case !found:
		return // reported with its key
	}
	operator := *key
	operator.Value = "operator"
	named := *value
	named.Value = path
	r.SuppliedLike(&operator, key)
	r.SuppliedLike(&named, value)
	out := *t.Node
	out.Content = []*yaml.Node{&operator, &named}
	var kwargs, results, upstream []*yaml.Node
	for k, v := range yamlvalue.Pairs(t.Node) {
		name, ofResult := r.resultOf(v, ids)
		switch {
		case k == key:
		case k.Value == "expand" || k.Value == "expand_kwargs" || k.Value == "partial":
			r.Errorf(k, "%s does not go with a decorator: write operator: python, and map it over op_args or op_kwargs", k.Value)
		case op != nil && op.has(k.Value) && k.Value != kwargsParam, r.otherKey(op, k.Value):
			out.Content = append(out.Content, k, v)
		case k.Value == kwargsParam && v.Kind == yaml.MappingNode:
			kwargs = append(kwargs, v.Content...)
		case ofResult:
			results = append(results, k, name)
			upstream = append(upstream, taskName(v))
		default:
			kwargs = append(kwargs, k, v)
		}
	}
	for param, content := range map[string][]*yaml.Node{kwargsParam: kwargs, xcomsParam: results} {
		if len(content) > 0 {
			args := &yaml.Node{Kind: yaml.MappingNode, Tag: "!!map", Line: content[0].Line, Column: content[0].Column, Content: content}
			out.Content = append(out.Content, yamlvalue.NewScalar(yamlvalue.Text, param, content[0]), args)
		}
	}
	out.Content = withUpstream(out.Content, upstream)
	t.Node = &out
}

// decoratorOf is the class of an operator for the path of a decorator.
func decoratorOf(path string) (class string, known bool) {
	for _, module := range []string{"airflow.decorators.", "airflow.sdk."} {
		if rest, ok := strings.CutPrefix(path, module); ok {
			if rest, ok = strings.CutPrefix(rest, "task"); ok {
				class, known = decorators[rest]
				return class, known
			}
		}
	}
	return "", false
}

// otherKey reports whether a key is one that tasks have whatever their operator is.
func (r *dagReader) otherKey(op *operatorEntry, name string) bool {
	_, ofTask := keys.Tasks.Find(name)
	_, common := keys.Common.Find(name)
	_, rejected := keys.Rejected(name)
	_, sensor := keys.Sensors.Find(name)
	return ofTask || common || rejected || name == keys.ParentGroup || sensor && op != nil && op.Sensor()
}

// resultOf is the result that an argument stands for, by the full id of its task.
func (r *dagReader) resultOf(v *yaml.Node, ids map[string]string) (name *yaml.Node, ok bool) {
	if yamlvalue.KindOf(v) != yamlvalue.Text {
		return nil, false
	}
	m := resultArgument.FindStringSubmatch(v.Value)
	if m == nil {
		return nil, false
	}
	id, known := ids[m[1]]
	if !known {
		r.Errorf(v, "%s: there is no task %q", yamlvalue.Excerpt(v.Value), m[1])
		return nil, false
	}
	return yamlvalue.NewScalar(yamlvalue.Text, id+m[2], v), true
}

// taskName is the name of the task in an argument of which resultOf is true.
func taskName(v *yaml.Node) *yaml.Node {
	return yamlvalue.NewScalar(yamlvalue.Text, resultArgument.FindStringSubmatch(v.Value)[1], v)
}

// withUpstream adds dependencies to the keys of a task that it does not have yet.
func withUpstream(content, names []*yaml.Node) []*yaml.Node {
	if len(names) == 0 {
		return content
	}
	for i := 0; i < len(content); i += 2 {
		if content[i].Value != "dependencies" {
			continue
		}
		all := *content[i+1]
		if all.Kind != yaml.SequenceNode {
			one := all
			all = yaml.Node{Kind: yaml.SequenceNode, Tag: "!!seq", Line: one.Line, Column: one.Column}
			if yamlvalue.KindOf(&one) != yamlvalue.Null {
				all.Content = []*yaml.Node{&one}
			}
		}
		all.Content = slices.Clone(all.Content)
		for _, name := range names {
			if !slices.ContainsFunc(all.Content, func(n *yaml.Node) bool { return n.Value == name.Value }) {
				all.Content = append(all.Content, name)
			}
		}
		content[i+1] = &all
		return content
	}
	key := yamlvalue.NewScalar(yamlvalue.Text, "dependencies", names[0])
	list := &yaml.Node{Kind: yaml.SequenceNode, Tag: "!!seq", Line: names[0].Line, Column: names[0].Column}
	for _, name := range names {
		if !slices.ContainsFunc(list.Content, func(n *yaml.Node) bool { return n.Value == name.Value }) {
			list.Content = append(list.Content, name)
		}
	}
	return append(content, key, list)
}

// fullIDs are the ids of tasks by their names. What is wrong with these is told elsewhere.
func fullIDs(list []entry, groups map[string]*wiring.Group) map[string]string {
	ids := map[string]string{}
	for _, e := range list {
		var in *wiring.Group
		if _, n := yamlvalue.Lookup(e.body, "task_group_name"); n != nil {
			in = groups[n.Value]
		}
		ids[e.name.Value] = in.ChildID(e.name.Value)
		ids[ids[e.name.Value]] = ids[e.name.Value]
	}
	return ids
}
