package connections

import (
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Each key that DingTalk's connections may have stands in the tables of the docs.
func TestKnownExtrasAreDocumented(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../docs/connections.md")
	require.NoError(t, err)
	var rows strings.Builder
	for line := range strings.Lines(string(text)) {
		if strings.HasPrefix(line, "| ") {
			name, _, _ := strings.Cut(line[2:], " |")
			rows.WriteString(name + "\n")
		}
	}
	for key := range strings.FieldsSeq(knownExtra["dingding"]) {
		assert.Contains(t, rows.String(), "`"+key+"`")
	}
}
