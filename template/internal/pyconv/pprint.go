package pyconv

import (
	"strings"
	"unicode/utf8"

	"github.com/dingdag/dingdag/template/internal/pytext"
	"github.com/dingdag/dingdag/template/internal/pyval"
	"github.com/dingdag/dingdag/yamlvalue"
)

// PrettyPrint is what pprint.pformat gives: sorted keys, lines of 80 characters.
func PrettyPrint(b *pyval.Budget, v any) (string, error) {
	p := &prettyPrinter{Writer: pyval.Writer{Budget: b, SortKeys: true}}
	p.pretty(v, 0, 0, 0)
	return p.Out.String(), p.Err
}

type prettyPrinter struct{ pyval.Writer }

// repr is the text of v on one line.
func (p *prettyPrinter) repr(v any) string {
	one := pyval.Writer{Budget: p.Budget, SortKeys: true}
	one.Value(v, 0)
	if p.Err == nil {
		p.Err = one.Err
	}
	return one.Out.String()
}

// pretty writes v at an indent, with allowance characters to come after it on its last line.
func (p *prettyPrinter) pretty(v any, indent, allowance, level int) {
	if p.Err == nil {
		p.Err = p.Budget.Step(level)
	}
	if p.Err != nil {
		return
	}
	text := p.repr(v)
	if utf8.RuneCountInString(text) > 80-indent-allowance {
		switch v := v.(type) {
		case *pyval.Dict:
			p.prettyDict(v, indent, allowance, level)
			return
		case *pyval.List:
			p.prettyItems("[", v.Items, "]", indent, allowance, level)
			return
		case pyval.Tuple:
			end := ")"
			if len(v) == 1 {
				end = ",)"
			}
			p.prettyItems("(", v, end, indent, allowance, level)
			return
		case string:
			p.prettyText(v, indent, allowance, level)
			return
		}
	}
	p.Text(text)
}

func (p *prettyPrinter) prettyDict(d *pyval.Dict, indent, allowance, level int) {
	p.Text("{")
	pairs := pyval.SortedPairs(p.Budget, d)
	for i, kv := range pairs {
		key := p.repr(kv[0])
		p.Text(key + ": ")
		after := 1
		if i == len(pairs)-1 {
			after = allowance + 1
		}
		p.pretty(kv[1], indent+1+utf8.RuneCountInString(key)+2, after, level+1)
		if i < len(pairs)-1 {
			p.Text(",\n" + strings.Repeat(" ", indent+1))
		}
	}
	p.Text("}")
}

func (p *prettyPrinter) prettyItems(open string, items []any, end string, indent, allowance, level int) {
	p.Text(open)
	for i, it := range items {
		after := 1
		if i == len(items)-1 {
			after = allowance + len(end)
		}
		p.pretty(it, indent+1, after, level+1)
		if i < len(items)-1 {
			p.Text(",\n" + strings.Repeat(" ", indent+1))
		}
	}
	p.Text(end)
}

// prettyText breaks a long text into literals that follow each other.
func (p *prettyPrinter) prettyText(s string, indent, allowance, level int) {
	if level == 0 {
		indent++
		allowance++
	}
	width := 80 - indent
	var literals []string
	lines := pytext.Lines(s, true)
	for i, line := range lines {
		last := width
		if i == len(lines)-1 {
			last -= allowance
		}
		literals = append(literals, brokenLine(line, width, last)...)
	}
	if len(literals) == 1 {
		p.Text(literals[0])
		return
	}
	text := strings.Join(literals, "\n"+strings.Repeat(" ", indent))
	if level == 0 {
		text = "(" + text + ")"
	}
	p.Text(text)
}

// brokenLine is a line as literals, broken after blanks: they are at most so wide, the last one
// has a width of its own.
func brokenLine(line string, width, last int) (literals []string) {
	if fits(line, last) {
		return []string{yamlvalue.PythonText(line)}
	}
	words, current := wordsWithSpace(line), ""
	for i, word := range words {
		if i == len(words)-1 {
			width = last
		}
		if current != "" && !fits(current+word, width) {
			literals = append(literals, yamlvalue.PythonText(current))
			current = ""
		}
		current += word
	}
	if current != "" {
		literals = append(literals, yamlvalue.PythonText(current))
	}
	return literals
}

// fits reports whether the literal of a text is at most so wide.
func fits(s string, width int) bool {
	return utf8.RuneCountInString(yamlvalue.PythonText(s)) <= width
}

// wordsWithSpace cuts a text after each run of blanks.
func wordsWithSpace(s string) []string {
	var parts []string
	for s != "" {
		end := strings.IndexAny(s, " \t\n\r\f\v")
		if end < 0 {
			return append(parts, s)
		}
		rest := strings.TrimLeft(s[end:], " \t\n\r\f\v")
		parts = append(parts, s[:len(s)-len(rest)])
		s = rest
	}
	return parts
}
