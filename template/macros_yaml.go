package template

import (
	"errors"
	"fmt"
	"math"
	"math/big"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"gopkg.in/yaml.v3"

	"github.com/dingdag/dingdag/template/internal/pyval"
)

func yamlModule() any {
	load := func(b *pyval.Budget, a *pyval.Args) (any, error) {
		text := a.Text("stream")
		if err := a.Done(); err != nil {
			return nil, err
		}
		var n yaml.Node
		if err := yaml.Unmarshal([]byte(text), &n); err != nil {
			return nil, fmt.Errorf("safe_load: %w", err)
		}
		return fromYAML(b, &n, 0)
	}
	return &pyval.Module{Name: "yaml", Funcs: map[string]pyval.Method{"safe_load": load}}
}

// fromYAML reads a node as PyYAML does; mappings keep their order. Aliases are followed
// and charged each time.
func fromYAML(b *pyval.Budget, n *yaml.Node, depth int) (any, error) {
	if depth > 50 {
		return nil, fmt.Errorf("safe_load: more than 50 levels deep: %w", pyval.ErrLimit)
	}
	if err := b.Spend(64); err != nil {
		return nil, err
	}
	switch n.Kind {
	case yaml.DocumentNode:
		return fromYAML(b, n.Content[0], depth)
	case yaml.AliasNode:
		return fromYAML(b, n.Alias, depth+1)
	case yaml.SequenceNode:
		list := pyval.NewList()
		for _, c := range n.Content {
			v, err := fromYAML(b, c, depth+1)
			if err != nil {
				return nil, err
			}
			list.Items = append(list.Items, v)
		}
		return list, nil
	case yaml.MappingNode:
		return yamlMapping(b, n, depth)
	case yaml.ScalarNode:
		return yamlScalar(n)
	}
	return nil, nil // an empty document
}

// yamlMapping reads a mapping; what << merges comes first and gives way.
func yamlMapping(b *pyval.Budget, n *yaml.Node, depth int) (any, error) {
	d := pyval.NewDict()
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Tag != "!!merge" {
			continue
		}
		merged, err := fromYAML(b, n.Content[i+1], depth+1)
		if err != nil {
			return nil, err
		}
		list, ok := merged.(*pyval.List)
		if !ok {
			list = pyval.NewList(merged)
		}
		for _, item := range slices.Backward(list.Items) { // the first of several wins
			from, ok := item.(*pyval.Dict)
			if !ok {
				return nil, fmt.Errorf("safe_load: line %d: << needs a mapping", n.Content[i].Line)
			}
			for k, key := range from.Keys() {
				if err := d.Set(key, from.Values()[k]); err != nil {
					return nil, err
				}
			}
		}
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Tag == "!!merge" {
			continue
		}
		k, err := fromYAML(b, n.Content[i], depth+1)
		if err != nil {
			return nil, err
		}
		v, err := fromYAML(b, n.Content[i+1], depth+1)
		if err != nil {
			return nil, err
		}
		if err := d.Set(k, v); err != nil {
			return nil, err
		}
	}
	return d, nil
}

// What plain scalars mean in YAML 1.1, by PyYAML's expressions.
var (
	yamlInt   = regexp.MustCompile(`^(?:[-+]?0b[01_]+|[-+]?0[0-7_]+|[-+]?(?:0|[1-9][0-9_]*)|[-+]?0x[0-9a-fA-F_]+|[-+]?[1-9][0-9_]*(?::[0-5]?[0-9])+)$`)
	yamlFloat = regexp.MustCompile(`^(?:[-+]?[0-9][0-9_]*\.[0-9_]*(?:[eE][-+][0-9]+)?|\.[0-9][0-9_]*(?:[eE][-+][0-9]+)?|[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+\.[0-9_]*|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))$`)
	yamlTime  = regexp.MustCompile(`^(\d{4})-(\d\d?)-(\d\d?)(?:(?:[Tt]|[ \t]+)(\d\d?):(\d\d):(\d\d)(?:\.(\d*))?(?:[ \t]*(Z|([-+])(\d\d?)(?::(\d\d))?))?)?$`)
	yamlDate  = regexp.MustCompile(`^\d{4}-\d\d-\d\d$`)
)

