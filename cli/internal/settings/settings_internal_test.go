package settings

import (
	"flag"
	"fmt"
	"strings"
	"testing"

	"github.com/dingdag/dingdag/cli/internal/pagetest"
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
	pagetest.Table(t, path, begin, end, b.String(), *update, "make generate")
}
