package dagfile

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/dag/dagfile/document"
	"github.com/dingdag/dingdag/dag/dagfile/reading"
)

// lines joins n lines made by f.
func lines(n int, f func(i int) string) string {
	var b strings.Builder
	for i := range n {
		b.WriteString(f(i))
		b.WriteByte('\n')
	}
	return b.String()
}

// The cost of a file must follow its size: each of these took from ten seconds to
// minutes when one step of the reading was quadratic.
func TestLargeFilesEndSoon(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"unknown dependencies": "a:\n  tasks:\n" + lines(12_000, func(i int) string {
			return fmt.Sprintf("    task_%d: {operator: empty, dependencies: [tsak_%d]}", i, i)
		}),
		"unknown keys": "a:\n" + lines(200_000, func(i int) string { return fmt.Sprintf("  schedul%d: 1", i) }),
		"chain of groups": "a:\n  task_groups:\n" + lines(5000, func(i int) string {
			return fmt.Sprintf("    g%d: {parent_group_name: g%d}", i, i+1)
		}) + "  tasks: {t: {operator: empty}}\n",
		"comments": strings.Repeat("# x\n", 1<<20-10),
		"dashes":   strings.Repeat("- ", 9000) + "x",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, found := parseText(text)
			assert.LessOrEqual(t, len(found), reading.MaxDiagnostics)
		})
	}
}

func TestManyEdgesHaveAShortSource(t *testing.T) {
	t.Parallel()
	d := mustParse(t, "a:\n  task_groups: {g: {}, h: {dependencies: [g]}}\n  tasks:\n"+lines(500, func(i int) string {
		return fmt.Sprintf("    a%d: {operator: empty, task_group_name: g}\n    b%d: {operator: empty, task_group_name: h}", i, i)
	}))
	require.Len(t, d.Tasks[0].Downstream, 500)
	source := Source(d)
	assert.Less(t, len(source), 200_000, "250,000 edges are one dependency")
	again, err := Restore(source, newFakeCatalog(), testOptions())
	require.NoError(t, err)
	assert.Equal(t, edges(d), edges(again))
	assert.Equal(t, d.Version, again.Version)
}

func TestSourceMayBeLargerThanAFile(t *testing.T) {
	t.Parallel()
	d := mustParse(t, "a:\n  default_args: {cwd: "+strings.Repeat("x", 50_000)+"}\n  tasks:\n"+lines(100, func(i int) string {
		return fmt.Sprintf("    t%d: {operator: bash, bash_command: x}", i)
	}))
	source := Source(d)
	require.Greater(t, len(source), document.MaxSize)
	_, err := Restore(source, newFakeCatalog(), testOptions())
	assert.NoError(t, err)
}

func TestGroupsAreNotTooDeep(t *testing.T) {
	t.Parallel()
	_, found := parseText("a:\n  task_groups:\n" + lines(120, func(i int) string {
		return fmt.Sprintf("    g%d: {parent_group_name: g%d}", i, i+1)
	}) + "    g120: {}\n  tasks: {t: {operator: empty, task_group_name: g0}}\n")
	assert.Contains(t, found.String(), "groups are nested more than 100 levels deep")
}
