package split_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/dingdag/dingdag/hook/internal/split"
)

// room is a small one, in which cuts are many.
const room = 1000

// reserve is what a part has for other things than its text at most, without what it repeats.
const reserve = 34

func cut(text string) []split.Part {
	return split.Cut(text, 0, split.Options{Room: room, Markdown: true})
}

// shown are the parts as people see them.
func shown(parts []split.Part) []string {
	out := make([]string, len(parts))
	for i, p := range parts {
		out[i] = p.String()
	}
	return out
}

// size is the bytes of a text in JSON.
func size(t require.TestingT, text string) int {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	require.NoError(t, e.Encode(text))
	return b.Len() - len("\"\"\n")
}

func rows(n int, format string) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, format, i)
	}
	return b.String()
}

// A table goes on in the next part with its head, between two of its rows.
func TestTableIsCutBetweenRows(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct{ head, row, end string }{
		"borders":         {"| task | state |\n|---|:-:|\n", "| load_%03d | failed |\n", "\nAfter\n"},
		"no outer border": {"task | state\n--- | ---\n", "load_%03d | failed\n", "\nAfter\n"},
		"CRLF":            {"| task | state |\r\n|---|---|\r\n", "| load_%03d | failed |\r\n", "\r\nAfter\r\n"},
		"tabs":            {"|\ttask\t|\tstate\t|\n|\t---\t|\t---\t|\n", "|\tload_%03d\t|\tfailed\t|\n", "\nAfter\n"},
		"Chinese":         {"| 任务 | 状态 |\n| --- | --- |\n", "| 装载_%03d | 失败 |\n", "\n以后\n"},
		"escaped borders": {"| a \\| b | state |\n|---|---|\n", "| load \\| %03d | failed |\n", "\nAfter\n"},
		"indented":        {"   | task | state |\n   |---|---|\n", "   | load_%03d | failed |\n", "\nAfter\n"},
		"ragged rows":     {"| task | state |\n|---|---|\n", "| load_%03d                \n", "\nAfter\n"},
		"bare rows":       {"| task |\n|---|\n", "load_%03d is a cell\n", "\nAfter\n"},
		"ends in a quote": {"| task | state |\n|---|---|\n", "| load_%03d | failed |\n", "> said\n> more\n"},
		"ends in a list":  {"| task | state |\n|---|---|\n", "| load_%03d | failed |\n", "- | one\n- | two\n"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			text := "Before\n\n" + tt.head + rows(120, tt.row) + tt.end
			parts := cut(text)
			require.Greater(t, len(parts), 2)
			checkParts(t, text, parts)
			head, end := strings.ReplaceAll(tt.head, "\r", ""), len(text)-len(tt.end)
			for i, p := range parts[:len(parts)-1] {
				if p.End < end {
					assert.Equal(t, head, parts[i+1].Open)
				} else {
					assert.Empty(t, parts[i+1].Open)
				}
				assert.True(t, strings.HasSuffix(p.Text, "\n"), "%q is a part of a row", p.Text[len(p.Text)-20:])
				assert.Empty(t, p.Close)
			}
		})
	}
}

// What looks like a table and is none is repeated nowhere.
func TestNoTable(t *testing.T) {
	t.Parallel()
	for name, head := range map[string]string{
		"other numbers of cells": "| a | b |\n|---|\n",
		"no delimiter row":       "| a | b |\n| x | y |\n",
		"a blank line between":   "| a | b |\n\n|---|---|\n",
		"a heading":              "# a | b\n---|---\n",
		"a quote":                "> a | b\n---|---\n",
		"no head":                "\n|---|---|\n",
		"no border":              "title\n---\n",
		"code":                   "    | a | b |\n    |---|---|\n",
		"ended by a blank line":  "| a | b |\n|---|---|\n| x | y |\n\n",
		"ended by a heading":     "| a | b |\n|---|---|\n# x | y\n",
		"ended by a fence":       "| a | b |\n|---|---|\n```\n```\n",
	} {
		text := head + rows(120, "| load_%03d | failed |\n")
		parts := cut(text)
		require.Greater(t, len(parts), 2, name)
		checkParts(t, text, parts)
		for _, p := range parts {
			assert.Empty(t, p.Open, name)
		}
	}
}

// A table in a code fence is code.
func TestTableInAFenceIsCode(t *testing.T) {
	t.Parallel()
	text := "````md\n```\n| a | b |\n|---|---|\n" + rows(120, "| load_%03d | failed |\n") + "````\n\n| c |\n|---|\n" + rows(120, "| load_%03d |\n")
	parts := cut(text)
	checkParts(t, text, parts)
	var opens []string
	for _, p := range parts {
		if len(opens) == 0 || opens[len(opens)-1] != p.Open {
			opens = append(opens, p.Open)
		}
	}
	assert.Equal(t, []string{"", "````md\n", "", "| c |\n|---|\n"}, opens)
}

