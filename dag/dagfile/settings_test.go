package dagfile

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Tasks with the same settings share them, and what one of them sets is its own.
func TestTasksShareSettings(t *testing.T) {
	t.Parallel()
	d := mustParse(t, `
d:
  default_args: {retries: 2, owner: ops}
  tasks:
    - {task_id: a, operator: bash, bash_command: x}
    - {task_id: b, operator: bash, bash_command: x, retries: 7}
    - {task_id: c, operator: bash, bash_command: x, dependencies: [a]}
    - {task_id: e, operator: bash, bash_command: x, doc_md: own}
`)
	a, b, c, e := d.Task("a"), d.Task("b"), d.Task("c"), d.Task("e")
	require.NotNil(t, a.Settings)
	assert.Same(t, a.Settings, c.Settings)
	assert.NotSame(t, a.Settings, b.Settings)
	assert.Equal(t, []int{2, 7, 2, 2}, []int{a.Retries, b.Retries, c.Retries, e.Retries})
	assert.Equal(t, []string{"", "", "", "own"}, []string{a.Doc, b.Doc, c.Doc, e.Doc})
	assert.Equal(t, "ops", e.Owner)
}
