package graph

import (
	"strconv"
	"strings"
)

// tipLength is how far before a box the line ends, so that the tip of the arrow is sharp.
const tipLength = 6

// Paths are the lines of a drawing and the tips of its arrows, each as the path of an SVG.
func (d *Drawing) Paths() (lines, tips string) {
	var l, t strings.Builder
	for _, s := range d.Lines {
		bend := strconv.Itoa((s.A + s.B) / 2)
		x2, y1, y2 := s.X2, strconv.Itoa(s.Y1), strconv.Itoa(s.Y2)
		if s.Tip {
			x2 -= tipLength
			t.WriteString("M" + strconv.Itoa(s.X2) + " " + y2 + "l-8-4v8z")
		}
		l.WriteString("M" + strconv.Itoa(s.X1) + " " + y1 + "H" + strconv.Itoa(s.A) + "C" + bend + " " + y1 + " " + bend + " " + y2 + " " + strconv.Itoa(min(s.B, x2)) + " " + y2 + "H" + strconv.Itoa(x2))
	}
	return l.String(), t.String()
}
