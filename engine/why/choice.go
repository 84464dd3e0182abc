package why

import (
	"encoding/json"

	"github.com/dingdag/dingdag/dagrun"
)

// chooses reports whether a task's result is that of a branch, which names what follows
// directly, or that of a short circuit, which stands for false.
func chooses(g *dagrun.Graph, i dagrun.Task, result json.RawMessage) bool {
	var v any
	if result == nil || json.Unmarshal(result, &v) != nil {
		return false
	}
	switch v := v.(type) {
	case bool:
		return !v
	case string:
		return v == "" || len(g.Targets(i, v)) > 0
	case []any:
		for _, id := range v {
			if text, ok := id.(string); !ok || len(g.Targets(i, text)) == 0 {
				return false
			}
		}
		return true
	default:
		return false
	}
}
