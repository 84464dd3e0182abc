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
		"uses.sql":    "{% block b %}{{ g() }}{% endblock %}{% macro f() %}{% endmacro %}",
		"long.sql":    strings.Repeat("x", 600<<10),
	}
	for i := range 12 {
		files[fmt.Sprintf("d%d", i)] = fmt.Sprintf("{%% include 'd%d' %%}", i+1)
	}
	c := &template.Context{Params: map[string]any{"n": 7}, Include: folder(files)}
	for src, want := range map[string]string{
		"{% include 'no.sql' %}":                                       `template line 1, column 4: include: no file "no.sql"`,
		"{% include ['no.sql', 'nor.sql'] %}":                          `template line 1, column 4: include: no file "no.sql"`,
		"{% include 'bad.sql' %}":                                      `template file bad.sql, line 2, column 8: unknown filter "uper"; did you mean upper?`,
		"\n{% include 'missing.sql' %}":                                `template file missing.sql, line 2, column 6: params.nope is undefined`,
		"{% include 'self.sql' %}":                                     "template file self.sql, line 1, column 4: the files include each other: self.sql -> self.sql",
		"{% include 'a.sql' %}":                                        "template file b.sql, line 1, column 4: the files include each other: a.sql -> b.sql -> a.sql",
		"{% include 'open.sql' %}{% endif %}":                          "template file open.sql, line 1, column 4: {% if %} is never closed: {% endif %} is missing",
		"{% include 'macro.sql' %}{{ f() }}":                           `template line 1, column 29: unknown function "f"`,
		"{% include 'd0' %}":                                           "template file d9, line 1, column 4: files include each other more than 10 levels deep",
		"{% include 'long.sql' %}{% include 'long.sql' %}":             "template line 1, column 28: the included files hold more than 1048576 bytes",
		"{% include 'sees.sql' without context %}":                     "template file sees.sql, line 1, column 4: x is undefined",
		"{% include 'macro.sql' without %}":                            "template line 1, column 32: unexpected end of the expression, expected 'context'",
		"{% include 'macro.sql' ignore %}":                             "template line 1, column 31: unexpected end of the expression, expected 'missing'",
		"{% from 'macro.sql' import g %}":                              `template line 1, column 28: unknown name "g" of macro.sql`,
		"{% from 'macro.sql' import f, %}":                             "template line 1, column 31: unexpected end of the expression, expected the name of what is imported",
		"{% from 'macro.sql' import _f %}":                             "template line 1, column 28: _f is not exported: names with an underscore before them are a file's own",
		"{% import 'macro.sql' %}":                                     "template line 1, column 23: unexpected end of the expression, expected 'as'",
		"{% import 'bad.sql' as b %}":                                  `template file bad.sql, line 2, column 8: unknown filter "uper"; did you mean upper?`,
		"{% import 'macro.sql' as b %}{{ b.g() }}":                     "template line 1, column 33: b.g is undefined",
		"{% import 'macro.sql' as b %}{{ b.f(1, 2) }}":                 "template line 1, column 33: b.f(1, 2): b.f: too many arguments: takes 0, got 2",
		"{% if 1 %}{% extends 'no.sql' %}{% endif %}":                  "template line 1, column 14: {% extends %} stands outside of blocks and conditions",
		"{% extends 'no.sql' %}":                                       `template line 1, column 4: extends: no file "no.sql"`,
		"{% extends 'missing.sql' %}":                                  "template file missing.sql, line 2, column 6: params.nope is undefined",
		"{% extends 'uses.sql' %}{% block b %}{{ f() }}{% endblock %}": "template file uses.sql, line 1, column 17: unknown function \"g\"",
		"{% block b %}{% endblock %}\n{% block b %}{% endblock %}":     "template line 2, column 10: block b is there twice",
		"{% block b wide %}{% endblock %}":                             "template line 1, column 12: unexpected 'wide', expected 'scoped' or 'required'",
		"{% block b required %}x{% endblock %}":                        "template line 1, column 4: block b is required: it takes blanks and comments only",
		"{% block b required %}{% endblock %}":                         "template line 1, column 4: block b is required: nothing replaces it",
		"{% block b %}{{ super() }}{% endblock %}":                     "template line 1, column 17: super is undefined",
		"{% include [] %}":                                             "template line 1, column 15: include names no file",
		"{% include 'macro.sql' ~ '.x' %}":                             "template line 1, column 24: unexpected '~', expected %}",
		"{{ 1 }}{% include 'missing.sql' %}{{ params.nope }}":          `template file missing.sql, line 2, column 6: params.nope is undefined`,
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
