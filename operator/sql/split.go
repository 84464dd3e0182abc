package sql

import (
	"slices"
	"strings"
)

// whiteSpace is what databases take for space, which is less than Unicode's.
const whiteSpace = " \t\n\v\f\r"

// split takes a text apart into its statements, without the semicolons between them.
// What holds nothing but space and comments is no statement. A semicolon does not end
// a statement in quotes, in parentheses, or between BEGIN and END in the definition of
// a routine, as in the databases' own command line tools.
func split(d dialect, text string) ([]string, error) {
	l := &lexer{dialect: d, text: text}
	var statements []string
	var s statement
	start := 0
	end := func(at int) {
		if s.content {
			statements = append(statements, strings.Trim(text[start:at], whiteSpace))
		}
		start, s = l.pos, statement{}
	}
	for {
		p, ok, err := l.next()
		switch {
		case err != nil:
			return nil, err
		case !ok:
			end(len(text))
			return statements, nil
		}
		s.add(d, p)
		if p.kind == separator && s.outside() {
			end(l.pos - len(p.text))
		}
	}
}

// statement is what is known about a statement from its beginning.
type statement struct {
	// content says that there is more than space and comments.
	content bool
	words   int
	// create says that it begins with CREATE; routine, that it creates a routine, whose
	// body may hold statements.
	create, routine, definer bool
	parens, blocks           int
	// ended says that the last word was END, whose meaning depends on what follows.
	ended bool
}

func (s *statement) outside() bool { return s.parens == 0 && s.blocks == 0 }

func (s *statement) add(d dialect, p piece) {
	executable := d == mysql && strings.HasPrefix(p.text, "/*!")
	if p.kind == space || p.kind == comment && !executable {
		return
	}
	afterEnd := s.ended
	s.ended = false
	if afterEnd && !continuesEnd(p) {
		s.blocks = max(0, s.blocks-1)
	}
	switch p.kind {
	case separator:
		return
	case word:
		s.addWord(strings.ToLower(p.text), afterEnd)
	case symbol:
		switch p.text {
		case "(":
			s.parens++
		case ")":
			s.parens = max(0, s.parens-1)
		}
	default:
	}
	s.content = true
}

// continuesEnd reports whether a word makes END the end of something that is no block.
func continuesEnd(p piece) bool {
	return p.kind == word && slices.Contains([]string{"if", "loop", "while", "repeat", "for"}, strings.ToLower(p.text))
}

func (s *statement) addWord(text string, afterEnd bool) {
	s.words++
	switch {
	case s.words == 1:
		s.create = text == "create"
	case s.create && !s.routine:
		s.header(text)
	case s.routine && s.parens == 0:
		switch text {
		case "begin":
			s.blocks++
		case "case":
			if !afterEnd {
				s.blocks++
			}
		case "end":
			s.ended = true
		}
	}
}

// header looks at a word between CREATE and what is created.
func (s *statement) header(text string) {
	switch text {
	case "function", "procedure", "trigger", "event":
		s.routine = true
	case "or", "replace", "temp", "temporary", "aggregate", "constraint":
	case "definer":
		s.definer = true // the name of a user follows
	default:
		s.create = s.definer
	}
}
