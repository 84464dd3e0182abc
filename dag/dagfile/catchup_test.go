package dagfile

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestCatchupByDefault(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		keys string
		want bool
	}{
		"unset":            {"  schedule: \"@daily\"\n  start_date: 2026-01-01", true},
		"set":              {"  schedule: \"@daily\"\n  start_date: 2026-01-01\n  catchup: false", false},
		"without a start":  {"  schedule: \"@daily\"", false},
		"without schedule": {"  description: none", true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dags, found := Parse("a.yaml", []byte(oneTask(c.keys)), newFakeCatalog(), Options{CatchupByDefault: true})
			require.False(t, found.HasErrors(), found.String())
			assert.Equal(t, c.want, dags[0].Catchup)
			again, err := Restore(Source(dags[0]), newFakeCatalog(), Options{CatchupByDefault: true})
			require.NoError(t, err)
			assert.Equal(t, c.want, again.Catchup)
			assert.Equal(t, dags[0].Version, again.Version)
		})
	}
}
