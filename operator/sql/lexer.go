package sql

import (
	"fmt"
	"regexp"
	"strings"
)

// dialect is a family of databases, with its way of writing SQL.
type dialect string

const (
	postgres dialect = "postgres"
	mysql    dialect = "mysql"
	sqlite   dialect = "sqlite"
)

// kind is what a piece of SQL text is.
type kind int

const (
	symbol    kind = iota // one byte of anything else
	word                  // a keyword, a plain name or a number
	quoted                // a text or a quoted name
	comment               // with what begins and ends it
	space                 // white space
	separator             // the semicolon
)

// piece is one part of a text. All pieces together are the text.
type piece struct {
	kind kind
	text string
}

// lexer cuts SQL text into pieces, far enough to tell code from what is quoted.
type lexer struct {
	dialect dialect
	text    string
	pos     int
}

// dollarTag begins a text that ends at the same tag.
var dollarTag = regexp.MustCompile(`^\$([A-Za-z_\x80-\xff][A-Za-z_0-9\x80-\xff]*)?\$`)

// next returns the next piece, or ok false at the end. A quote or comment that is not
// closed is an error.
func (l *lexer) next() (p piece, ok bool, err error) {
	if l.pos == len(l.text) {
		return piece{}, false, nil
	}
	rest := l.text[l.pos:]
	k, length := l.scan(rest)
	if length < 0 {
		line := 1 + strings.Count(l.text[:l.pos], "\n")
		what := "quote"
		if k == comment {
			what = "comment"
		}
		return piece{}, false, fmt.Errorf("the SQL has a %s that begins in line %d and is not closed", what, line)
	}
	l.pos += length
	return piece{k, rest[:length]}, true, nil
}

// scan measures the piece that text begins with. Its length is -1 when it has no end.
func (l *lexer) scan(text string) (k kind, length int) {
	c := text[0]
	switch {
	case isSpace(c):
		return space, leading(text, isSpace)
	case c == ';':
		return separator, 1
	case strings.HasPrefix(text, "--") && l.dashesComment(text), c == '#' && l.dialect == mysql:
		return comment, lineLength(text)
	case strings.HasPrefix(text, "/*"):
		return comment, blockLength(text, l.dialect == postgres)
	case c == '\'', c == '"':
		return quoted, quoteLength(text, c, l.dialect == mysql)
	case c == '`' && l.dialect != postgres:
		return quoted, quoteLength(text, c, false)
	case c == '[' && l.dialect == sqlite:
		return quoted, indexEnd(text, "]")
	case c == '$' && l.dialect == postgres:
		if tag := dollarTag.FindString(text); tag != "" {
			return quoted, after(len(tag), indexEnd(text[len(tag):], tag))
		}
		return symbol, 1
	case (c == 'e' || c == 'E') && l.dialect == postgres && strings.HasPrefix(text[1:], "'"):
		return quoted, after(1, quoteLength(text[1:], '\'', true))
	case isWord(c) && c != '$':
		return word, leading(text, isWord)
	default:
		return symbol, 1
	}
}

// dashesComment reports whether two dashes begin a comment: in MySQL only before a space.
func (l *lexer) dashesComment(text string) bool {
	return l.dialect != mysql || len(text) == 2 || text[2] <= ' '
}

func isSpace(c byte) bool { return c == ' ' || c >= '\t' && c <= '\r' }

func isWord(c byte) bool {
	return c == '_' || c == '$' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= 0x80
}

// leading counts the bytes at the beginning for which is holds.
func leading(text string, is func(byte) bool) int {
	for i := range len(text) {
		if !is(text[i]) {
			return i
		}
	}
	return len(text)
}

// lineLength is the length of the first line, without its end.
func lineLength(text string) int {
	if i := strings.IndexByte(text, '\n'); i >= 0 {
		return i
	}
	return len(text)
}

// indexEnd is the index after the first occurrence of mark, -1 when there is none.
func indexEnd(text, mark string) int {
	return after(len(mark), strings.Index(text, mark))
}

// after adds two lengths, of which the second may be -1 for no end.
func after(first, second int) int {
	if second < 0 {
		return -1
	}
	return first + second
}

// quoteLength is the length of a quoted text. A doubled quote stands for itself, and so
// does, with backslashes, whatever follows one.
func quoteLength(text string, quote byte, backslashes bool) int {
	for i := 1; i < len(text); i++ {
		switch {
		case text[i] == '\\' && backslashes:
			i++
		case text[i] == quote && i+1 < len(text) && text[i+1] == quote:
			i++
		case text[i] == quote:
			return i + 1
		}
	}
	return -1
}

// blockLength is the length of a comment between /* and */.
func blockLength(text string, nests bool) int {
	depth := 0
	for i := 0; i+1 < len(text); i++ {
		switch {
		case text[i:i+2] == "/*" && (nests || depth == 0):
			depth++
			i++
		case text[i:i+2] == "*/":
			if depth--; depth == 0 {
				return i + 2
			}
			i++
		}
	}
	return -1
}
