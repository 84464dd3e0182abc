package yamlvalue_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/dingdag/dingdag/yamlvalue"
)

func TestNearest(t *testing.T) {
	t.Parallel()
	known := slices.Values(strings.Fields("schedule start_date tags tasks catchup description bash_command env append_env 日报"))
	for name, want := range map[string]string{
		"schedul": "schedule", "shcedule": "schedule", "catch_up": "catchup", "xyz": "", "stard_date": "start_date", "tag": "tags",
		"bash_comand": "bash_command", "evn": "env", "timeout": "", "": "", "日报表": "日报", strings.Repeat("schedule", 13): "",
	} {
		assert.Equal(t, want, yamlvalue.Nearest(name, known), name)
	}
	assert.Equal(t, "ab1", yamlvalue.Nearest("ab3", slices.Values([]string{"ab2", "ab1"})), "ties go to the first in order")
	assert.Equal(t, "ab1", yamlvalue.Nearest("ab3", slices.Values([]string{"ab1", "ab2"})))
	assert.Empty(t, yamlvalue.Nearest("cities", slices.Values([]string{"city"})))
	assert.Equal(t, "city", yamlvalue.NearestWithin("cities", 3, slices.Values([]string{"city"})))
}

func TestDidYouMean(t *testing.T) {
	t.Parallel()
	assert.Equal(t, `; did you mean "tags"?`, yamlvalue.DidYouMean("tag", slices.Values([]string{"tags"})))
	assert.Empty(t, yamlvalue.DidYouMean("x", slices.Values([]string{"tags"})))
}

func TestDistance(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		a, b string
		want int
	}{{"", "", 0}, {"", "abc", 3}, {"abc", "abc", 0}, {"abc", "acb", 1}, {"abc", "abd", 1}, {"kitten", "sitting", 3}, {"日报", "日", 1}} {
		assert.Equal(t, c.want, yamlvalue.Distance(c.a, c.b), "%s %s", c.a, c.b)
		assert.Equal(t, c.want, yamlvalue.Distance(c.b, c.a), "%s %s", c.b, c.a)
	}
}

func TestHoldsTemplate(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]bool{
		"": false, "{": false, "a { b": false, "{ {": false, "{}": false, "}}": false, "{{": true, "a {{ ds }}": true, "{% if x %}": true,
		"{# a comment #}": true, "{x} {%": true, "%}": false,
	} {
		assert.Equal(t, want, yamlvalue.HoldsTemplate(text), text)
	}
}
