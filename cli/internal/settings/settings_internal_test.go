package settings

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "write the table of the guide anew")

// TestSettingsTable compares the table of the guide with the settings.
func TestSettingsTable(t *testing.T) {
	t.Parallel()
	const path = "../../../docs/operations.md"
	const begin, end = "make generate -->\n\n", "\n<!-- end of settings -->"
	var b strings.Builder
	b.WriteString("| setting | default | means |\n| --- | --- | --- |\n")
	for _, s := range settings() {
		def := ""
		if s.def != "" {
			def = "`" + s.def + "`"
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s |\n", s.key, def, s.doc)
	}
	table := b.String()
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	head, rest, ok := strings.Cut(string(text), begin)
	require.True(t, ok)
	got, tail, ok := strings.Cut(rest, end)
	require.True(t, ok)
	if *update {
		require.NoError(t, os.WriteFile(path, []byte(head+begin+table+end+tail), 0o600))
		return
	}
	assert.Equal(t, table, got, "make generate writes it")
}
