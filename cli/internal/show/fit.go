package show

import (
	"slices"

	"github.com/jedib0t/go-pretty/v6/text"
)

const (
	// padding is what stands around a cell, in columns.
	padding = 2
	// wrapFrom is the width from which on text may be wrapped, in columns: narrower it reads badly,
	// and another column goes first.
	wrapFrom = 24
)

// fitted is a list as it fits a terminal: without what need not be seen, and with the widths
// to which the others are wrapped.
type fitted struct {
	list    *List
	natural []int  // the widths of all columns as they are
	heading string // a cell that all rows share
	shown   []int  // the columns, by number
	widths  []int  // for each of those; 0 is as wide as it is
	left    []string
}

// fit chooses what of the list is shown in so many columns; 0 is no terminal, which gets
// everything.
func (l *List) fit(room int) *fitted {
	f := &fitted{list: l, natural: make([]int, len(l.Columns))}
	for i, name := range l.Columns {
		f.shown = append(f.shown, i)
		f.natural[i] = text.StringWidthWithoutEscSequences(name)
		for _, r := range l.rows {
			f.natural[i] = max(f.natural[i], text.LongestLineLen(r[i]))
		}
	}
	if room > 0 {
		f.shareHeading()
		f.drop(room)
	}
	f.widths = make([]int, len(f.shown))
	if room > 0 {
		f.narrow(room)
	}
	return f
}

// shareHeading puts what all rows have in the column Once above the table.
func (f *fitted) shareHeading() {
	l := f.list
	if i := slices.Index(l.Columns, l.Once); i >= 0 && l.allSame(i) {
		f.heading = l.Columns[i] + ": " + l.rows[0][i]
		f.shown = slices.Delete(f.shown, i, i+1)
	}
}

// drop leaves out columns until the others have room: first those that are empty, which tell
// nothing, then those that are worth a word.
func (f *fitted) drop(room int) {
	for _, name := range f.list.Drop {
		if i := slices.Index(f.list.Columns, name); f.list.allSame(i) && f.list.rows[0][i] == "" {
			f.leave(name, room)
		}
	}
	for _, name := range f.list.Drop {
		if f.leave(name, room) {
			f.left = append(f.left, name)
		}
	}
}

// leave leaves a column out if it is there and there is no room for all.
func (f *fitted) leave(name string, room int) bool {
	n := slices.Index(f.shown, slices.Index(f.list.Columns, name))
	if n < 0 || f.need(wrapFrom) <= room {
		return false
	}
	f.shown = slices.Delete(f.shown, n, n+1)
	return true
}

// need is how many columns of the terminal the table takes when text that may be wrapped is at
// most so wide.
func (f *fitted) need(widest int) int {
	sum := 0
	for _, i := range f.shown {
		w := f.natural[i]
		if f.wraps(i) {
			w = min(w, widest)
		}
		sum += w + padding
	}
	return sum
}

// narrow takes what there is no room for from the widest column, one by one.
func (f *fitted) narrow(room int) {
	over := -room
	for _, i := range f.shown {
		over += f.natural[i] + padding
	}
	for ; over > 0; over-- {
		if n := f.widest(); n >= 0 {
			f.widths[n] = f.width(n) - 1
		}
	}
}

// width is the width of the n-th column that is shown.
func (f *fitted) width(n int) int {
	if f.widths[n] > 0 {
		return f.widths[n]
	}
	return f.natural[f.shown[n]]
}

// widest is the widest column that may be wrapped, or of all when those are narrow already.
func (f *fitted) widest() int {
	best, other := -1, -1
	for n, i := range f.shown {
		w := f.width(n)
		if f.wraps(i) && w > wrapFrom && (best < 0 || w > f.width(best)) {
			best = n
		}
		if w > 1 && (other < 0 || w > f.width(other)) {
			other = n
		}
	}
	if best < 0 {
		return other
	}
	return best
}

// wraps reports whether the text of a column may take several lines.
func (f *fitted) wraps(column int) bool {
	return slices.Contains(f.list.Wrap, f.list.Columns[column])
}

// allSame reports whether there are rows, and all have the same in a column.
func (l *List) allSame(column int) bool {
	for _, r := range l.rows {
		if r[column] != l.rows[0][column] {
			return false
		}
	}
	return len(l.rows) > 0
}
