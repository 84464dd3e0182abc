package dag

import (
	"iter"
	"maps"
	"slices"

	"gopkg.in/yaml.v3"

	"github.com/dingdag/dingdag/yamlvalue"
)

// Mapping makes instances of one task, one for each element of what it is mapped over
// (Airflow, "Dynamic Task Mapping").
type Mapping struct {
	// Args are the mapped parameters in the order of the file: the instances are their
	// cross product, in which the last one changes fastest. Empty with Kwargs.
	Args []MappedArg
	// Kwargs gives each instance a mapping of parameters (expand_kwargs); nil with Args.
	Kwargs *MappedValues
}

// MappedArg is one mapped parameter.
type MappedArg struct {
	Name string
	MappedValues
}

// MappedValues is what something is mapped over: values of the file or a result.
type MappedValues struct {
	// Values are those of the file, checked; an element of a mapping is a list of its
	// key and value.
	Values []*yaml.Node
	// From is the full id of the task whose result it is; empty for values of the file.
	From string
	// Key names an element of that result, which is a mapping then.
	Key string
}

// Sources yields what the mapping is made over.
func (m *Mapping) Sources() iter.Seq[*MappedValues] {
	return func(yield func(*MappedValues) bool) {
		if m == nil {
			return
		}
		if m.Kwargs != nil {
			yield(m.Kwargs)
			return
		}
		for i := range m.Args {
			if !yield(&m.Args[i].MappedValues) {
				return
			}
		}
	}
}

// Over reports whether the mapping uses the result of a task.
func (m *Mapping) Over(taskID string) bool {
	for v := range m.Sources() {
		if v.From == taskID {
			return true
		}
	}
	return false
}

// MappedArgs returns the parameters of one instance: those of the task, and over them
// what the instance is mapped to.
func (t *Task) MappedArgs(values map[string]*yaml.Node) *yaml.Node {
	var extra []*yaml.Node
	for _, name := range slices.Sorted(maps.Keys(values)) {
		extra = append(extra, &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: name}, values[name])
	}
	return yamlvalue.With(t.Args.Node(), extra)
}
