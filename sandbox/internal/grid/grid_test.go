package grid_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/dingdag/dingdag/sandbox/internal/grid"
)

func anyText(grid.Cell) bool { return false }

func sheet(t *testing.T, at string, values [][]string) *grid.Sheet {
	t.Helper()
	s := grid.NewBook("s-").Sheets()[0]
	require.NoError(t, s.Write(rangeOf(t, at), values, anyText))
	return s
}

func rangeOf(t *testing.T, text string) grid.Range {
	t.Helper()
	r, err := grid.ParseRange(text)
	require.NoError(t, err)
	return r
}

// show reads values back.
func show(t *testing.T, s *grid.Sheet, at string) [][]any {
	t.Helper()
	cells, err := s.Cells(rangeOf(t, at))
	require.NoError(t, err)
	out := make([][]any, len(cells))
	for i, row := range cells {
		for _, c := range row {
			out[i] = append(out[i], s.Value(c))
		}
	}
	return out
}

func TestParseRange(t *testing.T) {
	t.Parallel()
	assert.Equal(t, grid.Range{Row: 0, Column: 0, LastRow: 2, LastColumn: 2}, rangeOf(t, "A1:C3"))
	assert.Equal(t, grid.Range{Row: 8, Column: 26, LastRow: 8, LastColumn: 26}, rangeOf(t, "AA9"))
	for _, text := range []string{"", "A", "1", "A0", "a1", "A1:", "A1:C", "A:C", "C3:A1", "A3:B2", "A1:B2:C3", "ABCD1", "A1 "} {
		_, err := grid.ParseRange(text)
		assert.Error(t, err, text)
	}
}

func TestRangesReadBack(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		r := grid.Range{Row: rapid.IntRange(0, 9999).Draw(t, "row"), Column: rapid.IntRange(0, 9999).Draw(t, "column")}
		r.LastRow, r.LastColumn = r.Row+rapid.IntRange(0, 99).Draw(t, "rows"), r.Column+rapid.IntRange(0, 99).Draw(t, "columns")
		got, err := grid.ParseRange(r.String())
		require.NoError(t, err)
		assert.Equal(t, r, got)
	})
}

func FuzzParseRange(f *testing.F) {
	for _, text := range []string{"A1:C3", "ZZZ9999999", "A1:"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		r, err := grid.ParseRange(text)
		if err == nil && (r.Rows() < 1 || r.Columns() < 1 || r.Row < 0 || r.Column < 0) {
			t.Errorf("%q reads as %+v", text, r)
		}
	})
}

func TestWriteReadsWhatPeopleType(t *testing.T) {
	t.Parallel()
	s := sheet(t, "A1:G1", [][]string{{"名", "3", "-1.50", "007", "", "1e5", "="}})
	assert.Equal(t, [][]any{{"名", 3.0, -1.5, "007", nil, "1e5", "="}}, show(t, s, "A1:G1"))
	require.NoError(t, s.Write(rangeOf(t, "B1"), [][]string{{"3"}}, func(grid.Cell) bool { return true }))
	assert.Equal(t, [][]any{{"3"}}, show(t, s, "B1"), "a cell for text keeps it")
}

func TestWriteWantsTheSizeOfTheRange(t *testing.T) {
	t.Parallel()
	s := grid.NewBook("s-").Sheets()[0]
	for _, values := range [][][]string{{}, {{"a"}}, {{"a", "b"}}, {{"a", "b"}, {"c"}}, {{"a", "b"}, {"c", "d"}, {"e", "f"}}} {
		require.ErrorIs(t, s.Write(rangeOf(t, "A1:B2"), values, anyText), grid.ErrShape)
	}
	require.ErrorIs(t, s.Write(rangeOf(t, "A201"), [][]string{{"a"}}, anyText), grid.ErrOutside)
	require.ErrorIs(t, s.Write(rangeOf(t, "AA1"), [][]string{{"a"}}, anyText), grid.ErrOutside)
	assert.Equal(t, -1, s.LastRow(), "nothing was written")
}

