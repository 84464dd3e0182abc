package template_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/template"
)

// folder is a Context.Include that knows some files.
func folder(files map[string]string) func(string) (string, error) {
	return func(name string) (string, error) {
		if src, ok := files[name]; ok {
			return src, nil
		}
		return "", fmt.Errorf("no file %q", name)
	}
}

func TestInclude(t *testing.T) {
	t.Parallel()
	files := map[string]string{
		"head.sql":   "-- {{ params.n }}\n",
		"loop.sql":   "{{ loop.index }}{{ x }}",
		"sets.sql":   "{% set y = 2 %}{{ y }}",
		"macro.sql":  "{% macro f(a) %}<{{ a }}>{% endmacro %}{{ f(1) }}",
		"outer.sql":  "[{% include 'sets.sql' %}]",
		"plain.txt":  "{ 100%",
		"dir/in.sql": "in",
	}
	c := &template.Context{Params: map[string]any{"n": 7}, Include: folder(files)}
	for src, want := range map[string]string{
		"{% include 'head.sql' %}\nSELECT 1":                                    "-- 7\nSELECT 1",
		"{% for x in 'ab' %}{% include 'loop.sql' %} {% endfor %}":              "1a 2b ",
		"{% set y = 1 %}{% include 'sets.sql' %}{{ y }}":                        "21",
		"{% set x = 3 %}{% include \"sets.sql\" with context %}{{ x }}":         "23",
		"{% include 'macro.sql' %}":                                             "<1>",
		"{% include 'outer.sql' %}":                                             "[2]",
		"{% include 'plain.txt' %}":                                             "{ 100%",
		"{% if false %}{% include 'head.sql' %}{% endif %}x":                    "x",
		"a{% include 'no.sql' ignore missing %}b":                               "ab",
		"{% include ['no.sql', 'dir/in.sql'] %}":                                "in",
		"{% include ('no.sql', 'never.sql',) ignore missing with context %}x":   "x",
		"x {%- include 'dir/in.sql' -%} y":                                      "xiny",
		"{% macro m() %}{% include 'head.sql' %}{% endmacro %}{{ m() }}{{ 1 }}": "-- 71",
	} {
		got, err := newEnv().Render(src, c)
		require.NoError(t, err, src)
		assert.Equal(t, want, got, src)
		native, text, err := newEnv().RenderNative(src, c)
		require.NoError(t, err, src)
		assert.Equal(t, want, fmt.Sprint(native), src)
		assert.Equal(t, want, text, src)
	}
}

func TestIncludeMistakes(t *testing.T) {
	t.Parallel()
	files := map[string]string{
		"bad.sql":     "ok\n{{ x | uper }}",
		"missing.sql": "a\n  {{ params.nope }}",
		"self.sql":    "{% include 'self.sql' %}",
		"a.sql":       "{% include 'b.sql' %}",
		"b.sql":       "{% include 'a.sql' %}",
		"open.sql":    "{% if 1 %}",
		"macro.sql":   "{% macro f() %}{% endmacro %}",
		"sees.sql":    "{{ x }}",
		"long.sql":    strings.Repeat("x", 600<<10),
	}
	for i := range 12 {
		files[fmt.Sprintf("d%d", i)] = fmt.Sprintf("{%% include 'd%d' %%}", i+1)
	}
	c := &template.Context{Params: map[string]any{"n": 7}, Include: folder(files)}
	for src, want := range map[string]string{
		"{% include 'no.sql' %}":                              `template line 1, column 4: include: no file "no.sql"`,
		"{% include ['no.sql', 'nor.sql'] %}":                 `template line 1, column 4: include: no file "no.sql"`,
		"{% include 'bad.sql' %}":                             `template file bad.sql, line 2, column 8: unknown filter "uper"; did you mean upper?`,
		"\n{% include 'missing.sql' %}":                       `template file missing.sql, line 2, column 6: params.nope is undefined`,
		"{% include 'self.sql' %}":                            "template file self.sql, line 1, column 4: the files include each other: self.sql -> self.sql",
		"{% include 'a.sql' %}":                               "template file b.sql, line 1, column 4: the files include each other: a.sql -> b.sql -> a.sql",
		"{% include 'open.sql' %}{% endif %}":                 "template file open.sql, line 1, column 4: {% if %} is never closed: {% endif %} is missing",
		"{% include 'macro.sql' %}{{ f() }}":                  `template line 1, column 29: unknown function "f"`,
		"{% include 'd0' %}":                                  "template file d9, line 1, column 4: files include each other more than 10 levels deep",
		"{% include 'long.sql' %}{% include 'long.sql' %}":    "template line 1, column 28: the included files hold more than 1048576 bytes",
		"{% include 'sees.sql' without context %}":            "template file sees.sql, line 1, column 4: x is undefined",
		"{% include 'macro.sql' without %}":                   "template line 1, column 32: unexpected end of the expression, expected 'context'",
		"{% include 'macro.sql' ignore %}":                    "template line 1, column 31: unexpected end of the expression, expected 'missing'",
		"{% include [] %}":                                    "template line 1, column 15: include names no file",
		"{% include 'macro.sql' ~ '.x' %}":                    "template line 1, column 24: unexpected '~', expected %}",
		"{{ 1 }}{% include 'missing.sql' %}{{ params.nope }}": `template file missing.sql, line 2, column 6: params.nope is undefined`,
	} {
		_, err := newEnv().Render(src, c)
		assert.EqualError(t, err, want, src)
	}
	_, err := newEnv().Render("{% include 'a' %}", &template.Context{})
	require.EqualError(t, err, "template line 1, column 4: {% include %} is not available here: this template has no folder")
}

// Without files the syntax of an include is checked, with them the files are too, and
// what was in them is not remembered.
func TestIncludeChecks(t *testing.T) {
	t.Parallel()
	env := newEnv()
	files := map[string]string{}
	const src = "{% include 'a.sql' %}"
	require.NoError(t, env.Check(src))
	assert.True(t, env.Includes(src))
	assert.False(t, env.Includes("{{ 'include' }}"))
	require.ErrorContains(t, env.CheckFiles(src, folder(files)), `no file "a.sql"`)
	files["a.sql"] = "{{ 1 }}"
	require.NoError(t, env.CheckFiles(src, folder(files)))
	c := &template.Context{Include: folder(files)}
	for _, want := range []string{"1", "2"} {
		files["a.sql"] = "{{ " + want + " }}"
		got, err := env.Render(src, c)
		require.NoError(t, err)
		assert.Equal(t, want, got)
	}
}
