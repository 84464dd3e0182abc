package params_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gopkg.in/yaml.v3"

	"github.com/dingdag/dingdag/params"
)

type fileParams struct {
	SQL   any          `yaml:"sql" param:"template,files=.sql|.hql"`
	Text  string       `yaml:"text" param:"template"`
	When  string       `yaml:"when" param:"late"`
	Inner *innerFiles  `yaml:"inner"`
	Steps []innerFiles `yaml:"steps"`
}

type innerFiles struct {
	Run string `yaml:"run" param:"template,files=.sh"`
}

func TestNamesFile(t *testing.T) {
	t.Parallel()
	typ := params.Of[fileParams]("", nil)
	for _, c := range []struct {
		field, text string
		want        bool
	}{
		{"sql", "load.sql", true},
		{"sql", "dir/load.hql", true},
		{"sql[1]", "load.sql", true},
		{"sql", "load.sql ", false},
		{"sql", "SELECT 1\n-- load.sql", false},
		{"sql", "load.sh", false},
		{"text", "load.sql", false},
		{"inner.run", "x.sh", true},
		{"inner.run", "x.sql", false},
		{"steps[2].run", "x.sh", true},
		{"inner.other", "x.sh", false},
		{"other", "x.sql", false},
	} {
		assert.Equal(t, c.want, typ.NamesFile(c.field, c.text), "%s: %q", c.field, c.text)
	}
	assert.Equal(t, []string{".sql", ".hql"}, typ.Fields()[0].Files)
}

// A late template is checked with the others and stays as it is.
func TestLateTemplates(t *testing.T) {
	t.Parallel()
	typ := params.Of[fileParams]("", nil)
	var node yaml.Node
	require.NoError(t, yaml.Unmarshal([]byte("text: a\nwhen: '{{ b }}'\n"), &node))
	var visited []string
	typ.Templates(node.Content[0], func(field string, _ *yaml.Node) { visited = append(visited, field) })
	assert.Equal(t, []string{"text", "when"}, visited)
	out, err := typ.Render(&fileParams{Text: "a", When: "{{ b }}"}, func(_, text string) (any, error) { return text + "!", nil })
	require.NoError(t, err)
	assert.Equal(t, "a!", out.(*fileParams).Text)
	assert.Equal(t, "{{ b }}", out.(*fileParams).When)
	assert.True(t, typ.Fields()[2].Late)
}

func TestFileTagsAreChecked(t *testing.T) {
	t.Parallel()
	assert.PanicsWithValue(t, "params: field A of params_test.badFiles: files is for templates", func() { params.Of[badFiles]("", nil) })
	assert.PanicsWithValue(t, "params: field A of params_test.badLate: template and late exclude each other", func() { params.Of[badLate]("", nil) })
	assert.PanicsWithValue(t, "params: field A of params_test.lateList: late is for text", func() { params.Of[lateList]("", nil) })
}

type (
	badFiles struct {
		A string `yaml:"a" param:"files=.sql"`
	}
	badLate struct {
		A string `yaml:"a" param:"template,late"`
	}
	lateList struct {
		A []string `yaml:"a" param:"late"`
	}
)
