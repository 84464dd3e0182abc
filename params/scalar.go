package params

import (
	"errors"
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"
)

// The YAML 1.1 forms of numbers, as Airflow's YAML reader takes them.
var (
	intPattern = regexp.MustCompile(`^[-+]?(0b[01_]+|0[0-7_]+|0|[1-9][0-9_]*|0x[0-9a-fA-F_]+|` +
		`[1-9][0-9_]*(:[0-5]?[0-9])+)$`)
	floatPattern = regexp.MustCompile(`^(([-+]?[0-9][0-9_]*\.[0-9_]*|\.[0-9][0-9_]*)([eE][-+][0-9]+)?|` +
		`[-+]?[0-9][0-9_]*(:[0-5]?[0-9])+\.[0-9_]*|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN))$`)
)

// kind is what a node is, by the rules of YAML 1.1 for plain scalars.
type kind string

const (
	nullKind  kind = "null"
	boolKind  kind = "a boolean"
	intKind   kind = "a whole number"
	floatKind kind = "a number"
	textKind  kind = "text"
	listKind  kind = "a list"
	mapKind   kind = "a mapping"
)

func kindOf(n *yaml.Node) kind {
	switch n.Kind {
	case yaml.MappingNode:
		return mapKind
	case yaml.SequenceNode:
		return listKind
	default:
	}
	switch {
	case n.Style&yaml.TaggedStyle != 0:
		return taggedKind(n.Tag)
	case n.Style&^yaml.FlowStyle != 0: // quoted or a block of text
		return textKind
	default:
		return plainKind(n.Value)
	}
}

func taggedKind(tag string) kind {
	switch tag {
	case "!!null":
		return nullKind
	case "!!bool":
		return boolKind
	case "!!int":
		return intKind
	case "!!float":
		return floatKind
	default:
		return textKind
	}
}

func plainKind(v string) kind {
	switch v {
	case "", "~", "null", "Null", "NULL":
		return nullKind
	}
	if _, ok := parseBool(v); ok {
		return boolKind
	}
	switch {
	case !strings.ContainsAny(v[:1], "+-.0123456789"):
		return textKind
	case intPattern.MatchString(v):
		return intKind
	case floatPattern.MatchString(v):
		return floatKind
	}
	return textKind
}

// describe names what a node is, for messages. The value of a secret is left out.
func describe(n *yaml.Node, secret bool) string {
	k := kindOf(n)
	if n.Kind != yaml.ScalarNode || k == nullKind || secret {
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
func quote(s string) string {
	const most = 60
	if runes := []rune(s); len(runes) > most {
		s = string(runes[:most]) + "…"
	}
	return strconv.Quote(s)
}

// parseBool reads the boolean words of YAML 1.1.
func parseBool(v string) (value, ok bool) {
	switch v {
	case "yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON":
		return true, true
	case "no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF":
		return false, true
	}
	return false, false
}

// parseInt reads a whole number of YAML 1.1: decimal, octal with a leading zero,
// 0x, 0b and base 60.
func parseInt(text string) (int64, error) {
	digits := strings.ReplaceAll(text, "_", "")
	if !strings.Contains(digits, ":") {
		n, err := strconv.ParseInt(digits, 0, 64)
		if err != nil {
			return 0, fmt.Errorf("%s does not fit 64 bits", excerpt(text))
		}
		return n, nil
	}
	f, err := parseBase60(digits)
	if err != nil || math.Abs(f) >= 1<<53 {
		return 0, fmt.Errorf("%s does not fit 64 bits", excerpt(text))
	}
	return int64(f), nil
}

// numberOf reads a node of intKind or floatKind.
func numberOf(n *yaml.Node) (float64, error) {
	if kindOf(n) == intKind {
		i, err := parseInt(n.Value)
		return float64(i), err
	}
	return parseFloat(n.Value)
}

// parseFloat reads a number of YAML 1.1 that is not whole.
func parseFloat(text string) (float64, error) {
	digits := strings.ReplaceAll(text, "_", "")
	switch strings.ToLower(strings.TrimLeft(digits, "+-")) {
	case ".inf":
		if digits[0] == '-' {
			return math.Inf(-1), nil
		}
		return math.Inf(1), nil
	case ".nan":
		return math.NaN(), nil
	}
	f, err := parseBase60(digits)
	if err != nil {
		return 0, fmt.Errorf("%s is not a number", excerpt(text))
	}
	return f, nil
}

// finite refuses .inf and .nan, which JSON does not have.
func finite(x float64, err error) (float64, error) {
	if err == nil && (math.IsInf(x, 0) || math.IsNaN(x)) {
		err = errors.New("it is infinite or no number, which JSON does not have: leave it out, or quote it for the text")
	}
	return x, err
}

// parseBase60 reads "12:30:45" as 45045, and a number without colons as it stands.
func parseBase60(text string) (float64, error) {
	digits, negative := strings.CutPrefix(text, "-")
	total := 0.0
	for part := range strings.SplitSeq(strings.TrimPrefix(digits, "+"), ":") {
		n, err := strconv.ParseFloat(part, 64)
		if err != nil {
			return 0, err
		}
		total = total*60 + n
	}
	if negative {
		total = -total
	}
	return total, nil
}
