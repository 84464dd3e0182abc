package cli

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestSettingsTable compares the table of the guide with the settings.
func TestSettingsTable(t *testing.T) {
	t.Parallel()
	const path = "../docs/operations.md"
	const begin, end = "go generate ./cli -->\n\n", "\n<!-- end of settings -->"
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
	if flag.Lookup("update").Value.String() == "true" {
		require.NoError(t, os.WriteFile(path, []byte(head+begin+table+end+tail), 0o600))
		return
	}
	assert.Equal(t, table, got, "go generate ./cli writes it")
}
