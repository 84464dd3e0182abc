package schedule

import (
	"errors"
	"fmt"

	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/dag/dagfile/document"
	"github.com/dingdag/dingdag/yamlvalue"
)

// conditionParser reads the text of an asset condition: names or URIs joined by & and |,
// where & binds closer, and parentheses (dag-factory, datasets as text).
type conditionParser struct {
	words []string
	// leaf makes the condition of one name or URI.
	leaf func(word string) (*dag.AssetCondition, error)
	// depth counts the open parentheses.
	depth int
}

// errReported ends the reading of a condition whose mistake has been told.
var errReported = errors.New("reported")

// conditionWords splits a condition into names, URIs, operators and parentheses.
func conditionWords(text string) []string {
	var words []string
	start := -1
	flush := func(end int) {
		if start >= 0 {
			words = append(words, text[start:end])
			start = -1
		}
	}
	for i, c := range text {
		switch c {
		case ' ', '\t', '\n', '\r':
			flush(i)
		case '&', '|', '(', ')':
			flush(i)
			words = append(words, string(c))
		default:
			if start < 0 {
				start = i
			}
		}
	}
	flush(len(text))
	return words
}

func parseCondition(text string, leaf func(word string) (*dag.AssetCondition, error)) (*dag.AssetCondition, error) {
	p := &conditionParser{words: conditionWords(text), leaf: leaf}
	c, err := p.either()
	if err == nil && len(p.words) > 0 {
		err = fmt.Errorf("unexpected %q: write & or | between two assets", yamlvalue.Excerpt(p.words[0]))
	}
	return c, err
}

// take removes the next word if it is the given one.
func (p *conditionParser) take(word string) bool {
	if len(p.words) == 0 || p.words[0] != word {
		return false
	}
	p.words = p.words[1:]
	return true
}

func (p *conditionParser) either() (*dag.AssetCondition, error) { return p.chain("|", p.both) }

func (p *conditionParser) both() (*dag.AssetCondition, error) { return p.chain("&", p.operand) }

// chain reads parts that stand between one operator.
func (p *conditionParser) chain(operator string, part func() (*dag.AssetCondition, error)) (*dag.AssetCondition, error) {
	var parts []*dag.AssetCondition
	for {
		c, err := part()
		if err != nil {
			return nil, err
		}
		parts = append(parts, c)
		if !p.take(operator) {
			return dag.JoinConditions(operator == "|", parts), nil
		}
	}
}

func (p *conditionParser) operand() (*dag.AssetCondition, error) {
	if p.take("(") {
		if p.depth++; p.depth > document.MaxDepth {
			return nil, fmt.Errorf("more than %d parentheses inside each other", document.MaxDepth)
		}
		c, err := p.either()
		if err == nil && !p.take(")") {
			err = fmt.Errorf("a ) is missing%s", p.before())
		}
		p.depth--
		return c, err
	}
	if len(p.words) == 0 || p.words[0] == "&" || p.words[0] == "|" || p.words[0] == ")" {
		return nil, fmt.Errorf("an asset is missing%s", p.before())
	}
	word := p.words[0]
	p.words = p.words[1:]
	return p.leaf(word)
}

// before names the place of a mistake.
func (p *conditionParser) before() string {
	if len(p.words) == 0 {
		return " at the end"
	}
	return fmt.Sprintf(" before %q", yamlvalue.Excerpt(p.words[0]))
}
