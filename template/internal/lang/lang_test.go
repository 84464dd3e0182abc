package lang_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/template/internal/lang"
	"github.com/dingdag/dingdag/template/internal/pyval"
)

// language has one filter, one test and one function.
func language() *lang.Language {
	return &lang.Language{
		Filters: map[string]lang.Filter{"f": func(_ *pyval.Budget, v any, a *pyval.Args) (any, error) { return v, a.Done() }},
		Tests: map[string]lang.Test{
			"defined": func(_ *pyval.Budget, v any, a *pyval.Args) (bool, error) { return !pyval.IsUndefined(v), a.Done() },
		},
		Function: func(name string) bool { return name == "range" },
	}
}

func TestUsesTellNamesAndPaths(t *testing.T) {
	t.Parallel()
	tree, err := lang.Parse("中\n{{ a.b['c'] }}{% if x %}{{ (y).z(1, ['q'], k='v') }}{% endif %}{% set s = 1 %}{{ s }}{{ t is defined and t }}{{ 'x'.up() }}",
		language(), nil)
	require.NoError(t, err)
	var got []lang.Ref
	for _, r := range tree.Uses(language()) {
		r.Source = nil
		got = append(got, r)
	}
	assert.Equal(t, []lang.Ref{
		{Name: "a", Text: "a", At: 7, Sure: true, Path: []lang.Step{{Name: "b", At: 9}, {Name: "c", At: 11}}},
		{Name: "x", Text: "x", At: 24, Sure: true},
		{Name: "y", Text: "y", At: 32, Path: []lang.Step{
			{Name: "z", At: 35, Called: true, Args: [][]string{nil, {"q"}}, Keywords: map[string][]string{"k": {"v"}}},
		}},
		{Constant: "x", Text: "'x'", At: 116, Sure: true, Path: []lang.Step{{Name: "up", At: 120, Called: true, Keywords: map[string][]string{}}}},
	}, got)
}
