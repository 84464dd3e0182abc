package rewrite_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/dingdag/dingdag/template/internal/rewrite"
)

func known() rewrite.Known {
	yes := func(string) bool { return true }
	return rewrite.Known{
		Filter: yes, Test: yes,
		Function: func(n string) bool { return n == "range" },
		Attr:     func(string, string) (bool, bool) { return false, false },
	}
}

func TestRewrite(t *testing.T) {
	t.Parallel()
	for src, want := range map[string]string{
		"a {{ x }} b":                           "a {{ __out(0,x) }} b",
		"{{ a.b(1, c=2) }}":                     "{{ __out(1,__method(0,a,1,c=2)) }}",
		"{{ a + b - c }}":                       "{{ __out(1,__op(0,a,b,c)) }}",
		"{{ a < b in c }}":                      "{{ __out(1,__cmp(0,a,b,c)) }}",
		"{{ a and b }}":                         "{{ __out(1,(__use(0,a) and b)) }}",
		"{{ a|f|g(1) }}":                        "{{ __out(2,a|f(0)|g(1,1)) }}",
		"{{ range(2) }}":                        "{{ __out(1,__global(0,2)) }}",
		"{{ 'x' }}":                             "{{ __out(1,__const(0)) }}",
		"{% for a, (b, c) in x %}y{% endfor %}": "{% for a, (b, c) in __iter(0,x) %}{{ __text(1) }}{% endfor %}",
		"a {%- if 1 -%} b {%- endif %} c":       "a{% if __use(0,1) %}{{ __text(1) }}{% endif %} c",
		"{# c -#}  x":                           "x",
	} {
		got, err := rewrite.Rewrite(src, known())
		require.NoError(t, err, src)
		assert.Equal(t, want, got.Source, src)
	}
}

func TestDirect(t *testing.T) {
	t.Parallel()
	for src, want := range map[string]bool{
		"{{ x }}": true, "{% if 1 %}{{ x }}{% endif %}": true, "{% for i in [1] %}{{ x }}{% endfor %}": true,
		"{% macro m() %}{{ x }}{% endmacro %}": false, "{% set y %}{{ x }}{% endset %}": false,
		"{% filter f %}{{ x }}{% endfilter %}": false,
	} {
		got, err := rewrite.Rewrite(src, known())
		require.NoError(t, err, src)
		last := got.Sites[len(got.Sites)-1]
		assert.Equal(t, want, last.Direct, src)
	}
}

func TestSitesPointIntoTheSource(t *testing.T) {
	t.Parallel()
	src := "中\n{{ params.a +\n  b | f }}"
	got, err := rewrite.Rewrite(src, known())
	require.NoError(t, err)
	texts := map[string][2]int{}
	for _, s := range got.Sites {
		line, column := rewrite.Position(src, s.At)
		texts[s.Text] = [2]int{line, column}
	}
	assert.Equal(t, map[string][2]int{
		"params.a": {2, 4}, "b | f": {3, 3}, "params.a +\n  b | f": {2, 4},
	}, texts)
}

func TestNameUndoesIdent(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		name := rapid.StringMatching(`[a-z中é][a-z0-9_文ß]*`).Draw(t, "name")
		require.Equal(t, name, rewrite.Name(rewrite.Ident(name)))
		require.Regexp(t, `^[a-zA-Z0-9_]+$`, rewrite.Ident(name))
	})
}
