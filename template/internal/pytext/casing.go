// Package pytext is what Python does with texts: letter case, classes of characters, escapes, lines and
// wrapping. It knows no values of templates.
package pytext

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/cases"
	"golang.org/x/text/language"
)

// Texts change case as in Python: one character may become several, ß becomes SS.

// IsASCII reports whether the short ways will do.
// IsASCII is str.isascii.
func IsASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// Upper is str.upper.
func Upper(s string) string {
	if IsASCII(s) {
		return strings.ToUpper(s)
	}
	return cases.Upper(language.Und).String(s)
}

// Lower is str.lower; a sigma at the end of a word has its own form.
func Lower(s string) string {
	if IsASCII(s) {
		return strings.ToLower(s)
	}
	return cases.Lower(language.Und, cases.HandleFinalSigma(true)).String(s)
}

// Fold is str.casefold.
func Fold(s string) string {
	if IsASCII(s) {
		return strings.ToLower(s)
	}
	return cases.Fold().String(s)
}

// titleRune is one character at the start of a word.
func titleRune(r rune) string {
	if r < utf8.RuneSelf {
		return string(unicode.ToUpper(r))
	}
	return cases.Title(language.Und, cases.NoLower).String(string(r))
}

// Capitalize is str.capitalize.
func Capitalize(s string) string {
	r, n := utf8.DecodeRuneInString(s)
	if n == 0 {
		return s
	}
	return titleRune(r) + Lower(s[n:])
}

// Title is str.title: a capital after everything that has no case.
func Title(s string) string {
	var b strings.Builder
	inWord := false
	for _, r := range s {
		if inWord {
			b.WriteString(Lower(string(r)))
		} else {
			b.WriteString(titleRune(r))
		}
		inWord = isCased(r)
	}
	return b.String()
}

func isCased(r rune) bool {
	return unicode.IsUpper(r) || unicode.IsLower(r) || unicode.IsTitle(r) || unicode.Is(unicode.Other_Lowercase, r) || unicode.Is(unicode.Other_Uppercase, r)
}

// SwapCase is str.swapcase.
func SwapCase(s string) string {
	var b strings.Builder
	for _, r := range s {
		switch {
		case unicode.IsUpper(r):
			b.WriteString(Lower(string(r)))
		case unicode.IsLower(r):
			b.WriteString(Upper(string(r)))
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

// IsUpper is str.isupper: there are capitals and no small letters.
func IsUpper(s string) bool { return allCased(s, unicode.IsUpper) }

// IsLower is str.islower.
func IsLower(s string) bool { return allCased(s, unicode.IsLower) }

func allCased(s string, is func(rune) bool) bool {
	found := false
	for _, r := range s {
		if isCased(r) && !is(r) {
			return false
		}
		found = found || is(r)
	}
	return found
}

// IsTitle is str.istitle.
func IsTitle(s string) bool {
	found, inWord := false, false
	for _, r := range s {
		capital := unicode.IsUpper(r) || unicode.IsTitle(r)
		switch {
		case capital && inWord, unicode.IsLower(r) && !inWord:
			return false
		case capital, unicode.IsLower(r):
			found, inWord = true, true
		default:
			inWord = false
		}
	}
	return found
}
