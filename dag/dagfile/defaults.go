package dagfile

import (
	"slices"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/dingdag/dingdag/dag/dagfile/document"
	"github.com/dingdag/dingdag/dag/dagfile/reading"
	"github.com/dingdag/dingdag/yamlvalue"
)

// defaults is what the defaults files give to every DAG of a file: args for
// default_args and keys for the DAG itself. Both are nil without such files.
type defaults struct{ args, keys *yaml.Node }

// readDefaults reads and joins defaults files, nearest first: the nearest one wins,
// tags of all are united.
func (l *Loader) readDefaults(top reading.Scope, paths []string) defaults {
	if len(paths) == 0 {
		return defaults{}
	}
	args := &yaml.Node{Kind: yaml.MappingNode, Tag: "!!map"}
	keys := &yaml.Node{Kind: yaml.MappingNode, Tag: "!!map"}
	var tags []*yaml.Node
	for _, path := range paths {
		root := l.readDefaultsFile(top, path)
		for k, v := range yamlvalue.Pairs(root) {
			switch {
			case k.Value == "default_args" && v.Kind == yaml.MappingNode:
				addMissing(args, v)
			case k.Value == "tags" && v.Kind == yaml.SequenceNode:
				tags = append(tags, v.Content...)
				addMissing(keys, &yaml.Node{Kind: yaml.MappingNode, Content: []*yaml.Node{k, v}})
			default:
				addMissing(keys, &yaml.Node{Kind: yaml.MappingNode, Content: []*yaml.Node{k, v}})
			}
		}
	}
	uniteTags(keys, tags)
	return defaults{args, keys}
}

func (l *Loader) readDefaultsFile(top reading.Scope, path string) *yaml.Node {
	s := top.In(path)
	data, err := document.ReadFile(path)
	if err != nil {
		s.Errorf(nil, "read the defaults file: %s", document.ErrorText(err))
		return nil
	}
	root := l.expandDefaults(s, data)
	top.Supplied(root, path)
	if root != nil {
		modernise(s, root)
	}
	return root
}

// expandDefaults returns the mapping in a defaults file, nil for an empty file and one
// that is in error.
func (l *Loader) expandDefaults(s reading.Scope, data []byte) *yaml.Node {
	root, ok := document.Parse(s, data, false)
	if !ok || root == nil {
		return nil
	}
	if root = document.Expand(s, root, l.opts.document()); root == nil || yamlvalue.KindOf(root) == yamlvalue.Null {
		return nil
	}
	if root.Kind != yaml.MappingNode {
		s.Errorf(root, "the defaults file must be a mapping of the keys of a DAG, not %s", reading.Show(root))
		return nil
	}
	if k, _ := yamlvalue.Lookup(root, "default"); k != nil {
		s.Errorf(k, "a defaults file holds the keys of a DAG at its root: remove the key default")
		return nil
	}
	return root
}

func addMissing(into, from *yaml.Node) {
	for k, v := range yamlvalue.Pairs(from) {
		if have, _ := yamlvalue.Lookup(into, k.Value); have == nil {
			into.Content = append(into.Content, k, v)
		}
	}
}

// uniteTags replaces the tags by the sorted union of those of all files.
func uniteTags(keys *yaml.Node, tags []*yaml.Node) {
	slices.SortStableFunc(tags, func(a, b *yaml.Node) int { return strings.Compare(a.Value, b.Value) })
	tags = slices.CompactFunc(tags, func(a, b *yaml.Node) bool { return a.Value == b.Value })
	for i := 0; i < len(keys.Content); i += 2 {
		if keys.Content[i].Value == "tags" && keys.Content[i+1].Kind == yaml.SequenceNode {
			united := *keys.Content[i+1]
			united.Content = tags
			keys.Content[i+1] = &united
		}
	}
}
