package pynum

import (
	"errors"
	"math/big"
	"strconv"
	"strings"
	"unicode"

	"github.com/dingdag/dingdag/template/internal/pytext"
)

// ParseInt reads an integer as int() does: spaces around, underscores between digits.
func ParseInt(s string, base int) (any, bool) {
	s = asciiDigits(strings.TrimSpace(s))
	digits := strings.TrimLeft(s, "+-")
	if len(s)-len(digits) > 1 || digits == "" || len(digits) > MaxBits/4 || pytext.BadUnderscores(digits) {
		return nil, false
	}
	digits = strings.ReplaceAll(digits, "_", "")
	if prefix := map[int]string{16: "0x", 8: "0o", 2: "0b"}[base]; prefix != "" {
		digits = strings.TrimPrefix(strings.ToLower(digits), prefix)
	}
	if strings.ContainsAny(digits, "+-") {
		return nil, false
	}
	n, ok := new(big.Int).SetString(digits, base)
	if !ok {
		return nil, false
	}
	if strings.HasPrefix(s, "-") {
		n.Neg(n)
	}
	return Int(n), true
}

// asciiDigits writes the digits of other scripts as 0 to 9.
func asciiDigits(s string) string {
	return strings.Map(func(r rune) rune {
		if r < 0x80 || !unicode.Is(unicode.Nd, r) {
			return r
		}
		return '0' + (r-zeroOf(r))%10
	}, s)
}

// zeroOf is the first digit of the run of digits that r stands in; runs hold whole tens.
func zeroOf(r rune) rune {
	for unicode.Is(unicode.Nd, r-1) {
		r--
	}
	return r
}

// ParseFloat reads a number as float() does.
func ParseFloat(s string) (float64, bool) {
	s = asciiDigits(strings.TrimSpace(s))
	if strings.ContainsAny(s, "xXpP") || pytext.BadUnderscores(s) {
		return 0, false
	}
	f, err := strconv.ParseFloat(strings.ReplaceAll(s, "_", ""), 64)
	if err != nil && !errors.Is(err, strconv.ErrRange) { // out of range is inf, as in Python
		return 0, false
	}
	return f, true
}
