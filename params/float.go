package params

import (
	"encoding/json"
	"math"

	"github.com/dingdag/dingdag/yamlvalue"
)

// FloatNumber is f for JSON, as Python's json.dumps writes it: 1000.0, where Go's encoder
// writes 1000, which is a whole number to all who read it. What JSON has no number for is its
// text.
func FloatNumber(f float64) any {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return yamlvalue.PythonFloat(f)
	}
	return json.Number(yamlvalue.PythonFloat(f))
}

// FloatNumbers returns v with each float64 below it, in lists and mappings, as its
// [FloatNumber]. v itself stays as it is.
func FloatNumbers(v any) any {
	switch v := v.(type) {
	case float64:
		return FloatNumber(v)
	case []any:
		out := make([]any, len(v))
		for i, x := range v {
			out[i] = FloatNumbers(x)
		}
		return out
	case map[string]any:
		out := make(map[string]any, len(v))
		for k, x := range v {
			out[k] = FloatNumbers(x)
		}
		return out
	default:
		return v
	}
}
