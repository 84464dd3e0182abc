package reading

import (
	"fmt"

	"gopkg.in/yaml.v3"

	"github.com/dingdag/dingdag/yamlvalue"
)

// Show describes a node for a message: its kind, and the text of a scalar.
func Show(n *yaml.Node) string {
	k := yamlvalue.KindOf(n)
	switch k {
	case yamlvalue.Map, yamlvalue.List, yamlvalue.Null:
		return string(k)
	default:
		return fmt.Sprintf("%s %q", k, yamlvalue.Excerpt(n.Value))
	}
}
