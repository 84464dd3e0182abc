package pynum

import (
	"fmt"
	"math"
	"math/big"
	"strconv"
	"strings"

	"github.com/dingdag/dingdag/yamlvalue"
)

// Format is one parsed format specification: of % or of str.format.
type Format struct {
	Fill      string
	Align     rune // '<', '>', '^', '=' or 0
	Sign      rune // '+', ' ' or 0
	Alternate bool
	Width     int
	Group     string // "," or "_"
	Precision int    // -1 is none
	Verb      byte   // 0 is none
	Percent   bool   // of the % operator, which is laxer about numbers
	Before    int    // the length of sign and prefix
	Zero      bool   // a 0 before the width
}

// Integer are the digits of a number without its sign, and with Alternate the prefix of its base.
func (f *Format) Integer(n *big.Int) (prefix, digits string) {
	base := 10
	switch f.Verb {
	case 'x', 'X':
		base, prefix = 16, "0x"
	case 'o':
		base, prefix = 8, "0o"
	case 'b':
		base, prefix = 2, "0b"
	}
	digits = new(big.Int).Abs(n).Text(base)
	if f.Percent && len(digits) < f.Precision { // '%.3d'
		digits = strings.Repeat("0", f.Precision-len(digits)) + digits
	}
	if !f.Alternate {
		prefix = ""
	}
	if f.Verb == 'X' {
		return strings.ToUpper(prefix), strings.ToUpper(digits)
	}
	return prefix, digits
}

// Float are the digits of a number that is not negative.
func (f *Format) Float(x float64) string {
	percent := ""
	if f.Verb == '%' {
		x, percent = x*100, "%"
	}
	var s string
	switch prec := f.Precision; {
	case math.IsNaN(x) || math.IsInf(x, 0):
		s = yamlvalue.PythonFloat(x)
	case f.Verb == 'g' || f.Verb == 'G' || f.Verb == 'n':
		if prec < 0 {
			prec = 6
		}
		s = f.general(x, max(prec, 1))
	default:
		if prec < 0 {
			prec = 6
		}
		verb := byte('f')
		if f.Verb == 'e' || f.Verb == 'E' {
			verb = 'e'
		}
		s = strconv.FormatFloat(x, verb, prec, 64)
		if f.Alternate && !strings.Contains(s, ".") {
			mantissa, exp, isExp := strings.Cut(s, "e")
			if s = mantissa + "."; isExp {
				s += "e" + exp
			}
		}
	}
	if strings.IndexByte("EFG", f.Verb) >= 0 {
		s = strings.ToUpper(s)
	}
	return s + percent
}

// general is %g: the shorter of fixed and scientific, without trailing zeros.
func (f *Format) general(x float64, prec int) string {
	s := strconv.FormatFloat(x, 'e', prec-1, 64)
	mantissa, expText, _ := strings.Cut(s, "e")
	exp, err := strconv.Atoi(expText)
	if err == nil && exp >= -4 && exp < prec {
		mantissa, expText = strconv.FormatFloat(x, 'f', prec-1-exp, 64), ""
	}
	if strings.Contains(mantissa, ".") && !f.Alternate {
		mantissa = strings.TrimRight(strings.TrimRight(mantissa, "0"), ".")
	}
	if expText != "" {
		mantissa += "e" + expText
	}
	return mantissa
}

// Grouped puts separators between the digits of a number that was written.
func (f *Format) Grouped(s string) string {
	if f.Group == "" {
		return s
	}
	size := 3
	if strings.IndexByte("xXob", f.Verb) >= 0 && f.Verb != 0 {
		size = 4
	}
	end := len(s)
	if size == 3 {
		if end = strings.IndexFunc(s, func(r rune) bool { return r < '0' || r > '9' }); end < 0 {
			end = len(s)
		}
	}
	whole := s[:end]
	if f.Align == '=' && f.Fill == "0" { // zeros are grouped, too, and never begin with the separator
		for missing := f.Width - f.Before - len(s[end:]); grouped(len(whole), size) < missing; {
			whole = "0" + whole
		}
	}
	var parts []string
	for len(whole) > size {
		parts = append([]string{whole[len(whole)-size:]}, parts...)
		whole = whole[:len(whole)-size]
	}
	return strings.Join(append([]string{whole}, parts...), f.Group) + s[end:]
}

// grouped is the length of so many digits with a separator between groups.
func grouped(digits, size int) int { return digits + (digits-1)/size }

// ParseFormat reads a format specification of str.format.
func ParseFormat(text string) (*Format, error) {
	f := &Format{Precision: -1}
	rest := text
	if r := []rune(text); len(r) > 1 && strings.ContainsRune("<>^=", r[1]) {
		f.Fill, f.Align = string(r[0]), r[1]
		rest = string(r[2:])
	} else if strings.ContainsRune("<>^=", r[0]) {
		f.Align, rest = r[0], string(r[1:])
	}
	for rest != "" && strings.IndexByte("+- ", rest[0]) >= 0 {
		if rest[0] != '-' {
			f.Sign = rune(rest[0])
		}
		rest = rest[1:]
	}
	if after, ok := strings.CutPrefix(rest, "#"); ok {
		f.Alternate, rest = true, after
	}
	f.Zero = strings.HasPrefix(rest, "0")
	f.Width = Digits(&rest)
	if rest != "" && (rest[0] == ',' || rest[0] == '_') {
		f.Group, rest = rest[:1], rest[1:]
	}
	if after, ok := strings.CutPrefix(rest, "."); ok {
		rest = after
		f.Precision = Digits(&rest)
	}
	if len(rest) == 1 {
		f.Verb, rest = rest[0], ""
	}
	if rest != "" {
		return nil, fmt.Errorf("format: %q is not understood", text)
	}
	return f, nil
}

// Digits cuts leading digits off s; what is beyond 31 bits is as good as endless.
func Digits(s *string) int {
	n := 0
	for *s != "" && (*s)[0] >= '0' && (*s)[0] <= '9' {
		n = min(n*10+int((*s)[0]-'0'), math.MaxInt32)
		*s = (*s)[1:]
	}
	return n
}
