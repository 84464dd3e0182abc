package pytext

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Wrapping are the options of textwrap.wrap that Jinja's wordwrap has.
type Wrapping struct {
	Width                          int
	BreakLongWords, BreakOnHyphens bool
}

// Wrap breaks one line as Python's textwrap.wrap does, blanks and tabs kept as they are.
func (o Wrapping) Wrap(text string) []string {
	w := wrapper{Wrapping: o, chunks: o.split([]rune(text))}
	return w.lines()
}

const wrapSpace = "\t\n\x0b\x0c\r "

func isWrapSpace(r rune) bool { return strings.ContainsRune(wrapSpace, r) }

// IsWord reports whether a character can be in a word, as \w does.
func IsWord(r rune) bool { return r == '_' || unicode.IsLetter(r) || unicode.IsNumber(r) }

func isWrapLetter(r rune) bool {
	return r == '_' || unicode.IsLetter(r) || unicode.IsNumber(r) && !unicode.IsDigit(r)
}
func isWordPunct(r rune) bool { return IsWord(r) || strings.ContainsRune(`!"'&.,?`, r) }

// split cuts the text into chunks that stay together: runs of blanks, words, parts of
// hyphenated words and dashes.
func (o Wrapping) split(s []rune) []string {
	var chunks []string
	for i := 0; i < len(s); {
		j := i + 1
		switch {
		case isWrapSpace(s[i]):
			for j < len(s) && isWrapSpace(s[j]) {
				j++
			}
		case !o.BreakOnHyphens:
			for j < len(s) && !isWrapSpace(s[j]) {
				j++
			}
		default:
			j = wordEnd(s, i)
		}
		chunks = append(chunks, string(s[i:j]))
		i = j
	}
	return chunks
}

// wordEnd is where the chunk that begins at i ends.
func wordEnd(s []rune, i int) int {
	if n := dashes(s, i); n > 0 && i > 0 && isWordPunct(s[i-1]) {
		return i + n
	}
	for j := i + 1; ; j++ {
		switch {
		case j < len(s) && s[j] == '-' && hyphenBreaks(s, j+1):
			return j + 1
		case j >= len(s), isWrapSpace(s[j]):
			return j
		case isWordPunct(s[j-1]) && dashes(s, j) > 0:
			return j
		}
	}
}

// dashes is the length of a run of two or more dashes at i before a word.
func dashes(s []rune, i int) int {
	n := 0
	for i+n < len(s) && s[i+n] == '-' {
		n++
	}
	if n < 2 || i+n >= len(s) || !IsWord(s[i+n]) {
		return 0
	}
	return n
}

// hyphenBreaks reports whether a line may end between a hyphen and k.
func hyphenBreaks(s []rune, k int) bool {
	letter := func(i int) bool { return i >= 0 && i < len(s) && isWrapLetter(s[i]) }
	before := letter(k-2) && letter(k-3) ||
		letter(k-4) && s[k-3] == '-' && isWordPunct(s[k-2])
	after := letter(k) && (letter(k+1) || k+1 < len(s) && s[k+1] == '-' && letter(k+2))
	return before && after
}

// wrapper fills lines with chunks.
type wrapper struct {
	Wrapping
	chunks []string
}

func blank(s string) bool { return strings.TrimSpace(s) == "" }

func (w *wrapper) lines() []string {
	var lines []string
	for len(w.chunks) > 0 {
		if blank(w.chunks[0]) && len(lines) > 0 {
			w.chunks = w.chunks[1:]
		}
		var line []string
		length := 0
		for len(w.chunks) > 0 && length+utf8.RuneCountInString(w.chunks[0]) <= w.Width {
			length += utf8.RuneCountInString(w.chunks[0])
			line, w.chunks = append(line, w.chunks[0]), w.chunks[1:]
		}
		if len(w.chunks) > 0 && utf8.RuneCountInString(w.chunks[0]) > w.Width {
			line = w.longWord(line, w.Width-length)
		}
		if n := len(line); n > 0 && blank(line[n-1]) {
			line = line[:n-1]
		}
		if len(line) > 0 {
			lines = append(lines, strings.Join(line, ""))
		}
	}
	return lines
}

// longWord puts what fits of a word that is longer than a line, or all of it on a line of its own.
func (w *wrapper) longWord(line []string, left int) []string {
	word := []rune(w.chunks[0])
	if !w.BreakLongWords {
		if len(line) == 0 {
			line, w.chunks = append(line, w.chunks[0]), w.chunks[1:]
		}
		return line
	}
	end := left
	if w.BreakOnHyphens && len(word) > left {
		for hyphen := left - 1; hyphen > 0; hyphen-- {
			if word[hyphen] != '-' {
				continue
			}
			if strings.Trim(string(word[:hyphen]), "-") != "" {
				end = hyphen + 1
			}
			break
		}
	}
	w.chunks[0] = string(word[end:])
	return append(line, string(word[:end]))
}
