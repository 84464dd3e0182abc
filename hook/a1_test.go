package hook_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/dingdag/dingdag/hook/workbook"
)

func TestParseRange(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]workbook.CellRange{
		"A1:C3":    {Rows: 3, Columns: 3},
		"b2":       {Row: 1, Column: 1, Rows: 1, Columns: 1},
		"Z9:aa10":  {Row: 8, Column: 25, Rows: 2, Columns: 2},
		"A1:A1":    {Rows: 1, Columns: 1},
		"XFD99999": {Row: 99998, Column: 16383, Rows: 1, Columns: 1},
	} {
		got, err := workbook.ParseRange(text)
		require.NoError(t, err, text)
		assert.Equal(t, want, got, text)
	}
	for _, text := range []string{"", "A", "1", "A0", "A:C", "A1:", ":A1", "A1:B2:C3", "A-1", "A1 B2", "ABCD1", "A12345678", "é1", "A١"} {
		_, err := workbook.ParseRange(text)
		require.ErrorContains(t, err, "such as A1:C3", text)
	}
	for _, text := range []string{"C3:A1", "A3:C1", "C1:A3"} {
		_, err := workbook.ParseRange(text)
		require.ErrorContains(t, err, "upper left cell", text)
	}
}

func TestAddressesAreTrimmed(t *testing.T) {
	t.Parallel()
	at, err := workbook.ParseRange(" b2\n")
	require.NoError(t, err)
	assert.Equal(t, "B2", at.String())
	columns, err := workbook.ParseColumns(" A : ")
	require.Error(t, err, "%v", columns)
	columns, err = workbook.ParseColumns(" A:B ")
	require.NoError(t, err)
	assert.Equal(t, workbook.Columns{Count: 2}, columns)
	column, err := workbook.ParseColumn(" 27 ")
	require.NoError(t, err)
	assert.Equal(t, 26, column)
}

func TestRangesReadBack(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		want := workbook.CellRange{
			Row: rapid.IntRange(0, 99999).Draw(t, "row"), Column: rapid.IntRange(0, 9999).Draw(t, "column"),
			Rows: rapid.IntRange(1, 99999).Draw(t, "rows"), Columns: rapid.IntRange(1, 5000).Draw(t, "columns"),
		}
		got, err := workbook.ParseRange(want.String())
		require.NoError(t, err)
		require.Equal(t, want, got)
		columns, err := workbook.ParseColumns(want.String())
		require.NoError(t, err)
		require.Equal(t, workbook.Columns{First: want.Column, Count: want.Columns}, columns)
	})
}

func FuzzParseRange(f *testing.F) {
	for _, text := range []string{"A1:C3", "AA10", "A:C", "1", "C3:A1"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		r, err := workbook.ParseRange(text)
		if err != nil {
			return
		}
		again, err := workbook.ParseRange(r.String())
		require.NoError(t, err)
		require.Equal(t, r, again)
	})
}

func TestParseColumns(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]workbook.Columns{
		"A:C": {Count: 3}, "A1:C10": {Count: 3}, "b": {First: 1, Count: 1}, "Z:AB": {First: 25, Count: 3}, "C5": {First: 2, Count: 1},
	} {
		got, err := workbook.ParseColumns(text)
		require.NoError(t, err, text)
		assert.Equal(t, want, got, text)
	}
	for text, want := range map[string]string{
		"": "such as A:C", "1:3": "such as A:C", "A:": "such as A:C", "A:C3": "such as A:C", "C:A": "left column", "C3:A1": "such as A:C",
	} {
		_, err := workbook.ParseColumns(text)
		require.ErrorContains(t, err, want, text)
	}
}

func TestParseColumn(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]int{"A": 0, "z": 25, "AA": 26, "1": 0, "27": 26} {
		got, err := workbook.ParseColumn(text)
		require.NoError(t, err, text)
		assert.Equal(t, want, got, text)
	}
	for _, text := range []string{"", "0", "-1", "A1", "1.5", "列"} {
		_, err := workbook.ParseColumn(text)
		require.ErrorContains(t, err, "must be a column", text)
	}
	assert.Equal(t, []string{"A", "Z", "AA", "AZ", "ZZ", "AAA"}, []string{
		workbook.ColumnName(0), workbook.ColumnName(25), workbook.ColumnName(26), workbook.ColumnName(51), workbook.ColumnName(701), workbook.ColumnName(702),
	})
}

func TestCheckShape(t *testing.T) {
	t.Parallel()
	at := workbook.CellRange{Rows: 2, Columns: 2}
	require.NoError(t, workbook.CheckShape(at, [][]string{{"a", "b"}, {"c", "d"}}))
	for want, rows := range map[string][][]string{
		"has 1 rows, but A1:B2 has 2":               {{"a", "b"}},
		"has 3 cells in row 2, but there must be 2": {{"a", "b"}, {"c", "d", "e"}},
		"has 0 cells in row 1, but there must be 2": {{}, {"c", "d"}},
		"has 0 rows, but A1:B2 has 2":               {},
		"has 3 rows, but A1:B2 has 2":               {{"a", "b"}, {"c", "d"}, {"e", "f"}},
	} {
		require.EqualError(t, workbook.CheckShape(at, rows), want)
	}
	require.EqualError(t, workbook.CheckWidth(2, [][]string{}), "has no rows")
}
