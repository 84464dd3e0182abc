package pytext

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/dingdag/dingdag/yamlvalue"
)

// IsDigit is str.isdigit, which takes raised and circled digits, too.
func IsDigit(r rune) bool {
	return unicode.IsDigit(r) || strings.ContainsRune("²³¹⁰⁴⁵⁶⁷⁸⁹₀₁₂₃₄₅₆₇₈₉", r) || r >= '①' && r <= '⑨'
}

// IsNumeric is str.isnumeric, which takes Chinese numerals, too.
func IsNumeric(r rune) bool {
	return unicode.IsNumber(r) || strings.ContainsRune("一二三四五六七八九十百千万億兆零壹贰叁肆伍陆柒捌玖拾佰仟萬亿〇两兩", r)
}

// IsIdentifier is str.isidentifier.
func IsIdentifier(s string) bool {
	for i, r := range s {
		if r != '_' && !unicode.IsLetter(r) && (i == 0 || !unicode.IsDigit(r) && !unicode.Is(unicode.Mn, r)) {
			return false
		}
	}
	return s != ""
}

// ASCII writes characters beyond ASCII as escapes, as ascii() does.
func ASCII(s string) string {
	var b strings.Builder
	for _, r := range s {
		if r < utf8.RuneSelf {
			b.WriteRune(r)
		} else {
			b.WriteString(yamlvalue.PythonEscape(r))
		}
	}
	return b.String()
}

// BadUnderscores reports underscores that do not stand between digits.
func BadUnderscores(s string) bool {
	return strings.HasPrefix(s, "_") || strings.HasSuffix(s, "_") || strings.Contains(s, "__")
}
