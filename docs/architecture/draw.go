package main

import (
	"bytes"
	"fmt"
	"html"
)

// The measures of the picture, in pixels.
const (
	boxWidth, boxHeight = 124, 30
	gapX, gapY          = 22, 58
	margin              = 16
)

// draw is the picture as SVG: the floor below, and only the arrows that no longer way says anyhow.
func (h house) draw() []byte {
	rows := h.rows()
	widest := 0
	for _, row := range rows {
		widest = max(widest, len(row))
	}
	width := 2*margin + widest*(boxWidth+gapX) - gapX
	height := 2*margin + len(rows)*(boxHeight+gapY) - gapY
	at := map[string][2]int{} // the upper left corner
	for n, row := range rows {
		left := (width - len(row)*(boxWidth+gapX) + gapX) / 2
		for i, room := range row {
			at[room] = [2]int{left + i*(boxWidth+gapX), height - margin - boxHeight - n*(boxHeight+gapY)}
		}
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" width="%d" height="%d" font-family="sans-serif" font-size="13">
<title>The rooms of Dingdag and what they import</title>
<defs><marker id="tip" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="7" markerHeight="7" orient="auto"><path d="M0 0 8 4 0 8z" fill="#64748b"/></marker></defs>
<rect width="%[1]d" height="%[2]d" fill="#ffffff"/>
`, width, height, width, height)
	for _, room := range h.rooms() {
		for _, to := range h.drawn(room) {
			a, z := at[room], at[to]
			fmt.Fprintf(&b, `<path d="M%d %d C%d %d %d %d %d %d" fill="none" stroke="#64748b" marker-end="url(#tip)"/>`+"\n",
				a[0]+boxWidth/2, a[1]+boxHeight, a[0]+boxWidth/2, a[1]+boxHeight+gapY/2, z[0]+boxWidth/2, z[1]-gapY/2, z[0]+boxWidth/2, z[1])
		}
	}
	for _, room := range h.rooms() {
		x, y := at[room][0], at[room][1]
		fmt.Fprintf(&b, `<rect x="%d" y="%d" width="%d" height="%d" rx="5" fill="#e0f2fe" stroke="#0369a1"/><text x="%d" y="%d" text-anchor="middle" fill="#0f172a">%s</text>`+"\n",
			x, y, boxWidth, boxHeight, x+boxWidth/2, y+boxHeight/2+5, html.EscapeString(room))
	}
	b.WriteString("</svg>\n")
	return b.Bytes()
}

// rows are the rooms by their height over the floor.
func (h house) rows() (rows [][]string) {
	for _, room := range h.rooms() {
		n := h.height(room)
		for len(rows) <= n {
			rows = append(rows, nil)
		}
		rows[n] = append(rows[n], room)
	}
	return rows
}