func TestRowsAndColumnsMove(t *testing.T) {
	t.Parallel()
	s := sheet(t, "A1:C3", [][]string{{"a1", "b1", "c1"}, {"a2", "b2", "c2"}, {"a3", "b3", "c3"}})
	require.NoError(t, s.InsertRows(1, 2))
	assert.Equal(t, [][]any{{"a1"}, {nil}, {nil}, {"a2"}, {"a3"}}, show(t, s, "A1:A5"))
	assert.Equal(t, 202, s.RowCount())
	require.NoError(t, s.DeleteRows(0, 3))
	assert.Equal(t, [][]any{{"a2"}, {"a3"}, {nil}}, show(t, s, "A1:A3"))
	require.NoError(t, s.InsertColumns(1, 1))
	assert.Equal(t, [][]any{{"a2", nil, "b2", "c2"}}, show(t, s, "A1:D1"))
	require.NoError(t, s.DeleteColumns(0, 3))
	assert.Equal(t, [][]any{{"c2", nil}}, show(t, s, "A1:B1"))
	assert.Equal(t, 24, s.ColumnCount())
	require.NoError(t, s.DeleteColumns(0, 23), "rows are shorter than the sheet is wide")

	require.NoError(t, s.HideRows(1, 1, true))
	require.NoError(t, s.HideColumns(0, 1, true))
	assert.True(t, s.RowHidden(1) && s.ColumnHidden(0) && !s.RowHidden(0))
	require.NoError(t, s.InsertRows(0, 1))
	assert.True(t, s.RowHidden(2), "hidden rows move")

	for name, err := range map[string]error{
		"insert rows beyond":    s.InsertRows(s.RowCount(), 1),
		"insert no rows":        s.InsertRows(0, 0),
		"delete rows beyond":    s.DeleteRows(s.RowCount()-1, 2),
		"delete all rows":       s.DeleteRows(0, s.RowCount()),
		"hide rows beyond":      s.HideRows(-1, 1, true),
		"insert columns beyond": s.InsertColumns(1, 1),
		"insert no columns":     s.InsertColumns(0, 0),
		"delete all columns":    s.DeleteColumns(0, 1),
		"hide columns beyond":   s.HideColumns(1, 1, true),
	} {
		assert.ErrorIs(t, err, grid.ErrOutside, name)
	}
	require.ErrorIs(t, s.InsertRows(0, grid.MaxCells+1), grid.ErrTooLarge)
	require.ErrorIs(t, s.InsertColumns(0, grid.MaxCells), grid.ErrTooLarge)
}

// What is inserted and deleted again leaves no trace.
func TestInsertAndDeleteCancelOut(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		s := sheet(t, "A1:C3", [][]string{{"a1", "b1", "c1"}, {"a2", "b2", "c2"}, {"a3", "b3", "c3"}})
		want := show(t, s, "A1:E5")
		at, n := rapid.IntRange(0, 5).Draw(rt, "at"), rapid.IntRange(1, 5).Draw(rt, "n")
		require.NoError(rt, s.InsertRows(at, n))
		require.NoError(rt, s.InsertColumns(at, n))
		require.NoError(rt, s.DeleteRows(at, n))
		require.NoError(rt, s.DeleteColumns(at, n))
		assert.Equal(rt, want, show(t, s, "A1:E5"))
	})
}

func TestLastRowAndColumn(t *testing.T) {
	t.Parallel()
	s := grid.NewBook("s-").Sheets()[0]
	assert.Equal(t, []int{-1, -1}, []int{s.LastRow(), s.LastColumn()})
	require.NoError(t, s.Write(rangeOf(t, "C5"), [][]string{{"x"}}, anyText))
	require.NoError(t, s.SetStyles(rangeOf(t, "F9"), "bold", true))
	assert.Equal(t, []int{4, 2}, []int{s.LastRow(), s.LastColumn()}, "a format is no content")
	require.NoError(t, s.Clear(rangeOf(t, "C5"), false))
	assert.Equal(t, []int{-1, -1}, []int{s.LastRow(), s.LastColumn()})
}

