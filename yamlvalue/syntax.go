package yamlvalue

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"

	yaml4 "go.yaml.in/yaml/v4"
)

// fault is a mistake in the YAML of a file as a parser tells it.
type fault struct {
	data    []byte
	message string
	// at is the place of the mistake, began that of what holds it; zero when unknown.
	at, began Position
	// index is the byte offset of a character that may stand nowhere.
	index int
}

// Position is a place in a text. Line and Column count from 1, columns in characters.
type Position struct{ Line, Column int }

// Explain gives an error that yaml.v3 has told of a text a place and words for people. The
// library tells neither the column nor, often, the line: its successor does. The words may
// have a character or the name of an anchor of the text, and no more of it.
func Explain(data []byte, err error) (Position, string) {
	f := fault{data: data}
	var known *yaml4.LoadError
	if _, again := Decode(data); errors.As(again, &known) {
		f.message, f.index = known.Message, known.Mark.Index
		f.at = Position{Line: known.Mark.Line, Column: known.Mark.Column}
		f.began = Position{Line: known.ContextMark.Line, Column: known.ContextMark.Column}
	} else {
		f.message = strings.TrimPrefix(err.Error(), "yaml: ")
		if m := yamlErrorPattern().FindStringSubmatch(err.Error()); m != nil {
			line, _ := strconv.Atoi(m[1]) // empty without a line, which is 0
			f.message, f.at.Line = m[2], line
		}
		f.at.Line = min(max(f.at.Line, 1), bytes.Count(data, []byte("\n"))+1)
		f.at.Column = len(indentOf(f.line(f.at.Line))) + 1
	}
	return f.explain()
}

// yamlErrorPattern matches the messages of the library that reads the files.
var yamlErrorPattern = Pattern(`^yaml: (?:line (\d+): )?(.*)$`)

