package schedule

import (
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/dag/dagfile/reading"
	"github.com/dingdag/dingdag/yamlvalue"
)

// watchers reads the argument watchers of an asset: a list of mappings with name and trigger.
func (a *assetReader) watchers(n *yaml.Node) (list []dag.Watcher, ok bool) {
	if n == nil || yamlvalue.KindOf(n) == yamlvalue.Null {
		return nil, true
	}
	if n, ok = a.Builtin(n); !ok {
		return nil, false
	}
	if yamlvalue.KindOf(n) != yamlvalue.List {
		a.Errorf(n, "watchers: want a list of mappings with name and trigger, not %s", reading.Show(n))
		return nil, false
	}
	names := map[string]bool{}
	for _, item := range n.Content {
		w, fine := a.watcher(item)
		switch {
		case !fine:
			ok = false
		case names[w.Name]:
			a.Errorf(item, "watchers: the name %q appears twice", yamlvalue.Excerpt(w.Name))
			ok = false
		default:
			names[w.Name] = true
			list = append(list, w)
		}
	}
	return list, ok
}

// watcher reads one of them: a mapping, or an AssetWatcher of Python.
func (a *assetReader) watcher(n *yaml.Node) (dag.Watcher, bool) {
	if yamlvalue.KindOf(n) != yamlvalue.Map {
		a.Errorf(n, "watchers: want a mapping with name and trigger, not %s", reading.Show(n))
		return dag.Watcher{}, false
	}
	t := reading.Typed{Node: n, Path: "a watcher", Values: map[string]*yaml.Node{}}
	if reading.TypeOf(n) != "" {
		var ok bool
		if t, ok = a.Typed(n); !ok {
			return dag.Watcher{}, false
		}
		if t.Path != reading.TypeWatcher {
			a.Errorf(n, "watchers: %s is not a watcher: write %s, or name and trigger alone", t.Path, reading.TypeWatcher)
			return dag.Watcher{}, false
		}
	} else {
		for k, v := range yamlvalue.Pairs(n) {
			t.Names, t.Values[k.Value] = append(t.Names, k), v
		}
	}
	args, ok := a.Bind(t, "name", "trigger")
	if !ok {
		return dag.Watcher{}, false
	}
	for _, needed := range []string{"name", "trigger"} {
		if args[needed] == nil {
			a.Errorf(n, "watchers: the key %s is missing", needed)
			return dag.Watcher{}, false
		}
	}
	name, ok := a.Text("name", args["name"])
	if !ok {
		return dag.Watcher{}, false
	}
	if err := dag.CheckAssetText(name); err != nil {
		a.Errorf(args["name"], "watchers: the name of a watcher %v", err)
		return dag.Watcher{}, false
	}
	trigger, ok := a.trigger(args["trigger"])
	return dag.Watcher{Name: name, Trigger: trigger}, ok
}

// trigger reads what a watcher waits for: a name, or a mapping with the name under trigger or __type__
// and the parameters beside it.
func (a *assetReader) trigger(n *yaml.Node) (dag.Trigger, bool) {
	args := &yaml.Node{Kind: yaml.MappingNode, Tag: "!!map", Line: n.Line, Column: n.Column}
	var name *yaml.Node
	switch yamlvalue.KindOf(n) {
	case yamlvalue.Text:
		name = n
	case yamlvalue.Map:
		for k, v := range yamlvalue.Pairs(n) {
			switch {
			case k.Value != "trigger" && k.Value != "__type__":
				args.Content = append(args.Content, k, v)
			case name != nil:
				a.Errorf(k, "trigger: both trigger and __type__ name the trigger: write one of them")
				return dag.Trigger{}, false
			default:
				name = v
			}
		}
	default:
		a.Errorf(n, "trigger: want a mapping with the key trigger, which names the trigger, not %s", reading.Show(n))
		return dag.Trigger{}, false
	}
	switch {
	case name == nil:
		a.Errorf(n, "trigger: the key trigger is missing: it names the trigger, such as dingtalk")
		return dag.Trigger{}, false
	case yamlvalue.KindOf(name) != yamlvalue.Text || strings.TrimSpace(name.Value) == "":
		a.Errorf(name, "trigger: want the name of a trigger, not %s", reading.Show(name))
		return dag.Trigger{}, false
	}
	return a.Trigger(a.Scope, name, args)
}
