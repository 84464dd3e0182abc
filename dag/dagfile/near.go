package dagfile

import (
	"os"
	"strings"
	"unicode/utf8"

	"github.com/dingdag/dingdag/dag"
)

// Near tells a place inside of a text by what stands around it: YAML folds, indents and
// escapes text, so that the offset in the value does not tell the place in the file.
type Near struct {
	// Text is a line of the value, or a part of one; At is the byte offset of the place in it.
	Text string
	At   int
}

// findNear looks for the first of several texts that stands in a file from a position on,
// and returns the place in it.
func findNear(from dag.Position, near []Near) (dag.Position, bool) {
	if len(near) == 0 || from.Line < 1 {
		return from, false
	}
	data, err := os.ReadFile(from.File)
	if err != nil {
		return from, false
	}
	lines := strings.Split(string(data), "\n")
	const most = 2000 // lines of one text
	for _, n := range near {
		for i := from.Line - 1; i < min(len(lines), from.Line+most); i++ {
			hit := strings.Index(lines[i], n.Text)
			column := 1 + utf8.RuneCountInString(lines[i][:max(hit, 0)])
			if hit < 0 || n.Text == "" || i == from.Line-1 && column < from.Column {
				continue
			}
			from.Line = i + 1
			from.Column = 1 + utf8.RuneCountInString(lines[i][:hit+n.At])
			return from, true
		}
	}
	return from, false
}
