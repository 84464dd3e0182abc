package dagfile

import (
	"regexp"
	"slices"
	"sync"
	"unicode/utf8"

	"gopkg.in/yaml.v3"

	"github.com/dingdag/dingdag/dag/dagfile/document"
	"github.com/dingdag/dingdag/dag/dagfile/keys"
	"github.com/dingdag/dingdag/dag/dagfile/reading"
	"github.com/dingdag/dingdag/dag/dagfile/variable"
	"github.com/dingdag/dingdag/yamlvalue"
)

// variableCache looks each variable up once a load. Safe for concurrent use.
type variableCache struct {
	mu    sync.Mutex
	known map[string]reading.Variable
}

func (c *variableCache) forget() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.known = map[string]reading.Variable{}
}

func (l *Loader) variable(name string) reading.Variable {
	if l.opts.LookupVariable == nil {
		return reading.Variable{}
	}
	l.variables.mu.Lock()
	defer l.variables.mu.Unlock()
	if v, ok := l.variables.known[name]; ok {
		return v
	}
	var v reading.Variable
	v.Text, v.Found, v.Err = l.opts.LookupVariable(name)
	l.variables.known[name] = v
	return v
}

// sameVariables reports whether variables still have the values that were looked up.
func (l *Loader) sameVariables(before map[string]reading.Variable) bool {
	for name, v := range before {
		if !v.Same(l.variable(name)) {
			return false
		}
	}
	return true
}

// withVariables returns the keys of a task with the values of variables_as_arguments in
// the place of its own. A variable that does not exist changes nothing.
func (r *dagReader) withVariables(body *yaml.Node) *yaml.Node {
	_, list := yamlvalue.Lookup(body, keys.VariablesAsArguments)
	if list == nil || yamlvalue.KindOf(list) == yamlvalue.Null {
		return body
	}
	if list.Kind != yaml.SequenceNode {
		r.Errorf(list, "variables_as_arguments: want a list of mappings with variable and attribute, not %s", reading.Show(list))
		return body
	}
	changed := *body
	changed.Content = slices.Clone(body.Content)
	for _, item := range list.Content {
		key, value := r.variableArgument(body, item)
		if value == nil {
			continue
		}
		if i := slices.IndexFunc(changed.Content, func(n *yaml.Node) bool { return n.Value == key.Value }); i >= 0 && i%2 == 0 {
			changed.Content[i+1] = value
			continue
		}
		changed.Content = append(changed.Content, key, value)
	}
	return &changed
}

// variableArgument reads one element of variables_as_arguments: the parameter and its
// value, nil when there is none.
func (r *dagReader) variableArgument(body, item *yaml.Node) (attribute, value *yaml.Node) {
	if !reading.PlainMapping(item) {
		r.Errorf(item, "variables_as_arguments: want a mapping with variable and attribute, not %s", reading.Show(item))
		return nil, nil
	}
	parts := map[string]*yaml.Node{}
	known := []string{"variable", "attribute"}
	for k, v := range yamlvalue.Pairs(item) {
		if !slices.Contains(known, k.Value) {
			r.Errorf(k, "variables_as_arguments: unknown key %q%s", yamlvalue.Excerpt(k.Value), r.Suggest(k.Value, slices.Values(known)))
			continue
		}
		if _, ok := r.Text(k.Value, v); ok {
			parts[k.Value] = v
		} else {
			return nil, nil
		}
	}
	for _, name := range known {
		if parts[name] == nil {
			r.Errorf(reading.FirstKey(item), "variables_as_arguments: %s is missing", name)
			return nil, nil
		}
	}
	attribute = parts["attribute"]
	schema, ok := r.attributeSchema(body, attribute)
	if !ok {
		return nil, nil
	}
	return attribute, r.variableValue(parts["variable"], attribute.Value, schema)
}

// attributeSchema returns the JSON Schema of the parameter that a variable is for.
func (r *dagReader) attributeSchema(body, attribute *yaml.Node) (map[string]any, bool) {
	name := attribute.Value
	if common, ok := keys.Common.Find(name); ok {
		return common.Schema(), true
	}
	if _, ok := keys.Tasks.Find(name); ok {
		r.Errorf(attribute, "variables_as_arguments: %s is not a parameter of the operator: a variable cannot set it", name)
		return nil, false
	}
	_, operator := yamlvalue.Lookup(body, "operator")
	if operator == nil {
		return nil, false // reported where the operator is read
	}
	op, found := r.operator(operator.Value)
	if !found {
		return nil, false
	}
	if sensor, ok := keys.Sensors.Find(name); ok && op.Sensor() {
		return sensor.Schema(), true
	}
	if !op.has(name) {
		r.Errorf(attribute, "variables_as_arguments: unknown parameter %q for operator %s%s", yamlvalue.Excerpt(name), op.Name(),
			r.Suggest(name, seqs(keys.Common.Names(), slices.Values(op.params))))
		return nil, false
	}
	return op.Schema(name), true
}

var secretVariableName = regexp.MustCompile(`(?i)PASS|SECRET|TOKEN|KEY|CRED`)

// variableValue looks a variable up and converts its text; nil leaves the task as it is.
func (r *dagReader) variableValue(at *yaml.Node, attribute string, schema map[string]any) *yaml.Node {
	v := r.variable(at.Value)
	r.Rests.Variables[at.Value] = v
	switch {
	case v.Err != nil:
		r.Errorf(at, "read the variable %s: %v", yamlvalue.Excerpt(at.Value), v.Err)
		return nil
	case !v.Found:
		return nil
	case len(v.Text) > document.MaxSize || !utf8.ValidString(v.Text):
		r.Errorf(at, "the variable %s must be UTF-8 text of at most %d bytes", yamlvalue.Excerpt(at.Value), document.MaxSize)
		return nil
	}
	if secretVariableName.MatchString(at.Value) {
		r.Secret(v.Text, r.opts.Secret)
		r.Warnf(at, "the value of the variable %s becomes part of the DAG: use a connection, or a template such as {{ var.value.%s }}",
			yamlvalue.Excerpt(at.Value), yamlvalue.Excerpt(at.Value))
	}
	n, err := variable.Node(v.Text, schema)
	if err != nil {
		r.Errorf(at, "the variable %s does not fit the parameter %s: %v", yamlvalue.Excerpt(at.Value), attribute, err)
		return nil
	}
	if !moveNode(n, at.Line, at.Column, document.MaxDepth) {
		r.Errorf(at, "the variable %s is nested more than %d levels deep", yamlvalue.Excerpt(at.Value), document.MaxDepth)
		return nil
	}
	r.Filled(n)
	r.SuppliedLike(n, at)
	return n
}

// moveNode gives a node and all below it one place. It is false for a node that is
// deeper than levels.
func moveNode(n *yaml.Node, line, column, levels int) bool {
	if levels == 0 {
		return false
	}
	n.Line, n.Column = line, column
	for _, child := range n.Content {
		if !moveNode(child, line, column, levels-1) {
			return false
		}
	}
	return true
}
