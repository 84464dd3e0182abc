package measuring_test

import (
	"flag"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/dingdag/dingdag/cli/internal/pagetest"
	"github.com/dingdag/dingdag/metrics"
)

var update = flag.Bool("update", false, "write the tables of the guide anew")

// TestTables compares the tables of the guide with what is declared.
func TestTables(t *testing.T) { //nolint:paralleltest // both tables are on one page
	tables := map[string]*strings.Builder{"airflow": {}, "dingdag": {}}
	tables["airflow"].WriteString("| metric | type | labels | in Airflow | tells |\n| --- | --- | --- | --- | --- |\n")
	tables["dingdag"].WriteString("| metric | type | labels | tells |\n| --- | --- | --- | --- |\n")
	for _, m := range metrics.All() {
		var labels []string
		for _, l := range m.Labels {
			labels = append(labels, "`"+l+"`")
		}
		for _, k := range slices.Sorted(maps.Keys(m.Fixed)) {
			labels = append(labels, fmt.Sprintf("`%s=%q`", k, m.Fixed[k]))
		}
		if m.Airflow != "" {
			fmt.Fprintf(tables["airflow"], "| `%s` | %s | %s | `%s` | %s |\n", m.Name, m.Type, strings.Join(labels, ", "), m.Airflow, m.Help)
		} else {
			fmt.Fprintf(tables["dingdag"], "| `%s` | %s | %s | %s |\n", m.Name, m.Type, strings.Join(labels, ", "), m.Help)
		}
	}
	for kind, table := range tables {
		pagetest.Table(t, "../../../docs/metrics.md", "<!-- "+kind+": this table is written by make generate -->\n\n", "\n<!-- end of "+kind+" -->", table.String(), *update, "make generate")
	}
}
