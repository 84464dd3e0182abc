package params

import (
	"errors"
	"fmt"
	"math"
	"strconv"

	"gopkg.in/yaml.v3"

	"github.com/dingdag/dingdag/yamlvalue"
)

// kindOf is the kind of the value of a parameter, where a date is text.
func kindOf(n *yaml.Node) yamlvalue.Kind {
	if k := yamlvalue.KindOf(n); k != yamlvalue.Date {
		return k
	}
	return yamlvalue.Text
}

// describe names what a node is, for messages. The value of a secret is left out.
func describe(n *yaml.Node, secret bool) string {
	k := kindOf(n)
	if n.Kind != yaml.ScalarNode || k == yamlvalue.Null || secret {
		return string(k)
	}
	return fmt.Sprintf("%s (%s)", k, excerpt(n.Value))
}

// excerpt shortens a value for a message and keeps it on one line.
func excerpt(s string) string {
	text := quote(s)
	return text[1 : len(text)-1]
}

// quote is excerpt in quotes.
func quote(s string) string { return strconv.Quote(yamlvalue.Excerpt(s)) }

// finite refuses .inf and .nan, which JSON does not have.
func finite(x float64, err error) (float64, error) {
	if err == nil && (math.IsInf(x, 0) || math.IsNaN(x)) {
		err = errors.New("it is infinite or no number, which JSON does not have: leave it out, or quote it for the text")
	}
	return x, err
}