var yamlWords = map[string]any{
	"": nil, "~": nil, "null": nil, "Null": nil, "NULL": nil,
	"yes": true, "Yes": true, "YES": true, "true": true, "True": true, "TRUE": true, "on": true, "On": true, "ON": true,
	"no": false, "No": false, "NO": false, "false": false, "False": false, "FALSE": false, "off": false, "Off": false, "OFF": false,
}

func yamlScalar(n *yaml.Node) (any, error) {
	text := n.Value
	if n.Style&(yaml.DoubleQuotedStyle|yaml.SingleQuotedStyle|yaml.LiteralStyle|yaml.FoldedStyle) != 0 || n.Style&yaml.TaggedStyle != 0 && n.Tag == "!!str" {
		return text, nil
	}
	if n.Style&yaml.TaggedStyle != 0 {
		return nil, fmt.Errorf("safe_load: line %d: the tag %s is not supported", n.Line, n.Tag)
	}
	if v, ok := yamlWords[text]; ok {
		return v, nil
	}
	switch {
	case yamlInt.MatchString(text):
		return yamlWhole(text)
	case yamlFloat.MatchString(text):
		return yamlNumber(text)
	case yamlTime.MatchString(text):
		return yamlMoment(text)
	}
	return text, nil
}

func yamlWhole(text string) (any, error) {
	digits := strings.TrimLeft(strings.ReplaceAll(text, "_", ""), "+-")
	n := new(big.Int)
	ok := true
	switch {
	case strings.Contains(digits, ":"):
		for part := range strings.SplitSeq(digits, ":") {
			v, isNumber := new(big.Int).SetString(part, 10)
			if !isNumber {
				return nil, fmt.Errorf("safe_load: %q is no number", text)
			}
			n.Add(n.Mul(n, big.NewInt(60)), v)
		}
	case strings.HasPrefix(digits, "0b"), strings.HasPrefix(digits, "0x"):
		n, ok = n.SetString(digits, 0)
	case len(digits) > 1 && digits[0] == '0':
		n, ok = n.SetString(digits, 8)
	default:
		n, ok = n.SetString(digits, 10)
	}
	if !ok {
		return nil, fmt.Errorf("safe_load: %q is no number", text)
	}
	if text[0] == '-' {
		n.Neg(n)
	}
	return pyval.Int(n), nil
}

func yamlNumber(text string) (any, error) {
	digits := strings.ToLower(strings.ReplaceAll(text, "_", ""))
	sign := 1.0
	if digits[0] == '-' {
		sign = -1
	}
	digits = strings.TrimLeft(digits, "+-")
	switch digits {
	case ".inf":
		return sign * math.Inf(1), nil
	case ".nan":
		return math.NaN(), nil
	}
	total := 0.0
	for part := range strings.SplitSeq(digits, ":") {
		f, err := strconv.ParseFloat(part, 64)
		if err != nil && !errors.Is(err, strconv.ErrRange) {
			return nil, fmt.Errorf("safe_load: %q is no number", text)
		}
		total = total*60 + f
	}
	return sign * total, nil
}

// yamlMoment is a date, or a datetime with or without an offset.
func yamlMoment(text string) (any, error) {
	m := yamlTime.FindStringSubmatch(text)
	var f [7]int
	for i := range 6 {
		f[i] = leading(m[i+1])
	}
	f[6] = leading((m[7] + "000000")[:6])
	at := time.Date(f[0], time.Month(f[1]), f[2], f[3], f[4], f[5], f[6]*1000, time.UTC)
	if int(at.Month()) != f[1] || at.Day() != f[2] || f[3] > 23 || f[4] > 59 || f[5] > 59 || f[0] < 1 {
		return nil, fmt.Errorf("safe_load: the time %q does not exist", text)
	}
	switch {
	case m[4] == "":
		if !yamlDate.MatchString(text) {
			return text, nil
		}
		return pyval.NewDate(at), nil
	case m[8] == "":
		return pyval.NewNaiveDateTime(at), nil
	case m[8] == "Z":
		return pyval.NewPlainDateTime(at), nil
	}
	offset := leading(m[10])*3600 + leading(m[11])*60
	if m[9] == "-" {
		offset = -offset
	}
	zone := pyval.FixedZone(offset)
	return pyval.NewPlainDateTime(at.Add(-time.Duration(offset) * time.Second).In(zone)), nil
}

// leading is a number that an expression found, 0 where it found none.
func leading(digits string) int {
	n, err := strconv.Atoi(digits)
	if err != nil {
		return 0
	}
	return n
}
