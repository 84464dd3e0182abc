package operatortest

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gopkg.in/yaml.v3"

	"github.com/dingdag/dingdag/operator"
	"github.com/dingdag/dingdag/params"
)

// Suite are operators that tests run by their names.
type Suite []operator.Spec

// Spec is the spec of a short name or dotted path, as [operator.Registry.Lookup] finds it.
func (s Suite) Spec(tb testing.TB, name string) operator.Spec {
	tb.Helper()
	r, err := operator.NewRegistry(s...)
	require.NoError(tb, err)
	spec, found := r.Lookup(name)
	require.True(tb, found, name)
	return spec
}

// Run executes an operator with the parameters of a YAML text, which must decode without
// any finding.
func (s Suite) Run(t *testing.T, task *Task, name, text string) (any, error) {
	t.Helper()
	return Decode(t, s.Spec(t, name), text).Execute(t.Context(), task.TaskContext)
}

// Findings are what is said about the parameters of a YAML text, one a line, and whether they
// are refused.
func (s Suite) Findings(t *testing.T, name, text string) (findings string, refused bool) {
	t.Helper()
	_, problems := s.Spec(t, name).Decode(Parameters(t, text))
	var texts []string
	for _, p := range problems {
		texts = append(texts, p.Text)
	}
	return strings.Join(texts, "\n"), params.Failed(problems)
}

// Refused decodes each YAML text, which must be refused with its text.
func (s Suite) Refused(t *testing.T, name string, cases map[string]string) {
	t.Helper()
	for text, want := range cases {
		got, failed := s.Findings(t, name, text)
		assert.True(t, failed, text)
		assert.Contains(t, got, want, text)
	}
}

// Parameters parses the YAML of parameters.
func Parameters(tb testing.TB, text string) *yaml.Node {
	tb.Helper()
	var doc yaml.Node
	require.NoError(tb, yaml.Unmarshal([]byte(text), &doc))
	return doc.Content[0]
}
