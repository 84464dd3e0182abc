package hook_test

import (
	"fmt"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/hook"
	"github.com/dingdag/dingdag/hook/workbook"
	"github.com/dingdag/dingdag/sandbox"
	"github.com/dingdag/dingdag/sandbox/sandboxtest"
)

// BenchmarkAppendRows appends 10,000 rows of 10 columns to a sheet: as few calls as the
// limit on cells allows, beside calls of 100 rows each. The sandbox's work is in both.
func BenchmarkAppendRows(b *testing.B) {
	const rows, columns = 10_000, 10
	all := make([][]string, rows)
	for i := range all {
		all[i] = make([]string, columns)
		for j := range all[i] {
			all[i][j] = strconv.Itoa(i * j)
		}
	}
	for name, chunk := range map[string]int{"best": rows, "100-rows": 100} {
		b.Run(name, func(b *testing.B) {
			box := sandboxtest.Start(b)
			app := box.Demo()
			box.SetQPS(app.AppKey, -1)
			h := hook.New(source{"app": conn{Host: box.URL, Login: app.AppKey, Password: app.AppSecret, Extra: `{"qps":0}`}.connection("app")})
			b.Cleanup(h.CloseIdleConnections)
			a := h.App("app")
			book := workbook.Workbook{ID: sandbox.DemoWorkbookID, OperatorID: "union001iE"}
			for n := 0; b.Loop(); n++ {
				sheet, err := workbook.CreateWorksheet(b.Context(), a, book, fmt.Sprintf("%s %d", name, n))
				require.NoError(b, err)
				at := workbook.Sheet{Workbook: book, SheetID: sheet.ID}
				for from := 0; from < rows; from += chunk {
					_, err := workbook.AppendRows(b.Context(), a, at, workbook.Columns{Count: columns}, all[from:from+chunk])
					require.NoError(b, err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N)/rows, "µs/row")
		})
	}
}
