package graph

// TextWidth is how wide a text is, in halves of a Chinese character.
func TextWidth(s string) (n int) {
	for _, r := range s {
		if n++; r >= 0x2e80 || r >= 0x1100 && r <= 0x115f {
			n++
		}
	}
	return n
}

// Shortened is a text that is so wide at most; one that is wider ends with ….
func Shortened(s string, width int) string {
	if TextWidth(s) <= width {
		return s
	}
	n := 0
	for i, r := range s {
		n += TextWidth(string(r))
		if n >= width {
			return s[:i] + "…"
		}
	}
	return s
}
