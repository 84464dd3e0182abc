package dagfile

import (
	"gopkg.in/yaml.v3"

	"github.com/dingdag/dingdag/dag/dagfile/former"
	"github.com/dingdag/dingdag/dag/dagfile/keys"
	"github.com/dingdag/dingdag/dag/dagfile/reading"
	"github.com/dingdag/dingdag/yamlvalue"
)

// modernise gives the keys of older files, in a DAG or in what DAGs share, the names that they
// have today. It comes before anything is merged, so that an old name in one place and the new
// one in another are the same key. Where a key is read, its former name is warned about.
func modernise(s reading.Scope, body *yaml.Node) {
	if body.Kind != yaml.MappingNode || reading.Special(body) {
		return
	}
	rename(s, body, oldDAGKey)
	for k, v := range yamlvalue.Pairs(body) {
		switch k.Value {
		case "default_args":
			rename(s, v, former.OfTask)
		case "tasks":
			eachMapping(v, func(task *yaml.Node) { rename(s, task, former.OfTask) })
		case "task_groups":
			eachMapping(v, func(group *yaml.Node) {
				if _, args := yamlvalue.Lookup(group, "default_args"); args != nil {
					rename(s, args, former.OfTask)
				}
			})
		case "timetable":
			typedTimetable(s, k, v)
		}
	}
}

// oldDAGKey is [former.OfDAG] without the keys that are still read by their own names, as
// concurrency is, which wins over max_active_tasks.
func oldDAGKey(name string) (former.Key, bool) {
	old, ok := former.OfDAG(name)
	if ok {
		_, read := keys.DAGs.Find(name)
		ok = !read
	}
	return old, ok
}

// eachMapping calls f for the mappings in a list or a mapping.
func eachMapping(n *yaml.Node, f func(*yaml.Node)) {
	for i, item := range n.Content {
		if item.Kind == yaml.MappingNode && (n.Kind == yaml.SequenceNode || i%2 == 1) {
			f(item)
		}
	}
}

// rename replaces the keys of a mapping that have another name today. Both names at once are
// an error: they may say different things.
func rename(s reading.Scope, n *yaml.Node, find func(string) (former.Key, bool)) {
	if n.Kind != yaml.MappingNode {
		return
	}
	for i := 0; i < len(n.Content); i += 2 {
		k := n.Content[i]
		old, ok := find(k.Value)
		if !ok || old.Form == former.Gone {
			continue
		}
		if taken, _ := yamlvalue.Lookup(n, old.Now); taken != nil {
			s.Errorf(k, "%s, which is also on line %d: keep one of them", old.Advice(), taken.Line)
			n.Content = append(n.Content[:i:i], n.Content[i+2:]...)
			i -= 2
			continue
		}
		now := *k
		now.Value = old.Now
		s.SuppliedLike(&now, k)
		s.Older(&now, old.Warning())
		n.Content[i] = &now
	}
}

// typedTimetable writes a timetable with callable and params, as in older files, as the typed
// value that it is today.
func typedTimetable(s reading.Scope, key, n *yaml.Node) {
	_, class := yamlvalue.Lookup(n, "callable")
	if class == nil || reading.Special(n) {
		return
	}
	typed := []*yaml.Node{yamlvalue.NewScalar(yamlvalue.Text, "__type__", class), class}
	for k, v := range yamlvalue.Pairs(n) {
		switch {
		case k.Value == "params" && v.Kind == yaml.MappingNode:
			typed = append(typed, v.Content...)
		case k.Value != "callable" && k.Value != "params":
			return
		}
	}
	s.Older(key, former.TimetableAdvice(yamlvalue.Excerpt(class.Value)))
	n.Content = typed
}
