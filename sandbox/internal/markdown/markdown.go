// Package markdown reads the small part of Markdown that DingTalk draws:
// headings, bold, italic, colours, links, pictures, lists, quotes, code and rules.
//
// The result is a tree of plain values, never HTML, so whoever draws it decides
// about escaping. Anything that is not one of these forms stays text, other HTML tags
// than <font color> included.
package markdown

import (
	"strings"
	"unicode"
)

// maxDepth ends the nesting of quotes and of inline forms. What lies deeper stays text.
const maxDepth = 8

// BlockKind names what a block is.
type BlockKind string

// The kinds of block.
const (
	Paragraph BlockKind = "paragraph"
	Heading   BlockKind = "heading"
	Quote     BlockKind = "quote"
	Bullets   BlockKind = "bullets"
	Numbers   BlockKind = "numbers"
	CodeBlock BlockKind = "code"
	Rule      BlockKind = "rule"
)

// Block is a paragraph or one of the forms that stand on lines of their own.
type Block struct {
	Kind BlockKind
	// Level is 1 to 6 for a heading and the first number of a numbered list.
	Level int
	// Inlines is the text of a paragraph or heading.
	Inlines []Inline
	// Items holds one line of text for each entry of a list. Nested lists are flattened.
	Items [][]Inline
	// Blocks is what a quote holds.
	Blocks []Block
	// Code is the text of a code block, without the fences.
	Code string
}

// Parse reads text. Each "@" that is followed by one of the mentions becomes a
// [Mention]; mentions are written without the "@".
func Parse(text string, mentions ...string) []Block {
	p := parser{mentions: mentions}
	return p.blocks(lines(text), 0)
}

// Plain reads text that has no markup: only mentions and line breaks are found.
func Plain(text string, mentions ...string) []Inline {
	p := parser{mentions: mentions}
	var out []Inline
	for i, line := range lines(text) {
		if i > 0 {
			out = append(out, Inline{Kind: Break})
		}
		out = append(out, p.text(line)...)
	}
	return out
}

// lines cuts text at its line ends, whichever of the three forms they have.
func lines(text string) []string {
	return strings.Split(strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(text), "\n")
}

type parser struct {
	mentions []string
}

// blocks reads whole lines. Each turn of the loop takes at least one of them.
func (p parser) blocks(in []string, depth int) []Block {
	var out []Block
	for len(in) > 0 {
		if strings.TrimSpace(in[0]) == "" {
			in = in[1:]
			continue
		}
		block, n := p.block(in, depth)
		out = append(out, block)
		in = in[n:]
	}
	return out
}

// block reads the block that starts at the first line and says how many lines it took.
func (p parser) block(in []string, depth int) (Block, int) {
	line := strings.TrimSpace(in[0])
	if strings.HasPrefix(line, "```") {
		return codeBlock(in)
	}
	if isRule(line) {
		return Block{Kind: Rule}, 1
	}
	if level, rest := heading(line); level > 0 {
		return Block{Kind: Heading, Level: level, Inlines: p.inlines(rest, 0)}, 1
	}
	if strings.HasPrefix(line, ">") && depth < maxDepth {
		return p.quote(in, depth)
	}
	if kind, number, _ := listItem(line); kind != "" {
		return p.list(in, kind, number)
	}
	return p.paragraph(in)
}

// codeBlock takes everything up to the closing fence, or all of it when there is none.
func codeBlock(in []string) (Block, int) {
	for i, line := range in[1:] {
		if strings.TrimSpace(line) == "```" {
			return Block{Kind: CodeBlock, Code: strings.Join(in[1:i+1], "\n")}, i + 2
		}
	}
	return Block{Kind: CodeBlock, Code: strings.Join(in[1:], "\n")}, len(in)
}

func (p parser) quote(in []string, depth int) (Block, int) {
	var inner []string
	for _, line := range in {
		rest, ok := strings.CutPrefix(strings.TrimSpace(line), ">")
		if !ok {
			break
		}
		// The trailing spaces of a hard line break must survive.
		if _, kept, found := strings.Cut(line, ">"); found {
			rest = kept
		}
		inner = append(inner, strings.TrimPrefix(rest, " "))
	}
	return Block{Kind: Quote, Blocks: p.blocks(inner, depth+1)}, len(inner)
}

// list takes the items of one kind that follow each other. A line that is indented
// and starts no block of its own belongs to the item above it.
func (p parser) list(in []string, kind BlockKind, number int) (Block, int) {
	var items []string
	n := 0
	for _, line := range in {
		// The right end stays: two spaces there make a hard line break.
		trimmed := strings.TrimLeftFunc(line, unicode.IsSpace)
		if k, _, rest := listItem(trimmed); k == kind {
			items = append(items, rest)
		} else if k == "" && trimmed != "" && strings.HasPrefix(line, " ") && !startsBlock(trimmed) {
			items[len(items)-1] += "\n" + trimmed
		} else {
			break
		}
		n++
	}
	block := Block{Kind: kind, Level: number}
	for _, item := range items {
		block.Items = append(block.Items, p.inlines(strings.TrimRight(item, " "), 0))
	}
	return block, n
}

func (p parser) paragraph(in []string) (Block, int) {
	n := 1
	for n < len(in) {
		line := strings.TrimSpace(in[n])
		if line == "" || startsBlock(line) {
			break
		}
		n++
	}
	text := make([]string, n)
	for i, line := range in[:n] {
		text[i] = strings.TrimLeft(line, " \t")
	}
	return Block{Kind: Paragraph, Inlines: p.inlines(strings.Join(text, "\n"), 0)}, n
}

// startsBlock tells whether a trimmed line ends the paragraph before it.
func startsBlock(line string) bool {
	level, _ := heading(line)
	kind, _, _ := listItem(line)
	return level > 0 || kind != "" || isRule(line) ||
		strings.HasPrefix(line, ">") || strings.HasPrefix(line, "```")
}

func heading(line string) (level int, rest string) {
	level = len(line) - len(strings.TrimLeft(line, "#"))
	if level < 1 || level > 6 || !strings.HasPrefix(line[level:], " ") {
		return 0, ""
	}
	return level, strings.TrimSpace(line[level:])
}

// listItem reads "- text", "* text", "+ text" and "1. text".
func listItem(line string) (kind BlockKind, number int, rest string) {
	if len(line) > 1 && strings.ContainsRune("-*+", rune(line[0])) && line[1] == ' ' {
		return Bullets, 0, strings.TrimLeft(line[2:], " ")
	}
	digits := 0
	for digits < len(line) && digits < 6 && line[digits] >= '0' && line[digits] <= '9' {
		number = number*10 + int(line[digits]-'0')
		digits++
	}
	if digits > 0 && strings.HasPrefix(line[digits:], ". ") {
		return Numbers, number, strings.TrimLeft(line[digits+2:], " ")
	}
	return "", 0, ""
}

func isRule(line string) bool {
	return len(line) >= 3 && (strings.Trim(line, "-") == "" || strings.Trim(line, "*") == "" || strings.Trim(line, "_") == "")
}
