package pyval

import (
	"slices"
	"strings"

	"github.com/dingdag/dingdag/yamlvalue"
)

// PrettyPrint is what pprint.pformat gives: sorted keys, lines of 80 characters.
func PrettyPrint(b *Budget, v any) (string, error) {
	p := &prettyPrinter{printer: printer{budget: b, sortKeys: true}}
	p.pretty(v, 0, 0, 0)
	return p.out.String(), p.err
}

type prettyPrinter struct{ printer }

// repr is the text of v on one line.
func (p *prettyPrinter) repr(v any) string {
	one := printer{budget: p.budget, sortKeys: true}
	one.value(v, 0)
	if p.err == nil {
		p.err = one.err
	}
	return one.out.String()
}

// pretty writes v at an indent, with allowance characters to come after it on its last line.
func (p *prettyPrinter) pretty(v any, indent, allowance, level int) {
	if p.err == nil {
		p.err = p.budget.step(level)
	}
	if p.err != nil {
		return
	}
	text := p.repr(v)
	if runeLen(text) > 80-indent-allowance {
		switch v := v.(type) {
		case *Dict:
			p.prettyDict(v, indent, allowance, level)
			return
		case *List:
			p.prettyItems("[", v.Items, "]", indent, allowance, level)
			return
		case Tuple:
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
	p.text(text)
}

func (p *prettyPrinter) prettyDict(d *Dict, indent, allowance, level int) {
	p.text("{")
	pairs := sortedPairs(p.budget, d)
	for i, kv := range pairs {
		key := p.repr(kv[0])
		p.text(key + ": ")
		after := 1
		if i == len(pairs)-1 {
			after = allowance + 1
		}
		p.pretty(kv[1], indent+1+runeLen(key)+2, after, level+1)
		if i < len(pairs)-1 {
			p.text(",\n" + strings.Repeat(" ", indent+1))
		}
	}
	p.text("}")
}

func (p *prettyPrinter) prettyItems(open string, items []any, end string, indent, allowance, level int) {
	p.text(open)
	for i, it := range items {
		after := 1
		if i == len(items)-1 {
			after = allowance + len(end)
		}
		p.pretty(it, indent+1, after, level+1)
		if i < len(items)-1 {
			p.text(",\n" + strings.Repeat(" ", indent+1))
		}
	}
	p.text(end)
}

// prettyText breaks a long text into literals that follow each other.
func (p *prettyPrinter) prettyText(s string, indent, allowance, level int) {
	var chunks []string
	if level == 0 {
		indent++
		allowance++
	}
	lines := linesOf(s, true)
	for i, line := range lines {
		width := 80 - indent
		last := i == len(lines)-1
		if last {
			width -= allowance
		}
		if text := yamlvalue.PythonText(line); runeLen(text) <= width {
			chunks = append(chunks, text)
			continue
		}
		parts := wordsWithSpace(line)
		current := ""
		for j, part := range parts {
			limit := 80 - indent
			if j == len(parts)-1 && last {
				limit -= allowance
			}
			if runeLen(yamlvalue.PythonText(current+part)) > limit {
				if current != "" {
					chunks = append(chunks, yamlvalue.PythonText(current))
				}
				current = part
			} else {
				current += part
			}
		}
		if current != "" {
			chunks = append(chunks, yamlvalue.PythonText(current))
		}
	}
	if len(chunks) == 1 {
		p.text(chunks[0])
		return
	}
	text := strings.Join(chunks, "\n"+strings.Repeat(" ", indent))
	if level == 0 {
		text = "(" + text + ")"
	}
	p.text(text)
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

// sortedPairs are the pairs of a dict in the order of pprint: by key, keys that do not
// compare by their type.
func sortedPairs(b *Budget, d *Dict) [][2]any {
	pairs := make([][2]any, d.Len())
	for i, k := range d.keys {
		pairs[i] = [2]any{k, d.vals[i]}
	}
	slices.SortStableFunc(pairs, func(x, y [2]any) int {
		if c, ok, err := order(b, x[0], y[0], 0); err == nil && ok {
			return c
		}
		return strings.Compare(TypeName(x[0]), TypeName(y[0]))
	})
	return pairs
}
