package params

import (
	"encoding/json"
	"math"
	"strconv"
	"strings"
)

// FloatText writes the shortest text that reads back as f, as Python's str does: 1.0,
// 0.1, 1e+22, nan, -inf.
func FloatText(f float64) string {
	switch {
	case math.IsNaN(f):
		return "nan"
	case math.IsInf(f, 1):
		return "inf"
	case math.IsInf(f, -1):
		return "-inf"
	}
	text := strconv.FormatFloat(f, 'e', -1, 64)
	exp, err := strconv.Atoi(text[strings.IndexByte(text, 'e')+1:])
	if err != nil || exp < -4 || exp >= 16 {
		return text
	}
	text = strconv.FormatFloat(f, 'f', -1, 64)
	if !strings.Contains(text, ".") {
		text += ".0"
	}
	return text
}

// FloatNumber is f for JSON, as Python's json.dumps writes it: 1000.0, where Go's encoder
// writes 1000, which is a whole number to all who read it. What JSON has no number for is its
// text.
func FloatNumber(f float64) any {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return FloatText(f)
	}
	return json.Number(FloatText(f))
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
