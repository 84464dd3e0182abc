package dagfile

import (
	"slices"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/dingdag/dingdag/yamlvalue"
)

// The types that __type__ may name, by the part of the file where they are understood.
const (
	typeTimedelta     = "datetime.timedelta"
	typeDatetime      = "datetime.datetime"
	typeDate          = "datetime.date"
	typeTime          = "datetime.time"
	typeList          = "builtins.list"
	typeDict          = "builtins.dict"
	typeStr           = "builtins.str"
	typeInt           = "builtins.int"
	typeFloat         = "builtins.float"
	typeBool          = "builtins.bool"
	typeCron          = "airflow.timetables.trigger.CronTriggerTimetable"
	typeCrons         = "airflow.timetables.trigger.MultipleCronTriggerTimetable"
	typeCronInterval  = "airflow.timetables.interval.CronDataIntervalTimetable"
	typeDelta         = "airflow.timetables.trigger.DeltaTriggerTimetable"
	typeDeltaInterval = "airflow.timetables.interval.DeltaDataIntervalTimetable"
	typeAsset         = "airflow.sdk.Asset"
	typeDataset       = "airflow.datasets.Dataset"
	typeParam         = "airflow.sdk.Param"
	typeRelativedelta = "dateutil.relativedelta.relativedelta"
)

var (
	paramTypes = []string{typeParam, "airflow.sdk.definitions.param.Param", "airflow.models.param.Param", "airflow.models.Param"}
	valueTypes = []string{
		typeTimedelta, typeDatetime, typeDate, typeTime, typeList, typeDict, typeStr, typeInt, typeFloat, typeBool,
	}
	knownTypes = slices.Concat(valueTypes, []string{
		typeCron, typeCrons, typeCronInterval, typeDelta, typeDeltaInterval, typeAsset, typeDataset,
	}, paramTypes)
)

// typedValue is a mapping with __type__: a constructor call of Python.
type typedValue struct {
	node *yaml.Node
	path string
	args []*yaml.Node
	// names are the key nodes of the keyword arguments, values those by name.
	names  []*yaml.Node
	values map[string]*yaml.Node
}

// typeOf returns the __type__ of a mapping, "" for any other node.
func typeOf(n *yaml.Node) string {
	if _, v := yamlvalue.Lookup(n, "__type__"); v != nil && v.Kind == yaml.ScalarNode {
		return v.Value
	}
	return ""
}

// typed reads a mapping with __type__. It reports a type that no place understands.
func (s scope) typed(n *yaml.Node) (typedValue, bool) {
	t := typedValue{node: n, values: map[string]*yaml.Node{}}
	for k, v := range yamlvalue.Pairs(n) {
		switch k.Value {
		case "__type__":
			if v.Kind != yaml.ScalarNode {
				s.errorf(v, "__type__ must be text, not %s", show(v))
				return t, false
			}
			t.path = v.Value
			if !s.knownType(v) {
				return t, false
			}
		case "__args__":
			if v.Kind != yaml.SequenceNode {
				s.errorf(v, "__args__ must be a list, not %s", show(v))
				return t, false
			}
			t.args = v.Content
		default:
			t.names = append(t.names, k)
			t.values[k.Value] = v
		}
	}
	return t, true
}

func (s scope) knownType(path *yaml.Node) bool {
	switch name := path.Value; {
	case slices.Contains(knownTypes, name):
		return true
	case name == typeRelativedelta:
		s.errorf(path, "%s is not supported: months differ in length, use a cron schedule", name)
	case strings.HasPrefix(name, "kubernetes."):
		s.errorf(path, "%s is not supported: run the container through bash or http", name)
	default:
		s.errorf(path, "__type__ %q is not supported%s; supported are %s",
			yamlvalue.Excerpt(name), s.suggest(name, slices.Values(knownTypes)), strings.Join(knownTypes, ", "))
	}
	return false
}

// bind gives the arguments their names, as Python would: positional ones by the order
// of the signature, where keyword-only names follow "*".
func (s scope) bind(t typedValue, signature ...string) (map[string]*yaml.Node, bool) {
	positional := signature
	if star := slices.Index(signature, "*"); star >= 0 {
		positional = signature[:star]
	}
	if len(t.args) > len(positional) {
		s.errorf(t.node, "%s takes at most %d positional arguments, not %d", t.path, len(positional), len(t.args))
		return nil, false
	}
	bound := make(map[string]*yaml.Node, len(t.args)+len(t.names))
	for i, arg := range t.args {
		bound[positional[i]] = arg
	}
	for _, name := range t.names {
		if name.Value == "*" || !slices.Contains(signature, name.Value) {
			s.errorf(name, "%s has no argument %q%s", t.path, yamlvalue.Excerpt(name.Value), s.suggest(name.Value, slices.Values(signature)))
			return nil, false
		}
		if bound[name.Value] != nil {
			s.errorf(name, "argument %q stands twice: in __args__ and by name", name.Value)
			return nil, false
		}
		bound[name.Value] = t.values[name.Value]
	}
	return bound, true
}

// notHere reports a typed value that is known but means nothing at this place.
func (s scope) notHere(n *yaml.Node, want string) {
	if _, ok := s.typed(n); ok {
		s.errorf(n, "%s has no meaning here: want %s", typeOf(n), want)
	}
}
