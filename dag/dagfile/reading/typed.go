package reading

import (
	"slices"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/dingdag/dingdag/yamlvalue"
)

// The types that __type__ may name, by the part of the file where they are understood.
const (
	TypeTimedelta     = "datetime.timedelta"
	TypeDatetime      = "datetime.datetime"
	TypeDate          = "datetime.date"
	TypeTime          = "datetime.time"
	TypeList          = "builtins.list"
	TypeDict          = "builtins.dict"
	TypeStr           = "builtins.str"
	TypeInt           = "builtins.int"
	TypeFloat         = "builtins.float"
	TypeBool          = "builtins.bool"
	TypeCron          = "airflow.timetables.trigger.CronTriggerTimetable"
	TypeCrons         = "airflow.timetables.trigger.MultipleCronTriggerTimetable"
	TypeCronInterval  = "airflow.timetables.interval.CronDataIntervalTimetable"
	TypeDelta         = "airflow.timetables.trigger.DeltaTriggerTimetable"
	TypeDeltaInterval = "airflow.timetables.interval.DeltaDataIntervalTimetable"
	TypeAsset         = "airflow.sdk.Asset"
	TypeDataset       = "airflow.datasets.Dataset"
	TypeWatcher       = "airflow.sdk.AssetWatcher"
	TypeParam         = "airflow.sdk.Param"
	TypeRelativedelta = "dateutil.relativedelta.relativedelta"
)

var (
	// ParamTypes are the types of a param with a JSON Schema.
	ParamTypes = []string{TypeParam, "airflow.sdk.definitions.param.Param", "airflow.models.param.Param", "airflow.models.Param"}
	valueTypes = []string{
		TypeTimedelta, TypeDatetime, TypeDate, TypeTime, TypeList, TypeDict, TypeStr, TypeInt, TypeFloat, TypeBool,
	}
	// KnownTypes are all types that some part of a file understands.
	KnownTypes = slices.Concat(valueTypes, []string{
		TypeCron, TypeCrons, TypeCronInterval, TypeDelta, TypeDeltaInterval, TypeAsset, TypeDataset, TypeWatcher,
	}, ParamTypes)
)

// Typed is a mapping with __type__: a constructor call of Python.
type Typed struct {
	Node *yaml.Node
	// Path is what __type__ says.
	Path string
	Args []*yaml.Node
	// Names are the key nodes of the keyword arguments, Values those by name.
	Names  []*yaml.Node
	Values map[string]*yaml.Node
}

// TypeOf returns the __type__ of a mapping, "" for any other node.
func TypeOf(n *yaml.Node) string {
	if _, v := yamlvalue.Lookup(n, "__type__"); v != nil && v.Kind == yaml.ScalarNode {
		return v.Value
	}
	return ""
}

// Typed reads a mapping with __type__. It reports a type that no place understands.
func (s Scope) Typed(n *yaml.Node) (Typed, bool) {
	t := Typed{Node: n, Values: map[string]*yaml.Node{}}
	for k, v := range yamlvalue.Pairs(n) {
		switch k.Value {
		case "__type__":
			if v.Kind != yaml.ScalarNode {
				s.Errorf(v, "__type__ must be text, not %s", Show(v))
				return t, false
			}
			t.Path = v.Value
			if !s.knownType(v) {
				return t, false
			}
		case "__args__":
			if v.Kind != yaml.SequenceNode {
				s.Errorf(v, "__args__ must be a list, not %s", Show(v))
				return t, false
			}
			t.Args = v.Content
		default:
			t.Names = append(t.Names, k)
			t.Values[k.Value] = v
		}
	}
	return t, true
}

func (s Scope) knownType(path *yaml.Node) bool {
	switch name := path.Value; {
	case slices.Contains(KnownTypes, name):
		return true
	case name == TypeRelativedelta:
		s.Errorf(path, "%s is not supported: months differ in length, use a cron schedule", name)
	case strings.HasPrefix(name, "kubernetes."):
		s.Errorf(path, "%s is not supported: run the container through bash or http", name)
	default:
		s.Errorf(path, "__type__ %q is not supported%s; supported are %s",
			yamlvalue.Excerpt(name), s.Suggest(name, slices.Values(KnownTypes)), strings.Join(KnownTypes, ", "))
	}
	return false
}

// Bind gives the arguments their names, as Python would: positional ones by the order
// of the signature, where keyword-only names follow "*".
func (s Scope) Bind(t Typed, signature ...string) (map[string]*yaml.Node, bool) {
	positional := signature
	if star := slices.Index(signature, "*"); star >= 0 {
		positional = signature[:star]
	}
	if len(t.Args) > len(positional) {
		s.Errorf(t.Node, "%s takes at most %d positional arguments, not %d", t.Path, len(positional), len(t.Args))
		return nil, false
	}
	bound := make(map[string]*yaml.Node, len(t.Args)+len(t.Names))
	for i, arg := range t.Args {
		bound[positional[i]] = arg
	}
	for _, name := range t.Names {
		if name.Value == "*" || !slices.Contains(signature, name.Value) {
			s.Errorf(name, "%s has no argument %q%s", t.Path, yamlvalue.Excerpt(name.Value), s.Suggest(name.Value, slices.Values(signature)))
			return nil, false
		}
		if bound[name.Value] != nil {
			s.Errorf(name, "argument %q appears twice: in __args__ and by name", name.Value)
			return nil, false
		}
		bound[name.Value] = t.Values[name.Value]
	}
	return bound, true
}

// notHere reports a typed value that is known but means nothing at this place.
func (s Scope) notHere(n *yaml.Node, want string) {
	if _, ok := s.Typed(n); ok {
		s.Errorf(n, "%s has no meaning here: want %s", TypeOf(n), want)
	}
}
