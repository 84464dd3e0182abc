package hook

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// Whatever the keywords and the text are, a message with them has one.
func FuzzKeywords(f *testing.F) {
	f.Add(`"alert"`, "a text")
	f.Add(`["a", "b"]`, "b")
	f.Add(`"[\"a\"]"`, "")
	f.Add(`[1]`, "x")
	f.Fuzz(func(t *testing.T, value, text string) {
		var v any
		if json.Unmarshal([]byte(value), &v) != nil {
			return
		}
		keywords, err := parseKeywords(v)
		if err != nil {
			require.Empty(t, keywords)
			return
		}
		require.NotEmpty(t, keywords)
		for _, k := range keywords {
			require.NotEmpty(t, strings.TrimSpace(k))
		}
		got, err := withKeyword(TypeText, text, keywords)
		require.NoError(t, err)
		require.False(t, lacksKeyword(TypeText, got, keywords))
		require.True(t, strings.HasPrefix(got.(string), text))
	})
}
