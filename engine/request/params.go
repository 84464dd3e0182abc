package request

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"golang.org/x/text/language"
	xmessage "golang.org/x/text/message"
	"gopkg.in/yaml.v3"

	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/phrase"
	"github.com/dingdag/dingdag/render"
	"github.com/dingdag/dingdag/yamlvalue"
)

// CheckParam checks the value of a param against its JSON Schema (Airflow, Param).
func CheckParam(schema map[string]any, value any) error {
	doc, err := plainJSON(schema)
	if err != nil {
		return err
	}
	c := jsonschema.NewCompiler()
	c.DefaultDraft(jsonschema.Draft2020)
	c.AssertFormat()
	c.RegisterFormat(&jsonschema.Format{Name: "time", Validate: clockTime})
	c.UseLoader(noLoader{})
	if err := c.AddResource("param.json", doc); err != nil {
		return phrase.Err("param.schema", err)
	}
	s, err := c.Compile("param.json")
	if err != nil {
		return phrase.Err("param.schema", err)
	}
	v, err := plainJSON(value)
	if err != nil {
		return err
	}
	err = s.Validate(v)
	if ve, ok := errors.AsType[*jsonschema.ValidationError](err); ok {
		return errors.New(strings.Join(reasons(ve), "; "))
	}
	return err
}

// noLoader reads no schema from elsewhere: the library would look for files beside the process.
type noLoader struct{}

func (noLoader) Load(url string) (any, error) {
	return nil, fmt.Errorf("%s is outside the schema: a $ref must name a part of it, such as #/$defs/x", url)
}

// clockPattern is what strptime takes as %H:%M:%S: no fraction and no zone.
var clockPattern = regexp.MustCompile(`^(2[0-3]|[01]?[0-9]):[0-5]?[0-9]:[0-5]?[0-9]$`)

// clockTime accepts HH:MM:SS, which is all that Airflow takes as a time.
func clockTime(v any) error {
	if s, ok := v.(string); ok && !clockPattern.MatchString(s) {
		return phrase.Err("param.clock")
	}
	return nil
}

// plainJSON turns a value into what the schema library works on.
func plainJSON(v any) (any, error) {
	b, err := json.Marshal(v)
	if err != nil {
		return nil, err
	}
	return jsonschema.UnmarshalJSON(bytes.NewReader(b))
}

// reasons are the innermost causes, each with its place inside the value.
func reasons(e *jsonschema.ValidationError) (out []string) {
	for _, c := range e.Causes {
		out = append(out, reasons(c)...)
	}
	if len(e.Causes) == 0 {
		text := e.ErrorKind.LocalizedString(xmessage.NewPrinter(language.English))
		if len(e.InstanceLocation) > 0 {
			text = strings.Join(e.InstanceLocation, ".") + ": " + text
		}
		out = append(out, text)
	}
	return out
}

// checkParams checks the params that a run would have: the DAG's, with conf over them.
// A param without default needs a value; every mistake is named.
func checkParams(d *dag.DAG, conf json.RawMessage) error {
	given := render.DecodeConf(conf)
	var errs []error
	for _, name := range slices.Sorted(maps.Keys(d.ParamSchemas)) {
		value, has := d.Params.Get(name)
		if raw, set := given[name]; set {
			value, has = raw, true
		}
		if !has {
			errs = append(errs, phrase.Err("param.default", name))
			continue
		}
		if err := CheckParam(d.ParamSchemas[name], value); err != nil {
			errs = append(errs, phrase.Err("param.is", name, err))
		}
	}
	return errors.Join(errs...)
}

// UnknownConf warns of keys of a conf that no param of a DAG is called and none of its
// texts names. A DAG without params takes any conf, as dag_run.conf.
func UnknownConf(d *dag.DAG, conf json.RawMessage) (warnings []string) {
	known := map[string]bool{}
	for name := range d.Params.All() {
		known[name] = true
	}
	for name := range d.ParamSchemas {
		known[name] = true
	}
	for _, t := range d.Tasks {
		for name := range t.Params.All() {
			known[name] = true
		}
	}
	names := slices.Sorted(maps.Keys(known))
	if len(names) == 0 {
		return nil
	}
	for _, key := range slices.Sorted(maps.Keys(render.DecodeConf(conf))) {
		if known[key] || slices.ContainsFunc(d.Tasks, func(t *dag.Task) bool { return mentions(t.Args.Node(), key) }) {
			continue
		}
		warnings = append(warnings, fmt.Sprintf("conf: the DAG has no param %q%s; only dag_run.conf holds it", key, yamlvalue.DidYouMean(key, slices.Values(names))))
	}
	return warnings
}

// mentions reports whether a text below n has a word in it.
func mentions(n *yaml.Node, word string) bool {
	return n.Kind == yaml.ScalarNode && yamlvalue.HoldsTemplate(n.Value) && strings.Contains(n.Value, word) ||
		slices.ContainsFunc(n.Content, func(c *yaml.Node) bool { return mentions(c, word) })
}

// CheckConf requires a JSON object.
func CheckConf(conf json.RawMessage) (json.RawMessage, error) {
	if len(conf) == 0 {
		return nil, nil
	}
	var m map[string]any
	if err := json.Unmarshal(conf, &m); err != nil || m == nil {
		if se, ok := errors.AsType[*json.SyntaxError](err); ok {
			return nil, phrase.Err("conf.syntax", se.Offset, err)
		}
		return nil, phrase.Err("conf.object")
	}
	return conf, nil
}