// explain finds words for people, and the place where they would mend the file.
func (f fault) explain() (Position, string) {
	c := f.next()
	switch {
	case c == '\t' && strings.TrimSpace(f.before()) == "":
		return f.at, "a tab indents this line: use spaces"
	case f.message == "found character that cannot start any token":
		return f.at, noToken(c)
	case f.message == "did not find expected alphabetic or numeric character":
		return f.starName()
	case f.message == "mapping values are not allowed in this context":
		return f.colon()
	case f.message == "could not find expected ':'":
		return f.noColon()
	case f.message == "did not find expected key", f.message == "did not find expected '-' indicator":
		return f.tooMuch(c)
	case strings.HasPrefix(f.message, "did not find expected ','"):
		return f.inBrackets(c)
	case f.message == "did not find expected node content":
		if open, found := f.unclosed(); found && c == 0 {
			return open, "this bracket is not closed"
		}
		return f.at, fmt.Sprintf("a value is missing before this %q", c)
	case f.message == "found unexpected end of stream" && f.began.Line > 0:
		return f.began, "this quote is not closed"
	case f.message == "found unknown escape character":
		r, _ := utf8.DecodeRuneInString(strings.TrimPrefix(f.rest(), `\`))
		return f.at, fmt.Sprintf(`\%c is not an escape of double quotes: write \\ for a backslash, or put the text into single quotes`, r)
	case strings.HasPrefix(f.message, "control characters are not allowed") && f.index < len(f.data):
		r, _ := utf8.DecodeRune(f.data[f.index:])
		return Offset(f.data, f.index), fmt.Sprintf(`the control character %U is not allowed in a file: write it as an escape in double quotes`, r)
	case f.message == "did not find expected <document start>":
		return f.at, "the file continues after the end of its document: remove the line ... and everything after it"
	case f.message == "did not find expected comment or line break":
		return f.at, "a block text begins on the line below its | or >: only a comment is allowed here"
	}
	if m := anchorPattern().FindStringSubmatch(f.message); m != nil {
		return f.at, "unknown anchor " + strconv.Quote(m[1]) + ": quote a value that starts with *"
	}
	return f.at, f.message
}

var anchorPattern = Pattern(`^unknown anchor '(.*)' referenced$`)

// noToken says what to do about a value that begins with a reserved character.
func noToken(c rune) string {
	switch c {
	case '@':
		return `quote a value that starts with @, for instance "@daily"`
	case '`':
		return "quote a value that starts with a backtick"
	case '\t':
		return "a tab is not allowed here: use spaces"
	default:
		return fmt.Sprintf("quote a value that starts with %c", c)
	}
}

// starName explains * and & without a name, which begin aliases and anchors.
func (f fault) starName() (Position, string) {
	at := f.began
	if value := valueStart().FindStringIndex(f.line(f.at.Line)); value != nil {
		at = f.column(value[1])
	}
	c, _ := utf8.DecodeRuneInString(f.from(at))
	if c == '*' {
		return at, `quote a value that starts with *, for instance "* * * * *"`
	}
	return at, fmt.Sprintf("quote a value that starts with %c", c)
}

var (
	// valueStart ends where the first value of a line begins.
	valueStart = Pattern(`^\s*(?:- +)*(?:[^\s:"'{\[#](?:[^:]|:\S)*?:\s+)?`)
	// keyInLine matches a line whose key and value stand beside each other.
	keyInLine = Pattern(`^\s*(?:- +)*[^\s:#][^:#]*:(?:\s|$)`)
	// gluedColon ends behind a colon without a space.
	gluedColon = Pattern(`^\s*(?:- +)*[\w.-]+:`)
	blockText  = Pattern(`:\s+[|>][-+0-9]*\s*(?:#.*)?$`)
)

// colon explains a colon with a space where no key can be.
func (f fault) colon() (Position, string) {
	if before := f.before(); strings.Contains(before, ": ") {
		return f.at, "a colon followed by a space inside a value needs quotes around the value"
	}
	above, number := f.above(f.at.Line)
	indent := Position{Line: number, Column: len(indentOf(above)) + 1}
	glued := gluedColon().FindStringIndex(above)
	switch {
	case number == 0:
	case keyInLine().MatchString(above):
		return Position{Line: f.at.Line, Column: len(indentOf(f.line(f.at.Line))) + 1},
			fmt.Sprintf("this line is indented deeper than line %d, whose key has a value already: align the two", number)
	case glued != nil:
		return Position{Line: number, Column: utf8.RuneCountInString(above[:glued[1]]) + 1}, "a space is missing after the colon"
	default:
		return indent, "this line has no colon: write key: value"
	}
	return f.at, "a key is not allowed here: quote a value that contains a colon"
}

// noColon explains a line without a colon among keys.
func (f fault) noColon() (Position, string) {
	above, number := f.above(f.began.Line)
	switch {
	case gluedColon().MatchString(f.line(f.began.Line)):
		glued := gluedColon().FindString(f.line(f.began.Line))
		return Position{Line: f.began.Line, Column: utf8.RuneCountInString(glued) + 1}, "a space is missing after the colon"
	case number > 0 && blockText().MatchString(above):
		return f.began, fmt.Sprintf("a block text must be indented deeper than its key on line %d", number)
	default:
		return f.began, "this line has no colon: write key: value, or indent continued text deeper than its key"
	}
}

// tooMuch explains what follows a value, or is indented like nothing else.
func (f fault) tooMuch(c rune) (Position, string) {
	if c == ']' || c == '}' {
		return f.at, fmt.Sprintf("this %c closes nothing", c)
	}
	if before := f.before(); strings.TrimSpace(before) == "" {
		if c == '-' {
			return f.at, "a list item is not allowed among keys: indent the list, or remove the value before it"
		}
		return f.at, fmt.Sprintf("this line is indented by %s, like no line above that it could belong to: align it", spaces(len(before)))
	}
	line := f.line(f.at.Line)
	start := valueStart().FindStringIndex(line)
	value := line[start[1]:]
	switch {
	case strings.HasPrefix(value, "{{"):
		return f.column(start[1]), "quote a value that starts with {{"
	case strings.HasPrefix(value, "{%"):
		return f.column(start[1]), "quote a value that starts with {%"
	case strings.HasPrefix(value, "'"):
		return f.at, "the quoted text ends before this: put quotes around the whole value, and write '' for ' inside"
	case strings.HasPrefix(value, `"`):
		return f.at, `the quoted text ends before this: put quotes around the whole value, and write \" for " inside`
	default:
		return f.at, "the value ends before this: put quotes around the whole value"
	}
}

// inBrackets explains a list or mapping in brackets that does not go on.
func (f fault) inBrackets(c rune) (Position, string) {
	closing := f.message[len(f.message)-2 : len(f.message)-1]
	if f.at.Line != f.began.Line {
		opening := map[string]string{"]": "[", "}": "{"}[closing]
		if !strings.HasPrefix(f.from(f.began), opening) { // the place is not known
			return f.at, fmt.Sprintf("a %s before this is not closed: a %s is missing", opening, closing)
		}
		return f.began, fmt.Sprintf("this %s is not closed: a %s is missing", opening, closing)
	}
	if c == ':' {
		return f.at, "a comma is missing before this key, or quotes around a value with a colon"
	}
	return f.at, fmt.Sprintf("a comma or %s is missing before this", closing)
}

// unclosed finds the innermost bracket that is open at the end.
func (f fault) unclosed() (Position, bool) {
	var open []int
	quote := byte(0)
	for i, c := range f.data {
		switch {
		case quote != 0:
			if c == quote && (quote == '\'' || f.data[i-1] != '\\') {
				quote = 0
			}
		case c == '[' || c == '{':
			open = append(open, i)
		case (c == ']' || c == '}') && len(open) > 0:
			open = open[:len(open)-1]
		case (c == '"' || c == '\'') && i > 0 && bytes.IndexByte([]byte(" \t\n[{,"), f.data[i-1]) >= 0:
			quote = c
		}
	}
	if len(open) == 0 {
		return Position{}, false
	}
	return Offset(f.data, open[len(open)-1]), true
}

// line returns a line without its end, "" beyond the file.
func (f fault) line(number int) string {
	rest := f.data
	for n := 1; ; n++ {
		line, after, more := bytes.Cut(rest, []byte("\n"))
		if n == number {
			return strings.TrimSuffix(string(line), "\r")
		}
		if !more {
			return ""
		}
		rest = after
	}
}

// above returns the nearest line above that is neither empty nor a comment, and its number.
func (f fault) above(number int) (string, int) {
	lines := strings.Split(string(f.data), "\n")
	for n := min(number-1, len(lines)); n > 0; n-- {
		line := strings.TrimSuffix(lines[n-1], "\r")
		if text := strings.TrimSpace(line); text != "" && text[0] != '#' {
			return line, n
		}
	}
	return "", 0
}

func spaces(n int) string {
	if n == 1 {
		return "1 space"
	}
	return strconv.Itoa(n) + " spaces"
}

func indentOf(line string) string { return line[:len(line)-len(strings.TrimLeft(line, " "))] }

// before is the line up to the mistake, rest the line from there on.
func (f fault) before() string {
	line := f.line(f.at.Line)
	return line[:len(line)-len(f.rest())]
}

func (f fault) rest() string { return f.from(f.at) }

// from returns what stands on a line from a place on.
func (f fault) from(at Position) string {
	rest := f.line(at.Line)
	for n := 1; n < at.Column && rest != ""; n++ {
		_, size := utf8.DecodeRuneInString(rest)
		rest = rest[size:]
	}
	return rest
}

// next is the character at the mistake, 0 at the end of a line or the file.
func (f fault) next() rune {
	if rest := f.rest(); rest != "" {
		c, _ := utf8.DecodeRuneInString(rest)
		return c
	}
	return 0
}

// column is the place of a byte of the line with the mistake.
func (f fault) column(offset int) Position {
	return Position{Line: f.at.Line, Column: utf8.RuneCountInString(f.line(f.at.Line)[:offset]) + 1}
}

// Offset is the place of a byte of a text.
func Offset(data []byte, offset int) Position {
	before := data[:offset]
	start := bytes.LastIndexByte(before, '\n') + 1
	return Position{Line: bytes.Count(before, []byte("\n")) + 1, Column: utf8.RuneCount(before[start:]) + 1}
}
