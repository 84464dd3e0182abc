package template_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/template"
)

// What a template changes in place, those after it see in the same session and in no other; what
// it sets is its own.
func TestSessionShares(t *testing.T) {
	t.Parallel()
	e := newEnv()
	c := &template.Context{Params: map[string]any{"l": []any{"a"}}, Run: template.RunInfo{RunID: "r", Conf: map[string]any{"k": "v"}}}
	s := e.Session(c)
	for _, step := range [][2]string{
		{"{% do params.update(n=1) %}{% set x = 5 %}{{ params.l.append('b') }}{{ x }}", "None5"},
		{"{{ params.n }} {{ params['l'] }} {{ x is defined }}", "1 ['a', 'b'] False"},
		{"{{ dag_run.conf.pop('k') }} {{ dag_run.conf }}", "v {}"},
		{"{{ dag_run.conf }}", "{}"},
	} {
		got, err := s.Render(step[0])
		require.NoError(t, err, step[0])
		assert.Equal(t, step[1], got, step[0])
	}
	value, text, err := s.RenderNative("{{ params }}")
	require.NoError(t, err)
	assert.Equal(t, map[string]any{"l": []any{"a", "b"}, "n": int64(1)}, value)
	assert.Equal(t, "{'l': ['a', 'b'], 'n': 1}", text)

	got, err := e.Render("{{ params }} {{ dag_run.conf }}", c)
	require.NoError(t, err)
	assert.Equal(t, "{'l': ['a']} {'k': 'v'}", got, "another session")
	assert.Equal(t, map[string]any{"l": []any{"a"}}, c.Params, "the context itself stays")
}

// A rendering that fails or reaches a limit leaves the session usable.
func TestSessionAfterAnError(t *testing.T) {
	t.Parallel()
	e := template.New(template.Options{Fuel: 100})
	s := e.Session(&template.Context{Params: map[string]any{"n": 1}})
	for _, src := range []string{"{{ nope }}", "{{ params.nope }}", "{% for x in range(1000) %}{{ params.n }}{% endfor %}"} {
		_, err := s.Render(src)
		require.Error(t, err, src)
		got, err := s.Render("{{ params.n }}")
		require.NoError(t, err)
		assert.Equal(t, "1", got)
	}
}
