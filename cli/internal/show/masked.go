package show

import (
	"io"

	"github.com/dingdag/dingdag/connections"
)

// Masked hides secrets in what is written to it.
type Masked struct {
	*connections.MaskWriter
	masker *connections.Masker
	to     io.Writer
}

// Mask returns what hides, in text for w, all that the masker knows then. It holds back what
// may be the beginning of a secret; Close lets the rest through.
func Mask(w io.Writer, m *connections.Masker) *Masked { return &Masked{m.Writer(w), m, w} }

// Below is where the text goes, after what is held back: for what may be seen as it is.
func (o *Masked) Below() io.Writer {
	_ = o.Flush() // it fails with what is written next
	return o.to
}

// hideJSON hides secrets in a JSON text that goes to w, within its texts and numbers, and
// returns where to write it.
func hideJSON(w io.Writer, text []byte) (io.Writer, []byte) {
	if out, ok := w.(*Masked); ok {
		return out.Below(), out.masker.MaskJSON(text)
	}
	return w, text
}

// hideCells hides secrets in the cells of rows that go to w, because in a table that is
// laid out they are not whole any more, and makes cells harmless for a terminal.
func hideCells(w io.Writer, rows [][]string) [][]string {
	out, masks := w.(*Masked)
	hidden := make([][]string, len(rows))
	for i, row := range rows {
		hidden[i] = make([]string, len(row))
		for j, cell := range row {
			if masks {
				cell = out.masker.Mask(cell)
			}
			hidden[i][j] = Shown(w, cell)
		}
	}
	return hidden
}
