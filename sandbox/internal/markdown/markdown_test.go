package markdown_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/dingdag/dingdag/sandbox/internal/markdown"
)

func text(s string) markdown.Inline { return markdown.Inline{Kind: markdown.Text, Text: s} }

func paragraph(in ...markdown.Inline) markdown.Block {
	return markdown.Block{Kind: markdown.Paragraph, Inlines: in}
}

func TestParseBlocks(t *testing.T) {
	t.Parallel()
	item := func(in ...markdown.Inline) []markdown.Inline { return in }
	tests := map[string]struct {
		in   string
		want []markdown.Block
	}{
		"empty":      {"", nil},
		"paragraphs": {"one\ntwo\n\nthree", []markdown.Block{paragraph(text("one\ntwo")), paragraph(text("three"))}},
		"crlf":       {"one\r\n\r\ntwo", []markdown.Block{paragraph(text("one")), paragraph(text("two"))}},
		"heading": {"### Build 42\nbody", []markdown.Block{
			{Kind: markdown.Heading, Level: 3, Inlines: item(text("Build 42"))}, paragraph(text("body")),
		}},
		"hash without a space": {"#tag", []markdown.Block{paragraph(text("#tag"))}},
		"seven hashes":         {"####### x", []markdown.Block{paragraph(text("####### x"))}},
		"quote holds blocks": {"> # a\n> b\nc", []markdown.Block{
			{Kind: markdown.Quote, Blocks: []markdown.Block{
				{Kind: markdown.Heading, Level: 1, Inlines: item(text("a"))}, paragraph(text("b")),
			}},
			paragraph(text("c")),
		}},
		"bullets": {"- a\n* b\n  more\n+ c", []markdown.Block{
			{Kind: markdown.Bullets, Items: [][]markdown.Inline{item(text("a")), item(text("b\nmore")), item(text("c"))}},
		}},
		"numbers keep their start": {"3. a\n4. b\n- c", []markdown.Block{
			{Kind: markdown.Numbers, Level: 3, Items: [][]markdown.Inline{item(text("a")), item(text("b"))}},
			{Kind: markdown.Bullets, Items: [][]markdown.Inline{item(text("c"))}},
		}},
		"odd spaces before a list": {" \v- a", []markdown.Block{{Kind: markdown.Bullets, Items: [][]markdown.Inline{item(text("a"))}}}},
		"code block":               {"```go\nx := 1\n\n# no\n```\nafter", []markdown.Block{{Kind: markdown.CodeBlock, Code: "x := 1\n\n# no"}, paragraph(text("after"))}},
		"code block unclosed":      {"```\nx", []markdown.Block{{Kind: markdown.CodeBlock, Code: "x"}}},
		"rule":                     {"a\n---\nb", []markdown.Block{paragraph(text("a")), {Kind: markdown.Rule}, paragraph(text("b"))}},
		"html stays text":          {"<script>alert(1)</script>", []markdown.Block{paragraph(text("<script>alert(1)</script>"))}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			assert.Equal(t, tt.want, markdown.Parse(tt.in))
		})
	}
}

func TestParseColours(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		`<font color=#ff0000>**red**</font> x`: "#ff0000 1",
		`<FONT Color="red">a</Font >`:          "red 1",
		`<font color='blue' >a</font>`:         "blue 1",
		`<font color=red>no end`:               "",
		`<font color="red;x">a</font>`:         "",
		`<font face=Arial>a</font>`:            "",
		`<b>a</b>`:                             "",
	} {
		got := ""
		for _, in := range markdown.Parse(text)[0].Inlines {
			if in.Kind == markdown.Colour {
				got = fmt.Sprintf("%s %d", in.Colour, len(in.Inlines))
			}
		}
		assert.Equal(t, want, got, text)
	}
	assert.Equal(t, []string{"red text"}, markdown.Lines(markdown.Parse(`<font color=red>red</font> text`)))
}

