package http

import "strings"

// quoteQuery percent-encodes what may not stand in a query, such as blanks and Chinese, as
// Python's requests does: what is encoded already stays, unless a % in the query begins no
// escape; then each % stands for itself.
func quoteQuery(query string) string {
	var b strings.Builder
	escaped := allEscapes(query)
	for i := 0; i < len(query); i++ {
		c := query[i]
		switch {
		case c == '%' && escaped:
			escape := query[i : i+3]
			if plain := unhex(escape[1])<<4 | unhex(escape[2]); isUnreserved(plain) {
				b.WriteByte(plain)
			} else {
				b.WriteString(strings.ToUpper(escape))
			}
			i += 2
		case isUnreserved(c) || strings.IndexByte("!$&'()*+,/:;=?@", c) >= 0:
			b.WriteByte(c)
		default:
			const digits = "0123456789ABCDEF"
			b.Write([]byte{'%', digits[c>>4], digits[c&15]})
		}
	}
	return b.String()
}

// allEscapes reports whether each % in the text begins an escape.
func allEscapes(text string) bool {
	for i := range len(text) {
		if text[i] == '%' && (i+2 >= len(text) || !isHex(text[i+1]) || !isHex(text[i+2])) {
			return false
		}
	}
	return true
}

// isUnreserved reports whether a byte needs no escape anywhere (RFC 3986, 2.3).
func isUnreserved(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || strings.IndexByte("-._~", c) >= 0
}

func isHex(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'f' || 'A' <= c && c <= 'F'
}

func unhex(c byte) byte {
	switch {
	case c <= '9':
		return c - '0'
	case c <= 'F':
		return c - 'A' + 10
	default:
		return c - 'a' + 10
	}
}