// The head of a table does not stay alone at the end of a part.
func TestHeadMovesWithItsFirstRow(t *testing.T) {
	t.Parallel()
	const head = "| task | state |\n|---|---|\n"
	for before := 860; before < 1000; before++ {
		text := strings.Repeat("w", before) + "\n\n" + head + "| load | failed |\n| keep | failed |\n"
		parts := cut(text)
		checkParts(t, text, parts)
		if len(parts) == 1 {
			continue
		}
		last := parts[len(parts)-1]
		assert.Contains(t, parts[0].String()+last.String(), head+"| load | failed |\n", before)
		if !strings.HasPrefix(last.Text, "| keep") {
			assert.Contains(t, last.Text, head, before)
		}
	}
}

// A row that fits into no part is cut between words, below the head in each part. The rows
// around it stay whole.
func TestRowThatIsTooLong(t *testing.T) {
	t.Parallel()
	const head = "| task | error |\n|---|---|\n"
	text := head + "| a | short |\n| b | " + strings.Repeat("word ", 500) + "|\n| c | short |\n| d | short |\n"
	parts := cut(text)
	checkParts(t, text, parts)
	require.Len(t, parts, 3)
	assert.Equal(t, head, parts[1].Open)
	assert.Equal(t, head, parts[2].Open)
	assert.True(t, strings.HasSuffix(parts[0].Text, "word "), "%q", parts[0].Text)
	assert.True(t, strings.HasSuffix(parts[2].Text, "word |\n| c | short |\n| d | short |\n"))
}

// A row that fits into a part goes there whole, although that leaves a stub.
func TestRowThatFillsAPart(t *testing.T) {
	t.Parallel()
	const head = "| task | error |\n|---|---|\n"
	long := "| b | " + strings.Repeat("word ", 180) + "|\n"
	text := head + "| a | short |\n| c | short |\n" + long + long
	parts := cut(text)
	checkParts(t, text, parts)
	assert.Equal(t, []string{head + "| a | short |\n| c | short |\n", head + long, head + long}, shown(parts))
}

// A head that would take much of each part is not repeated; its rows are still kept whole.
func TestHeadThatIsTooLong(t *testing.T) {
	t.Parallel()
	text := "| " + strings.Repeat("h", 300) + " |\n|---|\n" + rows(100, "| load_%03d |\n")
	parts := cut(text)
	checkParts(t, text, parts)
	for _, p := range parts {
		assert.Empty(t, p.Open)
		assert.True(t, strings.HasSuffix(p.Text, "|\n"))
	}
}

// A cut never goes through a link, an image or an address that fits into a part.
func TestLinksAreNotCut(t *testing.T) {
	t.Parallel()
	address := "https://example.com/" + strings.Repeat("p/", 150)
	for name, link := range map[string]string{
		"link":             "[the log](" + address + ")",
		"link with spaces": `[the log of a task](` + address + ` "the title of it")`,
		"brackets":         "[load[3] \\] x](" + address + "(1))",
		"image":            "![a picture](" + address + ")",
		"image in a link":  "[![a picture](" + address + ")](https://example.com/x)",
		"auto":             "<" + address + ">",
		"bare":             address,
	} {
		for _, line := range []string{"", "- ", "> "} {
			for before := 400; before < 1000; before += 7 {
				words := strings.Repeat("w ", (before-len(link))/2)
				text := "Begin\n" + line + strings.Repeat("a ", 300) + words + link + " and more words\nEnd\n"
				parts := cut(text)
				checkParts(t, text, parts)
				holds := 0
				for _, p := range parts {
					holds += strings.Count(p.Text, link)
				}
				require.Equal(t, 1, holds, "%s behind %d", name, before)
			}
		}
	}
	text := strings.Repeat("a ", 400) + address
	assert.Len(t, split.Cut(text, 0, split.Options{Room: room}), 2)
	assert.Equal(t, address, split.Cut(text, 0, split.Options{Room: room})[1].Text, "in a plain text too")
}

// A link at the beginning of a line takes the line with it, and the mark of its list.
func TestLineMovesWithItsLink(t *testing.T) {
	t.Parallel()
	line := "- [" + strings.Repeat("文", 300) + "](https://example.com/x)\n"
	parts := cut("Begin\n" + strings.Repeat("x", 100) + "\n" + line)
	require.Len(t, parts, 2)
	assert.Equal(t, line, parts[1].Text)
}

