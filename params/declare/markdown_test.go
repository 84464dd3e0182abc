package declare_test

import (
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/params/declare"
)

var update = flag.Bool("update", false, "write the golden files")

func TestMarkdown(t *testing.T) {
	t.Parallel()
	golden := filepath.Join("testdata", "sql.md")
	got := sqlSpec().Markdown()
	if *update {
		require.NoError(t, os.WriteFile(golden, []byte(got), 0o600))
	}
	want, err := os.ReadFile(golden)
	require.NoError(t, err)
	assert.Equal(t, string(want), got)
	assert.Contains(t, idleSpec().Markdown(), "None of its own.")
}

func TestWriteDocs(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "operators")
	require.NoError(t, declare.WriteDocs(dir, "Operators", []declare.Spec[runner]{sqlSpec(), idleSpec()}))
	byHand := filepath.Join(dir, "guide.md")
	require.NoError(t, os.WriteFile(byHand, []byte("# By hand\n"), 0o600))
	require.FileExists(t, filepath.Join(dir, "idle.md"))

	require.NoError(t, declare.WriteDocs(dir, "Operators", []declare.Spec[runner]{sqlSpec()}))
	assert.FileExists(t, filepath.Join(dir, "sql.md"))
	assert.NoFileExists(t, filepath.Join(dir, "idle.md"), "a page without a spec goes")
	assert.FileExists(t, byHand, "pages by hand stay")
	index, err := os.ReadFile(filepath.Join(dir, "README.md"))
	require.NoError(t, err)
	assert.Contains(t, string(index), "| [`sql`](sql.md) | Runs SQL. |")
}
