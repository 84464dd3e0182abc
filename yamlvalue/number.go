package yamlvalue

import (
	"errors"
	"fmt"
	"math"
	"math/big"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"
)

// ParseBool reads a boolean: true and false, yes and no, on and off, in lower case, upper
// case or with a capital. Any other text is not ok.
func ParseBool(text string) (value, ok bool) {
	switch text {
	case "yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON":
		return true, true
	case "no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF":
		return false, true
	}
	return false, false
}

// ParseInt reads a text of the kind [Int] that fits 64 bits.
func ParseInt(text string) (int64, error) {
	if digits := strings.TrimLeft(text, "+-"); !strings.HasPrefix(digits, "0") {
		if n, err := strconv.ParseInt(text, 10, 64); err == nil {
			return n, nil
		}
	}
	n, err := ParseBigInt(text)
	if err != nil {
		return 0, err
	}
	if !n.IsInt64() {
		return 0, fmt.Errorf("%s does not fit 64 bits", Excerpt(text))
	}
	return n.Int64(), nil
}

// ParseBigInt reads a text of the kind [Int]: decimal, octal with a leading zero, 0x, 0b,
// and base 60 with colons, where underscores may stand between the digits.
func ParseBigInt(text string) (*big.Int, error) {
	digits, negative := strings.CutPrefix(strings.ReplaceAll(text, "_", ""), "-")
	digits = strings.TrimPrefix(digits, "+")
	n, ok := new(big.Int), true
	switch {
	case strings.Contains(digits, ":"):
		for part := range strings.SplitSeq(digits, ":") {
			digit, err := strconv.ParseUint(part, 10, 64)
			ok = ok && err == nil
			n.Add(n.Mul(n, big.NewInt(60)), new(big.Int).SetUint64(digit))
		}
	case strings.HasPrefix(digits, "0b"), strings.HasPrefix(digits, "0x"):
		_, ok = n.SetString(digits, 0)
	case strings.HasPrefix(digits, "0"):
		_, ok = n.SetString(digits, 8)
	default:
		_, ok = n.SetString(digits, 10)
	}
	if !ok {
		return nil, fmt.Errorf("%s is not a whole number", Excerpt(text))
	}
	if negative {
		n.Neg(n)
	}
	return n, nil
}

// ParseFloat reads a text of the kind [Float]. As in Python, one that is too large is
// infinite.
func ParseFloat(text string) (float64, error) {
	digits, negative := strings.CutPrefix(strings.ToLower(strings.ReplaceAll(text, "_", "")), "-")
	total := 0.0
	switch digits = strings.TrimPrefix(digits, "+"); digits {
	case ".inf":
		total = math.Inf(1)
	case ".nan":
		total = math.NaN()
	default:
		for part := range strings.SplitSeq(digits, ":") {
			f, err := strconv.ParseFloat(part, 64)
			if err != nil && !errors.Is(err, strconv.ErrRange) {
				return 0, fmt.Errorf("%s is not a number", Excerpt(text))
			}
			total = total*60 + f
		}
	}
	if negative {
		total = -total
	}
	return total, nil
}

// ParseNumber reads a node of the kind [Int] or [Float]. A whole number must fit 64 bits.
func ParseNumber(n *yaml.Node) (float64, error) {
	if KindOf(n) == Int {
		i, err := ParseInt(n.Value)
		return float64(i), err
	}
	return ParseFloat(n.Value)
}

// FloatText writes a float so that YAML reads the same float: with a point, and a sign in
// the exponent.
func FloatText(f float64) string {
	switch {
	case math.IsNaN(f):
		return ".nan"
	case math.IsInf(f, 1):
		return ".inf"
	case math.IsInf(f, -1):
		return "-.inf"
	}
	text := strconv.FormatFloat(f, 'g', -1, 64)
	mantissa, exponent, _ := strings.Cut(text, "e")
	if !strings.Contains(mantissa, ".") {
		mantissa += ".0"
	}
	if exponent == "" {
		return mantissa
	}
	return mantissa + "e" + exponent
}
