package sandbox_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/sandbox"
)

// docs/sandbox.md names the ids that people put into an example.
func TestPageNamesTheDemoOrganisation(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile(filepath.Join("..", "docs", "sandbox.md"))
	require.NoError(t, err)
	o := sandbox.DemoOrganisation()
	require.Len(t, o.Users, 12)
	require.Len(t, o.Departments, 6)
	ids := []string{o.Users[0].UserID, o.Users[11].UserID}
	for _, w := range o.Workspaces {
		ids = append(ids, w.ID)
	}
	for _, n := range o.Nodes {
		ids = append(ids, n.ID)
	}
	for _, w := range o.Workbooks {
		ids = append(ids, w.ID, w.Sheets[0].Name, w.Sheets[1].Name)
	}
	for _, m := range o.Templates {
		ids = append(ids, m.ID)
	}
	for _, id := range ids {
		assert.Contains(t, string(page), "`"+id+"`")
	}
}
