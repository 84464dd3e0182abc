package dagfile

import (
	"fmt"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/dingdag/dingdag/yamlvalue"
)

// excerptName shortens the name of an operator or notifier and leaves its class whole: of
// a dotted path that is the last part.
func excerptName(s string) string {
	const most, longest = 60, 200
	runes := []rune(s)
	dot := strings.LastIndexByte(s, '.')
	class := []rune(s[dot+1:])
	if len(runes) <= most || dot < 0 || len(class) > longest {
		return yamlvalue.Excerpt(s)
	}
	start := max(most-len(class), 10)
	return string(runes[:min(start, len(runes)-len(class)-1)]) + "…." + string(class)
}

// show describes a node for a message: its kind, and the text of a scalar.
func show(n *yaml.Node) string {
	k := yamlvalue.KindOf(n)
	switch k {
	case yamlvalue.Map, yamlvalue.List, yamlvalue.Null:
		return string(k)
	default:
		return fmt.Sprintf("%s %q", k, yamlvalue.Excerpt(n.Value))
	}
}
