package pages

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/api"
	"github.com/dingdag/dingdag/web/pages/words"
)

// made are the beginnings of keys that are put together, with what may follow.
func made() map[string][]string {
	states := []string{}
	for s := range signs {
		states = append(states, s)
	}
	for _, s := range api.RunStates() {
		states = append(states, string(s))
	}
	alerts := []string{}
	for _, s := range api.AlertStates() {
		alerts = append(alerts, string(s))
	}
	return map[string][]string{"type.": runTypes, "alert.": alerts, "state.": states, "severity.": {"error", "warning"}, "health.": {"healthy", "unhealthy", "unknown"}}
}

// Every text that is named is there, and every text that is there is named.
func TestTextsAreUsed(t *testing.T) {
	t.Parallel()
	used := map[words.Key]bool{}
	templates, err := parseTemplates()
	require.NoError(t, err)
	for _, page := range templates {
		for _, part := range page.Templates() {
			for _, k := range said(part.Tree) {
				used[k] = true
			}
		}
	}
	entries, err := os.ReadDir(".")
	require.NoError(t, err)
	for _, e := range entries {
		if !strings.HasSuffix(e.Name(), ".go") || strings.HasSuffix(e.Name(), "_test.go") {
			continue
		}
		f, err := parser.ParseFile(token.NewFileSet(), e.Name(), nil, 0)
		require.NoError(t, err)
		ast.Inspect(f, func(n ast.Node) bool {
			lit, ok := n.(*ast.BasicLit)
			if !ok || lit.Kind != token.STRING {
				return true
			}
			text, err := strconv.Unquote(lit.Value)
			require.NoError(t, err)
			if words.Has(words.Key(text)) {
				used[words.Key(text)] = true
			}
			return true
		})
	}
	for begin, ends := range made() {
		for _, e := range ends {
			k := words.Key(begin + e)
			assert.True(t, words.Has(k), k)
			used[k] = true
		}
	}
	for _, k := range words.Keys() {
		assert.True(t, used[k], "no page says %s", k)
	}
}

// say has only keys that are there.
func TestSaidKeysAreThere(t *testing.T) {
	t.Parallel()
	entries, err := os.ReadDir(".")
	require.NoError(t, err)
	n := 0
	for _, e := range entries {
		if !strings.HasSuffix(e.Name(), ".go") || strings.HasSuffix(e.Name(), "_test.go") {
			continue
		}
		f, err := parser.ParseFile(token.NewFileSet(), e.Name(), nil, 0)
		require.NoError(t, err)
		ast.Inspect(f, func(n2 ast.Node) bool {
			c, ok := n2.(*ast.CallExpr)
			if !ok {
				return true
			}
			if s, ok := c.Fun.(*ast.SelectorExpr); !ok || s.Sel.Name != "say" || len(c.Args) == 0 {
				return true
			}
			if lit, ok := c.Args[0].(*ast.BasicLit); ok {
				text, err := strconv.Unquote(lit.Value)
				require.NoError(t, err)
				assert.True(t, words.Has(words.Key(text)), "%s: %s", e.Name(), text)
				n++
			}
			return true
		})
	}
	assert.Positive(t, n)
}
