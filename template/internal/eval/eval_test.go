package eval_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/template/internal/eval"
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

func context(names map[string]any) *eval.Context {
	return &eval.Context{
		Name: func(name string) (any, error) {
			if v, ok := names[name]; ok {
				return v, nil
			}
			return pyval.Undefined{}, nil
		},
		Global:       func(string) (any, error) { return pyval.Undefined{}, nil },
		WhyUndefined: func(string) string { return "" },
		DidYouMean:   func(string, []string) string { return "" },
		Budget:       &pyval.Budget{MaxText: 1 << 20, Left: 1 << 24},
		Fuel:         100_000, Depth: 50, MaxOutput: 1 << 20,
	}
}

func render(src string, load lang.Loader, names map[string]any) (string, error) {
	t, err := lang.Parse(src, language(), load)
	if err != nil {
		return "", err
	}
	return eval.Render(t, context(names))
}

// A macro sees the names around it as they are when it is called, and keeps those of a loop
// that is over.
func TestMacrosKeepTheirNames(t *testing.T) {
	t.Parallel()
	for src, want := range map[string]string{
		"{% set x = 1 %}{% macro m() %}{{ x }}{% endmacro %}{% set x = 2 %}{{ m() }}":                                                     "2",
		"{% set ns = o %}{% for i in l %}{% macro m() %}{{ i }}{% endmacro %}{% do ns.append(m) %}{% endfor %}{{ ns[0]() }}{{ ns[1]() }}": "12",
		"{% for i in l %}{% set y = i %}{{ y }}{% endfor %}{{ y is defined }}":                                                            "12False",
		"{% set y = 0 %}{% for i in l %}{{ y }}{% set y = i %}{% endfor %}{{ y }}":                                                        "000",
		"{% macro m(a, b=a) %}{{ a }}{{ b }}{% endmacro %}{{ m(1) }}{{ m(1, 2) }}{{ m(b=3, a=4) }}":                                       "111243",
		"{% macro m() %}[{{ caller(1) }}]{% endmacro %}{% call(v) m() %}{{ v }}{% endcall %}":                                             "[1]",
		"{% for i in l if i is defined and i > 1 %}{{ loop.length }}{{ loop.last }}{% else %}none{% endfor %}":                            "1True",
		"{% with a = 1, b = a is defined %}{{ a }}{{ b }}{% endwith %}":                                                                   "1False",
	} {
		names := map[string]any{"l": pyval.NewList(int64(1), int64(2)), "o": pyval.NewList()}
		got, err := render(src, nil, names)
		require.NoError(t, err, src)
		assert.Equal(t, want, got, src)
	}
}

func TestFuelIsForAllThatRuns(t *testing.T) {
	t.Parallel()
	tree, err := lang.Parse("{% for i in l %}{{ i + 1 }}{% endfor %}", language(), nil)
	require.NoError(t, err)
	items := make([]any, 100)
	for i := range items {
		items[i] = int64(1)
	}
	c := context(map[string]any{"l": pyval.NewList(items...)})
	c.Fuel = 300
	_, err = eval.Render(tree, c)
	var e *lang.Error
	require.ErrorAs(t, err, &e)
	assert.Equal(t, "the template runs for more than 300 steps", e.Message)
	assert.Equal(t, [2]int{1, 20}, [2]int{e.Line, e.Column})
}

// A name that the template gives a value later is none of the context before, and the mistake
// says so at its place.
func TestNamesGivenAValueLater(t *testing.T) {
	t.Parallel()
	names := map[string]any{"ds": "D"}
	for src, want := range map[string]string{
		"{% for i in [1] %}{{ ds }}{% endfor %}{% set ds = 1 %}": "1:22: ds is undefined: the template gives that name a value, which is not there yet",
		"{% macro m(ds=ds) %}{{ ds }}{% endmacro %}{{ m() }}":    "1:24: ds is undefined: the template gives that name a value, which is not there yet",
	} {
		_, err := render(src, nil, names)
		require.EqualError(t, err, want, src)
	}
	for src, want := range map[string]string{
		"{{ ds }}{% for i in [1] %}{{ ds }}{% endfor %}{% set ds = 1 %}":                                    "DD",
		"{% for i in [1] %}{{ ds }}{% endfor %}{% block b %}{{ ds }}{% set ds = 1 %}{% endblock %}{{ ds }}": "DDD",
	} {
		got, err := render(src, nil, names)
		require.NoError(t, err, src)
		assert.Equal(t, want, got, src)
	}
}