// An escaped character stays with its backslash.
func TestEscapesAreNotCut(t *testing.T) {
	t.Parallel()
	for pad := range 3 {
		text := strings.Repeat("x", pad) + strings.Repeat(`\*`, 2000)
		for _, p := range cut(text)[1:] {
			assert.True(t, strings.HasPrefix(p.Text, `\*`), "%.10q", p.Text)
		}
	}
}

// document is a text whose tables, links and fences are known.
type document struct {
	strings.Builder

	tables []table
	links  []span
	fences []span
}

type span struct{ begin, end int }

type table struct {
	head       string
	begin, end int
	rows       []span
}

func (d *document) write(text string) span {
	s := span{begin: d.Len()}
	d.WriteString(text)
	s.end = d.Len()
	return s
}

// draw adds a block.
func (d *document) draw(t *rapid.T) {
	end := rapid.SampledFrom([]string{"\n", "\r\n"}).Draw(t, "end")
	word := rapid.SampledFrom([]string{"word ", "数据", "a\tb ", `\| `, `\\ `, "😀", "x", `"q" `})
	words := func(name string, most int) string {
		return "w" + strings.Repeat(word.Draw(t, name), rapid.IntRange(0, most).Draw(t, name+" times")) + "w"
	}
	switch rapid.IntRange(0, 3).Draw(t, "block") {
	case 0:
		for range rapid.IntRange(1, 5).Draw(t, "lines") {
			d.write(rapid.SampledFrom([]string{"", "- ", "> ", "1. ", "# "}).Draw(t, "mark") + words("text", 300) + end)
		}
	case 1:
		for range rapid.IntRange(1, 5).Draw(t, "links") {
			d.write(rapid.SampledFrom([]string{"", "- ", "> "}).Draw(t, "mark") + words("before", 200) + " ")
			d.links = append(d.links, d.write(rapid.SampledFrom([]string{"", "!"}).Draw(t, "image")+
				"["+words("name", 60)+"](https://example.com/"+strings.Repeat("p/", rapid.IntRange(0, 400).Draw(t, "path"))+")"))
			d.write(" " + words("behind", 50) + end)
		}
	case 2:
		tb := table{begin: d.Len()}
		border := rapid.SampledFrom([]string{"|", "| ", "|\t"}).Draw(t, "border")
		n := rapid.IntRange(1, 4).Draw(t, "cells")
		line := func(name string, most int) string {
			cells := make([]string, n)
			for i := range cells {
				cells[i] = words(name, most)
			}
			return border + strings.Join(cells, " "+border) + " |"
		}
		head, delimiter := line("head", 5), strings.Repeat("|:--", n)+"|"
		d.write(head + end + delimiter + end)
		tb.head = head + "\n" + delimiter + "\n"
		for range rapid.IntRange(1, 30).Draw(t, "rows") {
			most := rapid.SampledFrom([]int{2, 10, 10, 10, 200}).Draw(t, "longest")
			tb.rows = append(tb.rows, d.write(line("cell", most)+end))
		}
		tb.end = d.Len()
		d.tables = append(d.tables, tb)
	case 3:
		marker := rapid.SampledFrom([]string{"````", "~~~~", "`````"}).Draw(t, "marker")
		d.write(marker + rapid.SampledFrom([]string{"", "go", " text x"}).Draw(t, "info") + end)
		s := span{begin: d.Len()}
		for range rapid.IntRange(1, 40).Draw(t, "lines") {
			d.write(rapid.SampledFrom([]string{"```", "~~~", "```go", "| a | b |", "|---|---|", "", "\tindented", "[a](b)"}).Draw(t, "code") + end)
			d.write(words("log", 60) + end)
		}
		s.end = d.Len()
		d.fences = append(d.fences, s)
		d.write(marker + end)
	}
	d.write(end)
}

// check checks what must hold of the parts of a document.
func (d *document) check(t require.TestingT, parts []split.Part) {
	free := func(p split.Part, s span) bool { // would it fit into a part?
		return size(t, d.String()[s.begin:s.end]) <= room-reserve-size(t, p.Open)
	}
	for i, p := range parts[:len(parts)-1] {
		next := parts[i+1]
		for _, l := range d.links {
			require.False(t, l.begin < p.End && p.End < l.end && free(split.Part{}, l), "a link is cut: %q", d.String()[l.begin:l.end])
		}
		for _, f := range d.fences {
			if f.begin <= p.End && p.End < f.end {
				require.Regexp(t, "^(````|~~~~)", next.Open, "code goes on as code")
			}
		}
		for _, tb := range d.tables {
			if p.End <= tb.begin || tb.end <= p.End {
				continue
			}
			small := size(t, tb.head) <= room/4
			if small {
				require.Equal(t, tb.head, next.Open, "a part that goes on with a table begins with its head")
			}
			if first := tb.rows[0]; small && free(split.Part{}, span{tb.begin, first.end}) {
				require.Greater(t, p.End, first.begin, "a head is separated from its first row")
			}
			for _, r := range tb.rows {
				if small && r.begin < p.End && p.End < r.end {
					require.False(t, free(split.Part{Open: tb.head}, r), "a row is cut: %q", d.String()[r.begin:r.end])
				}
			}
		}
		if !insideAny(d.tables, p.End) && !strings.HasPrefix(next.Open, "`") && !strings.HasPrefix(next.Open, "~") {
			require.Empty(t, next.Open, "nothing is repeated that is not cut")
		}
	}
}

