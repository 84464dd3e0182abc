// Package split cuts a long text into parts that fit into messages.
package split

import (
	"strings"
	"unicode/utf8"
)

// Options say how a text is cut.
type Options struct {
	// Room is how many bytes the JSON form of a part may need, at least 1000.
	Room int
	// Markdown keeps code fences, tables, links and images whole where it can.
	Markdown bool
	// Lines cuts as it was done before tables, links and images were known.
	Lines bool
}

// Part is one part of a text.
type Part struct {
	// Text is what it holds of the text: the texts of all parts together are the whole one.
	Text string
	// End is where in the text it ends, in bytes.
	End int
	// Open and Close repeat what was cut through: the first line of a code fence and its last
	// one, or the head of a table.
	Open, Close string
}

func (p Part) String() string { return p.Open + p.Text + p.Close }

// Cut cuts what text has from a byte on, which is 0 or the end of a part, into parts that need
// at most the room. It prefers to cut between paragraphs, then lines, then words, and never
// inside a rune. In Markdown a code fence that is cut is closed and opened again, a table is cut
// between rows and has its head in each part, and a link or an image goes to one part: unless
// a row or a link is longer than a part.
func Cut(text string, from int, o Options) []Part {
	c := cutter{Options: o, text: text}
	var parts []Part
	for from < len(text) {
		p := c.next(from)
		parts = append(parts, p)
		from = p.End
	}
	return parts
}

// closeReserve is the room kept for a closing fence: an escaped line feed and the marker.
const closeReserve = 2 + maxFenceMarker

// cutter cuts one text from its beginning to its end.
type cutter struct {
	Options

	text string
	// marks are the blocks that are open where the last part began.
	marks blocks
	// fence is the code fence that is open behind the last part, with Lines.
	fence fence
}

// next returns the part that begins at from.
func (c *cutter) next(from int) Part {
	var (
		p    Part
		open fence
	)
	switch {
	case !c.Markdown:
	case c.Lines:
		open = c.fence
		p.Open = open.openLine()
	default:
		p.Open, open = c.opening(from)
	}
	room := c.Room - jsonSize(p.Open) - closeReserve
	p.End = len(c.text)
	if n := prefixWithin(c.text[from:], room); from+n < len(c.text) {
		p.End = from + cutPoint(c.text[from:], n)
		if !c.Lines {
			p.End = c.spare(from, p.End)
		}
	}
	p.Text = c.text[from:p.End]
	if c.Markdown {
		c.fence = open.after(p.Text)
		p.Close = c.fence.closeLine(p.Text)
	}
	return p
}

// opening returns what a part that begins at from repeats, and the code fence that is open there.
func (c *cutter) opening(from int) (string, fence) {
	c.marks.advance(c.text, from)
	b := &c.marks
	if open := b.fence.after(c.text[b.at:from]); open.marker != "" {
		return open.openLine(), open
	}
	if b.inTable(lineAt(c.text, b.at)) {
		return b.repeated(c.Room), fence{}
	}
	return "", fence{}
}

// spare moves a cut that goes through a row of a table, the head of one, a link or an image to
// the beginning of it, if what is moved fits into a part.
func (c *cutter) spare(from, at int) int {
	if !c.Markdown {
		return c.spareLink(from, strings.LastIndexByte(c.text[:at], '\n')+1, at)
	}
	b := c.marks
	b.advance(c.text, at)
	if b.fence.marker != "" {
		return at
	}
	if border := c.tableBorder(&b, from, at); border > from {
		return border
	}
	return c.spareLink(from, b.at, at)
}

// tableBorder returns where to cut instead of at, or -1: before a row that is cut and fits into
// a part, or before a table of which only the head would be left.
func (c *cutter) tableBorder(b *blocks, from, at int) int {
	line := lineAt(c.text, b.at)
	switch {
	case b.endsHead(line):
		return b.lastAt
	case b.inTable(line):
		whole := at == b.at || c.fits(line, b.repeated(c.Room))
		switch {
		case !whole:
			return -1
		case b.at == b.bodyAt && b.headAt > from:
			return b.headAt
		}
		return b.at
	case at > b.at && isHead(line):
		after := blocks{at: b.at + len(line), last: line, lastAt: b.at}
		if after.at < len(c.text) && after.endsHead(lineAt(c.text, after.at)) {
			return b.at
		}
	}
	return -1
}

// spareLink moves a cut in a line to where a link or an image begins, or the line if that would
// leave a stub of a part.
func (c *cutter) spareLink(from, line, at int) int {
	if at == line {
		return at
	}
	end := line + len(lineAt(c.text, line))
	line = max(line, from)
	if c.Markdown && escaped(c.text[line:at]) {
		at--
	}
	begin, size := spanAround(c.text, max(line, at-c.Room), min(end, at+c.Room), at, c.Markdown)
	switch {
	case size == 0 || !c.fits(c.text[begin:begin+size], ""):
		return max(at, from+1)
	case begin-from >= (at-from)/2:
		return begin
	case line > from && c.fits(c.text[line:end], ""):
		return line
	case begin > from:
		return begin
	}
	return max(at, from+1)
}

// fits reports whether a text fits into a part behind what the part repeats.
func (c *cutter) fits(text, behind string) bool {
	return prefixWithin(text, c.Room-jsonSize(behind)-closeReserve) == len(text)
}

// cutPoint returns where to cut a text of which the first n bytes fit. A border is
// only taken where it does not leave a stub of a part.
func cutPoint(text string, n int) int {
	window := text[:n]
	if i := strings.LastIndex(window, "\n\n"); i >= n/2 {
		return i + 2
	}
	if i := strings.LastIndexByte(window, '\n'); i >= n/4 {
		return i + 1
	}
	if i := strings.LastIndexAny(window, " \t。，；！？、"); i >= n/2 {
		_, size := utf8.DecodeRuneInString(window[i:])
		return i + size
	}
	if strings.HasSuffix(window, "\r") && text[n] == '\n' {
		return n - 1
	}
	return n
}

// escaped reports whether the text ends with a backslash that escapes what follows.
func escaped(text string) bool {
	return (len(text)-len(strings.TrimRight(text, `\`)))%2 == 1
}

// lineAt returns the line that begins at a byte, with its end.
func lineAt(text string, at int) string {
	if i := strings.IndexByte(text[at:], '\n'); i >= 0 {
		return text[at : at+i+1]
	}
	return text[at:]
}

// prefixWithin returns the length of the longest prefix of whole runes whose JSON
// form needs at most room bytes, and at least one rune.
func prefixWithin(text string, room int) int {
	used := 0
	for i, r := range text {
		used += jsonRuneSize(r)
		if used > room && i > 0 {
			return i
		}
	}
	return len(text)
}

func jsonSize(text string) int {
	size := 0
	for _, r := range text {
		size += jsonRuneSize(r)
	}
	return size
}

// jsonRuneSize returns the bytes that encoding/json needs for a rune in a string,
// with HTML escaping off.
func jsonRuneSize(r rune) int {
	switch {
	case r == '"' || r == '\\' || r == '\n' || r == '\r' || r == '\t' || r == '\b' || r == '\f':
		return 2
	case r < ' ' || r == '\u2028' || r == '\u2029':
		return 6
	}
	return utf8.RuneLen(r)
}
