package cli_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// pages reads all files of a folder.
func pages(t *testing.T, dir string) map[string]string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	all := map[string]string{}
	for _, e := range entries {
		text, err := os.ReadFile(filepath.Join(dir, e.Name()))
		require.NoError(t, err)
		all[e.Name()] = string(text)
	}
	return all
}

func TestOperatorPagesAreUpToDate(t *testing.T) {
	t.Parallel()
	golden := filepath.Join("..", "docs", "operators")
	fresh := t.TempDir()
	if *update {
		fresh = golden
	}
	code, _, errs := run(t, "operators", "docs", fresh)
	require.Zero(t, code, errs)
	want, got := pages(t, fresh), pages(t, golden)
	for name, text := range want {
		assert.Equal(t, text, got[name], "%s: run go generate ./cli", name)
	}
	for name := range got {
		assert.Contains(t, want, name, "no operator has this page: remove it")
	}
}
