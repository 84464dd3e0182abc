package split

import (
	"regexp"
	"strings"
	"sync"
)

// blocks follows the code fences and tables of a text, line by line.
type blocks struct {
	// at is where the next line begins.
	at    int
	fence fence
	// last is the last line when it may be the head row of a table, and lastAt where it begins.
	last   string
	lastAt int
	// table are the head row and the delimiter row of the table that the last line is of, as a
	// part that goes on with it repeats them. The head begins at headAt, the rows at bodyAt.
	table          string
	headAt, bodyAt int
}

// advance goes over the lines that end before a byte or there.
func (b *blocks) advance(text string, to int) {
	for b.at < to {
		line := lineAt(text, b.at)
		if b.at+len(line) > to {
			return
		}
		b.step(line)
	}
}

func (b *blocks) step(line string) {
	begin := b.at
	b.at += len(line)
	inFence := b.fence.marker != ""
	b.fence = b.fence.after(line)
	switch {
	case inFence || b.fence.marker != "":
		b.last, b.table = "", ""
	case b.endsHead(line):
		b.table = withoutEnd(b.last) + "\n" + withoutEnd(line) + "\n"
		b.headAt, b.bodyAt, b.last = b.lastAt, b.at, ""
	case b.inTable(line):
	default:
		b.last, b.table = "", ""
		if isHead(line) {
			b.last, b.lastAt = line, begin
		}
	}
}

// inTable reports whether the next line is a row of the table that the last line is of.
func (b *blocks) inTable(next string) bool { return b.table != "" && isRow(next) }

// endsHead reports whether the next line is the delimiter row below the last one.
func (b *blocks) endsHead(next string) bool {
	return b.last != "" && strings.Contains(next, "|") && delimiterRow().MatchString(withoutEnd(next)) && cells(next) == cells(b.last)
}

// repeated returns the head of the table, unless it takes too much of each part.
func (b *blocks) repeated(room int) string {
	if jsonSize(b.table) > room/4 {
		return ""
	}
	return b.table
}

func withoutEnd(line string) string { return strings.TrimRight(line, "\r\n") }

// delimiterRow is what GitHub's Markdown has between the head row of a table and the others.
var delimiterRow = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^ {0,3}\|?[ \t]*:?-+:?[ \t]*(\|[ \t]*:?-+:?[ \t]*)*\|?[ \t]*$`)
})

// otherBlock begins what ends a table: code, a quote, a heading, a list, HTML or a line across.
var otherBlock = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile("^( {4}| {0,3}(\t|>|#{1,6}([ \t]|$)|[-+*]([ \t]|$)|[0-9]{1,9}[.)]([ \t]|$)|<[A-Za-z/!?]|([*_-][ \t]*){3,}$|```|~~~))")
})

// isRow reports whether a line below the head of a table is a row of it: also one without
// any border.
func isRow(line string) bool {
	line = withoutEnd(line)
	return strings.TrimSpace(line) != "" && !otherBlock().MatchString(line)
}

// isHead reports whether a line may be the head row of a table.
func isHead(line string) bool { return strings.Contains(line, "|") && isRow(line) }

// cells counts the cells of a row. A backslash makes a border text.
func cells(row string) int {
	row = strings.TrimSpace(row)
	n, border, begins := 1, false, strings.HasPrefix(row, "|")
	for i := 0; i < len(row); i++ {
		border = false
		switch row[i] {
		case '\\':
			i++
		case '|':
			n, border = n+1, true
		}
	}
	if begins {
		n--
	}
	if border {
		n--
	}
	return n
}