func TestParseInlines(t *testing.T) {
	t.Parallel()
	inside := func(k markdown.InlineKind, in ...markdown.Inline) markdown.Inline {
		return markdown.Inline{Kind: k, Inlines: in}
	}
	link := func(url string, in ...markdown.Inline) markdown.Inline {
		return markdown.Inline{Kind: markdown.Link, URL: url, Inlines: in}
	}
	mention := func(id string) markdown.Inline { return markdown.Inline{Kind: markdown.Mention, Text: id} }
	tests := map[string]struct {
		in   string
		want []markdown.Inline
	}{
		"bold":                  {"a **b** c", []markdown.Inline{text("a "), inside(markdown.Bold, text("b")), text(" c")}},
		"italic in bold":        {"__a *b*__", []markdown.Inline{inside(markdown.Bold, text("a "), inside(markdown.Italic, text("b")))}},
		"snake case":            {"task_id and run_id", []markdown.Inline{text("task_id and run_id")}},
		"stars with spaces":     {"2 * 3 * 4", []markdown.Inline{text("2 * 3 * 4")}},
		"unclosed":              {"**a", []markdown.Inline{text("**a")}},
		"code wins":             {"`**a**`", []markdown.Inline{{Kind: markdown.Code, Text: "**a**"}}},
		"escaped":               {`\*a\*`, []markdown.Inline{text("*"), text("a"), text("*")}},
		"link":                  {"[a **b**](https://example.com/x_(y))", []markdown.Inline{link("https://example.com/x_(y)", text("a "), inside(markdown.Bold, text("b")))}},
		"link with title":       {`[a](https://example.com "t")`, []markdown.Inline{link("https://example.com", text("a"))}},
		"brackets without link": {"[x] [y", []markdown.Inline{text("[x] [y")}},
		"image":                 {"![chart](https://example.com/c.png)", []markdown.Inline{{Kind: markdown.Image, Text: "chart", URL: "https://example.com/c.png"}}},
		"hostile link kept raw": {"[a](javascript:alert(1))", []markdown.Inline{link("javascript:alert(1)", text("a"))}},
		"break":                 {"a  \nb", []markdown.Inline{text("a"), {Kind: markdown.Break}, text("b")}},
		"mention":               {"cc @13800000000请看", []markdown.Inline{text("cc "), mention("13800000000"), text("请看")}},
		"mention of longer id":  {"@138000000001", []markdown.Inline{text("@138000000001")}},
		"mention of stranger":   {"@u9", []markdown.Inline{text("@u9")}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			assert.Equal(t, []markdown.Block{paragraph(tt.want...)}, markdown.Parse(tt.in, "13800000000", "u1"))
		})
	}
}

func TestPlainReadsNoMarkup(t *testing.T) {
	t.Parallel()
	got := markdown.Plain("**a** @u1\nb", "u1")
	assert.Equal(t, []markdown.Inline{
		text("**a** "), {Kind: markdown.Mention, Text: "u1"}, {Kind: markdown.Break}, text("b"),
	}, got)
}

func TestMentions(t *testing.T) {
	t.Parallel()
	assert.True(t, markdown.Mentions("x @ @u1, y", "u1"))
	assert.True(t, markdown.Mentions("@u10 @u1", "u1"))
	assert.False(t, markdown.Mentions("@u10 u1", "u1"))
	assert.False(t, markdown.Mentions("@", ""))
}

func TestLines(t *testing.T) {
	t.Parallel()
	in := "# Done\nall **good**  \nsee [log](https://example.com/l) [https://a.b](https://a.b)\n\n" +
		"- a\n- b  \n  c\n\n2. x\n\n> q\n\n```\ncode\n```\n\n---\n\n![p](https://example.com/p.png) @u1"
	assert.Equal(t, []string{
		"Done", "",
		"all good", "see log (https://example.com/l) https://a.b", "",
		"• a", "• b", "  c", "",
		"2. x", "",
		"> q", "",
		"    code", "",
		"---", "",
		"[picture p https://example.com/p.png] @u1",
	}, markdown.Lines(markdown.Parse(in, "u1")))
}

// Twenty thousand bytes is what a robot takes, so hostile text of that size must
// not cost more than a moment.
func TestHostileTextStaysCheap(t *testing.T) {
	t.Parallel()
	for _, piece := range []string{"[", "![", "**a", "*", "_ ", "`", "> ", "[a](", "((", "@", "- ", "**_"} {
		assert.NotEmpty(t, markdown.Parse(strings.Repeat(piece, 20000/len(piece)), "1", "2", "3"), "repeated %q", piece)
	}
}

func FuzzParse(f *testing.F) {
	f.Add("# a\n> - *b* [c](d) ![e](f)\n```\ng\n```\n1. `h` @u1  \ni")
	f.Fuzz(func(t *testing.T, in string) {
		got := strings.Join(markdown.Lines(markdown.Parse(in, "u1")), "\n")
		if strings.TrimSpace(in) == "" && got != "" {
			t.Errorf("%q became %q", in, got)
		}
	})
}
