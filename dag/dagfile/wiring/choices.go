package wiring

import (
	"slices"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/dingdag/dingdag/dag/dagfile/reading"
	"github.com/dingdag/dingdag/yamlvalue"
)

// checkChoices reports branches that lead nowhere, at the value that says where.
func (w *wiring) checkChoices() {
	for _, t := range w.tasks {
		for _, id := range t.Targets {
			if slices.ContainsFunc(t.Downstream, func(n int) bool { return w.tasks[n].Named(id) }) {
				continue
			}
			at := findText(t.Args, id)
			if at == nil {
				at = reading.FirstKey(t.Node)
			}
			w.in(t).Errorf(at, "%q is not a task or group directly downstream of %q; there are %s", yamlvalue.Excerpt(id), t.ID, w.downstreamNames(t))
		}
	}
}

func (w *wiring) downstreamNames(t *Task) string {
	if len(t.Downstream) == 0 {
		return "none"
	}
	ids := make([]string, len(t.Downstream))
	for i, n := range t.Downstream {
		ids[i] = w.tasks[n].ID
	}
	return strings.Join(ids, ", ")
}

// findText returns the first scalar value below a node that is the text.
func findText(n *yaml.Node, text string) *yaml.Node {
	for i, child := range n.Content {
		if child.Kind == yaml.ScalarNode {
			if child.Value == text && (n.Kind != yaml.MappingNode || i%2 == 1) {
				return child
			}
			continue
		}
		if found := findText(child, text); found != nil {
			return found
		}
	}
	return nil
}
