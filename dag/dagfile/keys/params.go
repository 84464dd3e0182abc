package keys

import (
	"fmt"
	"maps"
	"slices"

	"gopkg.in/yaml.v3"

	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/dag/dagfile/canonical"
	"github.com/dingdag/dingdag/dag/dagfile/reading"
	"github.com/dingdag/dingdag/yamlvalue"
)

// paramSet is what a mapping of params says.
type paramSet struct {
	values  *dag.Map
	schemas map[string]map[string]any
	names   []string
}

func dagParamsKey() Key[DAG] {
	return Key[DAG]{
		name: "params", doc: "Parameters of a run with their defaults: values, or typed airflow.sdk.Param with a JSON Schema.",
		schema: SchemaOf("object"),
		reset:  func(d *DAG) { d.Params, d.ParamSchemas, d.ParamNames = nil, nil, nil },
		set: func(r *Reader, d *DAG, k, v *yaml.Node) {
			p := r.params(k, v)
			d.Params, d.ParamSchemas, d.ParamNames = p.values, p.schemas, p.names
		},
		emit: func(d *DAG) any { return emitParams(paramSet{d.Params, d.ParamSchemas, d.ParamNames}) },
	}
}

// params reads a mapping of params: plain defaults and typed Params.
func (r *Reader) params(k, n *yaml.Node) paramSet {
	if !r.Mapping(k.Value, n) {
		r.Unsure.Params = true
		return paramSet{}
	}
	r.TextKeys(n)
	r.WarnSecretParams(n)
	values := &dag.Map{}
	var schemas map[string]map[string]any
	var names []string
	for name, v := range yamlvalue.Pairs(n) {
		label := fmt.Sprintf("param %q", yamlvalue.Excerpt(name.Value))
		names = append(names, name.Value)
		if !slices.Contains(reading.ParamTypes, reading.TypeOf(v)) {
			r.warnPlainSchema(label, v)
			if value, ok := r.Free(label, v); ok {
				values.Set(name.Value, value)
			}
			continue
		}
		schema, ok := r.typedParam(label, v)
		if !ok {
			continue
		}
		if schemas == nil {
			schemas = map[string]map[string]any{}
		}
		if def, has := schema["default"]; has {
			values.Set(name.Value, def)
		}
		delete(schema, "default")
		schemas[name.Value] = schema
		r.checkParam(label, v, schema, values, name.Value)
	}
	return paramSet{values, schemas, names}
}

// warnPlainSchema warns of a mapping that looks like the schema of a param and is a value.
func (r *Reader) warnPlainSchema(label string, n *yaml.Node) {
	_, kind := yamlvalue.Lookup(n, "type")
	if yamlvalue.KindOf(n) != yamlvalue.Map || kind == nil || r.Restoring {
		return
	}
	for _, word := range []string{"default", "enum", "format", "minimum", "maximum", "pattern"} {
		if k, _ := yamlvalue.Lookup(n, word); k != nil {
			r.Warnf(n, "%s is this mapping itself, not a param with a schema: add __type__: airflow.sdk.Param for that", label)
			return
		}
	}
}

// typedParam reads a typed Param as a JSON Schema that holds the default too.
func (r *Reader) typedParam(label string, n *yaml.Node) (map[string]any, bool) {
	t, ok := r.Typed(n)
	if !ok {
		return nil, false
	}
	if len(t.Args) > 2 {
		r.Errorf(n, "%s: %s takes at most 2 positional arguments, not %d", label, t.Path, len(t.Args))
		return nil, false
	}
	schema := make(map[string]any, len(t.Names)+len(t.Args))
	for name, v := range t.Values {
		value, fine := r.Free(label, v)
		schema[name] = value
		ok = ok && fine
	}
	for i, arg := range t.Args {
		name := []string{"default", "description"}[i]
		if _, twice := schema[name]; twice {
			r.Errorf(arg, "%s: %s appears twice, in __args__ and by name", label, name)
			return nil, false
		}
		value, fine := r.Free(label, arg)
		schema[name] = value
		ok = ok && fine
	}
	if nested, isMap := schema["schema"].(*dag.Map); isMap {
		delete(schema, "schema")
		whole := maps.Collect(nested.All())
		maps.Copy(whole, schema)
		schema = whole
	}
	return schema, ok
}

func (r *Reader) checkParam(label string, at *yaml.Node, schema map[string]any, values *dag.Map, name string) {
	value, has := values.Get(name)
	if !has || r.CheckParam == nil {
		return
	}
	if err := r.CheckParam(schema, value); err != nil {
		r.Errorf(at, "%s: the default does not fit: %v", label, err)
	}
}

// emitParams returns the canonical form of params.
func emitParams(p paramSet) any {
	var all canonical.Fields
	for _, name := range p.names {
		value, has := p.values.Get(name)
		schema, typed := p.schemas[name]
		if !typed {
			all = all.With(name, value)
			continue
		}
		param := canonical.Of("__type__", reading.TypeParam)
		if has {
			param = param.With("default", value)
		}
		for _, keyword := range slices.Sorted(maps.Keys(schema)) {
			param = param.With(keyword, schema[keyword])
		}
		all = all.With(name, param)
	}
	if len(all) == 0 {
		return nil
	}
	return all
}

func taskParamsKey() Key[Base] {
	return Key[Base]{
		name: "params", doc: "Params of this task, over those of the DAG.", schema: SchemaOf("object"),
		reset: func(t *Base) { t.Params, t.ParamSchemas, t.ParamNames = nil, nil, nil },
		set: func(r *Reader, t *Base, k, v *yaml.Node) {
			p := r.params(k, v)
			t.Params, t.ParamSchemas, t.ParamNames = p.values, p.schemas, p.names
		},
		emit: func(t *Base) any { return emitParams(paramSet{t.Params, t.ParamSchemas, t.ParamNames}) },
	}
}
