package own_test

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

//go:generate go test . -count=1 -run ^TestTable$ -update

var update = flag.Bool("update", false, "write the table of the guide anew")

// TestTable compares the table of the guide with the operations.
func TestTable(t *testing.T) {
	t.Parallel()
	const path, begin, end = "../../../docs/api.md", "<!-- calls: this table is written by make generate -->\n\n", "\n<!-- end of calls -->"
	w := newWorld(t)
	var b strings.Builder
	b.WriteString("| call | who | does |\n| --- | --- | --- |\n| `GET /health` | everybody | Whether the scheduler schedules and alerts arrive; 503 when something is wrong |\n")
	for _, op := range w.srv.Operations() {
		who := op.Action.Role().String()
		if op.Whole {
			who += " of all DAGs"
		}
		fmt.Fprintf(&b, "| `%s %s` | %s | %s |\n", op.Method, op.Path, who, op.Summary)
	}
	page, err := os.ReadFile(path)
	require.NoError(t, err)
	head, after, ok := strings.Cut(string(page), begin)
	require.True(t, ok, "%s has no line %s", path, begin)
	table, tail, ok := strings.Cut(after, end)
	require.True(t, ok, "%s has no line %s", path, end)
	if *update {
		require.NoError(t, os.WriteFile(path, []byte(head+begin+b.String()+end+tail), 0o600))
		return
	}
	assert.Equal(t, b.String(), table, "run make generate")
}