func TestClear(t *testing.T) {
	t.Parallel()
	s := sheet(t, "A1:A2", [][]string{{"=SUM(B1:B2)"}, {"x"}})
	require.NoError(t, s.SetStyle(rangeOf(t, "A1:A2"), "bold", [][]any{{true}, {false}}))
	require.ErrorIs(t, s.SetStyle(rangeOf(t, "A1:A2"), "bold", [][]any{{true}}), grid.ErrShape)
	require.NoError(t, s.Clear(rangeOf(t, "A1"), false))
	require.NoError(t, s.Clear(rangeOf(t, "A2"), true))
	assert.Equal(t, grid.Cell{Style: map[string]any{"bold": true}}, s.Cell(0, 0))
	assert.Equal(t, grid.Cell{}, s.Cell(1, 0))
}

func TestAppend(t *testing.T) {
	t.Parallel()
	s := grid.NewBook("s-").Sheets()[0]
	r, err := s.Append([][]string{{"name", "qty"}})
	require.NoError(t, err)
	assert.Equal(t, "A1:B1", r.String())
	many := make([][]string, 500)
	for i := range many {
		many[i] = []string{"x", "1"}
	}
	r, err = s.Append(many)
	require.NoError(t, err)
	assert.Equal(t, "A2:B501", r.String())
	assert.Equal(t, 501, s.RowCount(), "the sheet grows")
	for _, values := range [][][]string{nil, {{}}, {{"a"}}, {{"a", "b", "c"}}, {{"a", "b"}, {"c"}}} {
		_, err = s.Append(values)
		require.ErrorIs(t, err, grid.ErrShape)
	}
}

func TestFormulas(t *testing.T) {
	t.Parallel()
	s := sheet(t, "A1:A4", [][]string{{"1"}, {"2"}, {"text"}, {"6"}})
	tests := map[string]any{
		"=SUM(A1:A4)": 9.0, "=AVERAGE(A1:A4)": 3.0, "=COUNT(A1:A4)": 3.0, "=MIN(A1:A4)": 1.0, "=MAX(A1:A4)": 6.0,
		"=A3": "text", "=B9": nil, "=MAX(B1:B9)": 0.0, "=AVERAGE(B8:B9)": "#DIV/0!", "=VLOOKUP(A1)": "#NAME?", "=SUM(A)": "#NAME?",
		"=SUM(A1:A999)": "#REF!", "=C1": "#REF!", "=SUM(C1:C1)": "#REF!",
	}
	for formula, want := range tests {
		require.NoError(t, s.Write(rangeOf(t, "C1"), [][]string{{formula}}, anyText))
		assert.Equal(t, [][]any{{want}}, show(t, s, "C1"), formula)
		assert.Equal(t, formula, s.Cell(0, 2).Formula)
	}
}

func TestBook(t *testing.T) {
	t.Parallel()
	b := grid.NewBook("st-x-")
	first, second, third := b.Sheets()[0], b.Add("Q4"), b.Add("Q4")
	assert.Equal(t, []string{"Sheet1", "Q4", "Q4(1)"}, []string{first.Name, second.Name, third.Name})
	assert.Same(t, second, b.Sheet("Q4"))
	assert.Same(t, second, b.Sheet("st-x-2"))
	assert.Nil(t, b.Sheet("none"))
	b.Rename(third, "Q4")
	b.Rename(second, "Q4")
	assert.Equal(t, []string{"Q4", "Q4(1)"}, []string{second.Name, third.Name})

	third.Hidden = true
	require.NoError(t, b.Remove(first))
	require.ErrorIs(t, b.Remove(second), grid.ErrLastSheet, "nobody would see a sheet")
	require.NoError(t, b.Remove(third))
	assert.Equal(t, []*grid.Sheet{second}, b.Sheets())
}
