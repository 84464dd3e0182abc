package reference

import (
	"flag"
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "write the page anew")

// TestKeysPage compares the page about keys with the tables that the loader reads by.
func TestKeysPage(t *testing.T) {
	t.Parallel()
	const path = "../../../docs/keys.md"
	if *update {
		require.NoError(t, os.WriteFile(path, []byte(keysPage()), 0o600))
		return
	}
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	assert.Equal(t, keysPage(), string(text), "make generate writes it")
	assert.NotContains(t, keysPage(), "|  |  |  |")
	for _, table := range keyTables() {
		for _, k := range table.keys() {
			assert.NotEmpty(t, k.Type, k.Name)
		}
	}
}
