package dag

import (
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"
)

// The scalar rules of YAML 1.1 as PyYAML has them, which differ from those of yaml.v3:
// yes, no, on and off are booleans, a leading zero is octal, colons mean base 60, a
// float needs a dot.
var (
	intPattern   = regexp.MustCompile(`^[-+]?(0b[01_]+|0x[0-9a-fA-F_]+|0[0-7_]+|0|[1-9][0-9_]*|[1-9][0-9_]*(:[0-5]?[0-9])+)$`)
	floatPattern = regexp.MustCompile(`^(([-+]?[0-9][0-9_]*\.[0-9_]*|\.[0-9][0-9_]*)([eE][-+][0-9]+)?|` +
		`[-+]?[0-9][0-9_]*(:[0-5]?[0-9])+\.[0-9_]*|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN))$`)
	datePattern = regexp.MustCompile(`^[0-9]{4}-([0-9]{2}-[0-9]{2}|` +
		`[0-9]{1,2}-[0-9]{1,2}([Tt]|[ \t]+)[0-9]{1,2}:[0-9]{2}:[0-9]{2}(\.[0-9]*)?([ \t]*(Z|[-+][0-9]{1,2}(:[0-9]{2})?))?)$`)
)

// kind is the type of a node as YAML 1.1 sees it.
type kind string

const (
	nullKind  kind = "null"
	boolKind  kind = "a boolean"
	intKind   kind = "a whole number"
	floatKind kind = "a number"
	textKind  kind = "text"
	dateKind  kind = "a date"
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
	if n.Style&yaml.TaggedStyle != 0 {
		switch n.Tag {
		case "!!null":
			return nullKind
		case "!!bool":
			return boolKind
		case "!!int":
			return intKind
		case "!!float":
			return floatKind
		}
		return textKind
	}
	if n.Style&(yaml.DoubleQuotedStyle|yaml.SingleQuotedStyle|yaml.LiteralStyle|yaml.FoldedStyle) != 0 {
		return textKind
	}
	return plainKind(n.Value)
}

func plainKind(v string) kind {
	switch v {
	case "", "~", "null", "Null", "NULL":
		return nullKind
	}
	if _, ok := boolWord(v); ok {
		return boolKind
	}
	if c := v[0]; c != '-' && c != '+' && c != '.' && (c < '0' || c > '9') {
		return textKind
	}
	switch {
	case intPattern.MatchString(v):
		return intKind
	case floatPattern.MatchString(v):
		return floatKind
	case datePattern.MatchString(v):
		return dateKind
	}
	return textKind
}

func boolWord(v string) (value, ok bool) {
	switch v {
	case "yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON":
		return true, true
	case "no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF":
		return false, true
	}
	return false, false
}

// parseInt reads a whole number of YAML 1.1.
func parseInt(text string) (int64, error) {
	v, negative := strings.CutPrefix(strings.ReplaceAll(text, "_", ""), "-")
	n, err := parseDigits(strings.TrimPrefix(v, "+"))
	switch {
	case err == nil && !negative && n <= math.MaxInt64:
		return int64(n), nil
	case err == nil && negative && n <= math.MaxInt64:
		return -int64(n), nil
	}
	return 0, fmt.Errorf("%s does not fit 64 bits", text)
}

func parseDigits(v string) (uint64, error) {
	if strings.Contains(v, ":") {
		var total uint64
		for part := range strings.SplitSeq(v, ":") {
			n, err := strconv.ParseUint(part, 10, 64)
			if err != nil || total > (math.MaxUint64-n)/60 {
				return 0, strconv.ErrRange
			}
			total = total*60 + n
		}
		return total, nil
	}
	if len(v) > 1 && v[0] == '0' && v[1] >= '0' && v[1] <= '9' {
		return strconv.ParseUint(v, 8, 64)
	}
	return strconv.ParseUint(v, 0, 64)
}

// parseFloat reads a number of YAML 1.1 that is not an integer.
func parseFloat(text string) (float64, error) {
	v := strings.ReplaceAll(text, "_", "")
	switch strings.ToLower(strings.TrimLeft(v, "+-")) {
	case ".inf":
		if strings.HasPrefix(v, "-") {
			return math.Inf(-1), nil
		}
		return math.Inf(1), nil
	case ".nan":
		return math.NaN(), nil
	}
	if !strings.Contains(v, ":") {
		return strconv.ParseFloat(v, 64)
	}
	negative := strings.HasPrefix(v, "-")
	var total float64
	for part := range strings.SplitSeq(strings.TrimLeft(v, "+-"), ":") {
		n, err := strconv.ParseFloat(part, 64)
		if err != nil {
			return 0, fmt.Errorf("read the number %s: %w", text, err)
		}
		total = total*60 + n
	}
	if negative {
		total = -total
	}
	return total, nil
}

// excerpt shortens a value for a message.
func excerpt(s string) string {
	const most = 60
	if runes := []rune(s); len(runes) > most {
		return string(runes[:most]) + "…"
	}
	return s
}

// excerptName shortens the name of an operator or notifier and leaves its class whole: of
// a dotted path that is the last part.
func excerptName(s string) string {
	const most, longest = 60, 200
	runes := []rune(s)
	dot := strings.LastIndexByte(s, '.')
	class := []rune(s[dot+1:])
	if len(runes) <= most || dot < 0 || len(class) > longest {
		return excerpt(s)
	}
	start := max(most-len(class), 10)
	return string(runes[:min(start, len(runes)-len(class)-1)]) + "…." + string(class)
}

// show describes a node for a message: its kind, and the text of a scalar.
func show(n *yaml.Node) string {
	k := kindOf(n)
	switch k {
	case mapKind, listKind, nullKind:
		return string(k)
	default:
		return fmt.Sprintf("%s %q", k, excerpt(n.Value))
	}
}
