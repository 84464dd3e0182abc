package connections

import (
	"encoding/base64"
	"fmt"
	"html"
	"net/url"
	"strings"
	"unicode/utf16"
)

// formsOf returns the ways in which programs write a secret down: as it is, quoted for
// URLs, escaped for JSON and for markup, in base64, also within a longer text, and its
// lines and its credentials by themselves.
func formsOf(secret string) []string {
	forms := []string{secret}
	add := func(form string) {
		if worthMasking(form) {
			forms = append(forms, form)
		}
	}
	for _, s := range append([]string{secret}, piecesOf(secret)...) {
		add(s)
		for _, quoted := range []string{quote(s), quoteForm(s), url.PathEscape(s), url.QueryEscape(s)} {
			path := strings.ReplaceAll(quoted, "%2F", "/") // as Python's quote and Jinja's urlencode leave it
			for _, form := range []string{quoted, path, lowerHex(quoted), lowerHex(path)} {
				add(form)
			}
		}
		for _, quoted := range []string{jsonText(s), asciiJSON(jsonText(s)), htmlJSON(jsonText(s))} {
			add(quoted[1 : len(quoted)-1])
		}
		add(html.EscapeString(s))
		for _, form := range base64Forms(s) {
			add(form)
		}
	}
	return forms
}

// piecesOf returns the parts of a secret that are written by themselves: its lines,
// because logs are written by line, what stands behind the scheme of an Authorization
// header, and the values of cookies.
func piecesOf(secret string) (pieces []string) {
	if strings.Contains(secret, "\n") {
		for line := range strings.Lines(secret) {
			pieces = append(pieces, strings.TrimSpace(line))
		}
		return pieces
	}
	trimmed := strings.TrimSpace(secret)
	if trimmed != secret {
		pieces = append(pieces, trimmed)
	}
	scheme, rest, found := strings.Cut(trimmed, " ")
	switch {
	case !found:
	case isScheme(scheme):
		rest = strings.TrimSpace(rest)
		pieces = append(pieces, rest)
		if decoded, err := base64.StdEncoding.DecodeString(rest); err == nil && strings.EqualFold(scheme, "basic") {
			_, password, _ := strings.Cut(string(decoded), ":")
			pieces = append(pieces, password)
		}
	case strings.HasSuffix(scheme, ";"):
		for part := range strings.SplitSeq(trimmed, ";") {
			_, value, _ := strings.Cut(part, "=")
			pieces = append(pieces, strings.TrimSpace(value))
		}
	}
	return pieces
}

// isScheme reports whether a word begins an Authorization header.
func isScheme(word string) bool {
	switch strings.ToLower(word) {
	case "basic", "bearer", "token", "apikey", "digest", "negotiate":
		return true
	}
	return false
}

// lowerHex writes percent-escapes in lower case, as some clients do.
func lowerHex(quoted string) string {
	if !strings.Contains(quoted, "%") {
		return quoted
	}
	b := []byte(quoted)
	for i := range b {
		if b[i] == '%' {
			for _, j := range []int{i + 1, i + 2} {
				if j < len(b) && b[j] >= 'A' && b[j] <= 'F' {
					b[j] |= 0x20
				}
			}
		}
	}
	return string(b)
}

// asciiJSON escapes what is not ASCII in a JSON text, as Python's json does.
func asciiJSON(text string) string {
	var b strings.Builder
	for _, r := range text {
		switch {
		case r < 0x80:
			b.WriteRune(r)
		case r < 0x10000:
			fmt.Fprintf(&b, `\u%04x`, r)
		default:
			high, low := utf16.EncodeRune(r)
			fmt.Fprintf(&b, `\u%04x\u%04x`, high, low)
		}
	}
	return b.String()
}

// htmlJSON escapes < > and & in a JSON text, as Go's json does.
func htmlJSON(text string) string {
	return strings.NewReplacer("<", `\u003c`, ">", `\u003e`, "&", `\u0026`).Replace(text)
}

// base64Forms returns what of the base64 of any text around a secret depends on the
// secret alone: the three ways in which its bytes can fall on groups of three, in both
// alphabets. What is too short to tell a secret is left out.
func base64Forms(s string) (forms []string) {
	const least = 8 // characters, of six bits each
	for before := range 3 {
		text := base64.RawStdEncoding.EncodeToString(append(make([]byte, before), s...))
		first := (before*8 + 5) / 6 // characters that have bits of what stands before
		last := (before + len(s)) * 8 / 6
		if last-first < least {
			continue
		}
		text = text[first:last]
		forms = append(forms, text)
		if other := strings.NewReplacer("+", "-", "/", "_").Replace(text); other != text {
			forms = append(forms, other)
		}
	}
	return forms
}