func insideAny(tables []table, at int) bool {
	for _, tb := range tables {
		if tb.begin < at && at < tb.end {
			return true
		}
	}
	return false
}

// Whatever a document is made of, its blocks are cut where they may be.
func TestDocumentsAreCutAtBorders(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		d := &document{}
		for range rapid.IntRange(1, 8).Draw(t, "blocks") {
			d.draw(t)
		}
		parts := cut(d.String())
		checkParts(t, d.String(), parts)
		d.check(t, parts)
	})
}

// Whatever the text is, its parts hold all of it and fit.
func TestTextsStayWhole(t *testing.T) {
	t.Parallel()
	fragment := rapid.OneOf(
		rapid.SampledFrom([]string{
			"```\n", "```go\n", "~~~~\n", "````\n", "\n\n", "\r\n", "> ", "   ```", "`", "\u2028", "\"\\", "\x00",
			"| a | b |\n", "|---|---|\n", "|:-:|\n", "| x", "|", "- ", "[x](", "![", ")", "https://", "\\", "\t",
		}),
		rapid.StringN(1, 40, -1),
		rapid.Custom(func(t *rapid.T) string {
			return strings.Repeat(rapid.SampledFrom([]string{"x", "中", "😀", "word ", "line\n", "`", "~", "\"", "| y | z |\n", "[a](b)", "\\", "|"}).Draw(t, "unit"),
				rapid.IntRange(1, 600).Draw(t, "times"))
		}),
	)
	rapid.Check(t, func(t *rapid.T) {
		text := strings.Join(rapid.SliceOfN(fragment, 1, 30).Draw(t, "fragments"), "")
		checkParts(t, text, cut(text))
	})
}

func FuzzCut(f *testing.F) {
	f.Add("```go\nfmt.Println()\n", "x")
	f.Add("~~~\n", "中文\n\n")
	f.Add("| a | b |\r\n|---|---|\r\n", "| x | y |\r\n")
	f.Add("a | b\n:-:|-\n", "[a](https://example.com) | \\|")
	f.Add("````\n```\n", "| a |\n|---|\n")
	f.Fuzz(func(t *testing.T, head, unit string) {
		text := strings.ToValidUTF8(head, "?")
		if unit = strings.ToValidUTF8(unit, "?"); unit != "" && len(head) < 3*room {
			text += strings.Repeat(unit, 1+3*room/len(unit))
		}
		checkParts(t, text, cut(text))
	})
}

var fenceOpening = regexp.MustCompile("^ {0,3}(`{3,32}[^`]*|~{3,32}([^~].*)?)$")

// checkParts checks what must hold of the parts of any text.
func checkParts(t require.TestingT, text string, parts []split.Part) {
	var joined strings.Builder
	for _, p := range parts {
		joined.WriteString(p.Text)
		require.Equal(t, joined.Len(), p.End)
		require.NotEmpty(t, p.Text)
		require.True(t, utf8.ValidString(p.String()), "a rune is cut")
		require.LessOrEqual(t, size(t, p.String()), room)
		require.True(t, fencesBalance(p.String()), "an open code fence in %q", p)
	}
	require.Equal(t, text, joined.String())
	if n := len(parts); n > 1 {
		rest := split.Cut(text, parts[n/2-1].End, split.Options{Room: room, Markdown: true})
		require.Equal(t, parts[n/2:], rest, "what is left is cut as it was")
	}
}

// fencesBalance is written from CommonMark's rule for fenced code blocks.
func fencesBalance(text string) bool {
	marker := ""
	for line := range strings.SplitSeq(text, "\n") {
		line = strings.TrimRight(line, "\r")
		trimmed := strings.TrimLeft(line, " ")
		switch {
		case marker == "" && fenceOpening.MatchString(line):
			marker = trimmed[:len(trimmed)-len(strings.TrimLeft(trimmed, trimmed[:1]))]
		case marker != "" && len(line)-len(trimmed) <= 3 && strings.HasPrefix(trimmed, marker):
			run := len(trimmed) - len(strings.TrimLeft(trimmed, marker[:1]))
			if run <= 32 && strings.TrimSpace(trimmed[run:]) == "" {
				marker = ""
			}
		}
	}
	return marker == ""
}
