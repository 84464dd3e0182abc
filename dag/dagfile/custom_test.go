package dagfile

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A task of an operator that a file defines is stored as one of the operator below: who runs it needs no such file. A change of the
// definition is a change of the DAG.
func TestCustomOperatorsAreStoredComposed(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write := func(name, text string) {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600))
	}
	const definition = "operators:\n  say: {params: {what: {required: true}, env: {}}, operator: bash, with: {bash_command: 'echo {{ args.what }}', env: '{{ args.env }}'}}\n"
	write("operators.yml", definition)
	write("a.yaml", "a: {schedule: null, tasks: [{task_id: t, operator: say, what: '{{ ds }}', env: {K: v}}]}\n")
	l := NewLoader(newFakeCatalog(), Options{Root: dir})
	got := l.Load(dir)
	require.Empty(t, got.Diagnostics)
	require.Len(t, got.DAGs, 1)
	d := got.DAGs[0]
	assert.Equal(t, "bash", d.Tasks[0].Operator)
	assert.Contains(t, string(Source(d)), "{% set _arg0 %}{{ ds }}{% endset %}")

	other := t.TempDir()
	restored, err := Restore(Source(d), newFakeCatalog(), Options{Root: other})
	require.NoError(t, err)
	assert.Equal(t, d.Version, restored.Version)

	again := l.Load(dir)
	assert.Same(t, d, again.DAGs[0], "nothing has changed")
	write("operators.yml", definition+"# a comment\n")
	again = l.Load(dir)
	assert.Equal(t, d.Version, again.DAGs[0].Version)
	write("operators.yml", "operators: {say: {params: {what: {}, env: {}}, operator: bash, with: {bash_command: 'printf {{ args.what }}'}}}\n")
	again = l.Load(dir)
	require.Empty(t, again.Diagnostics)
	assert.NotEqual(t, d.Version, again.DAGs[0].Version)
	require.NoError(t, os.Remove(filepath.Join(dir, "operators.yml")))
	assert.NotEmpty(t, l.Load(dir).Diagnostics, "it is gone")
}
