package command

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// scanner takes a message apart, word by word. What keyboards of phones write counts as what it stands for: full-width
// letters, digits and signs, their blanks, and quotes that lean.
type scanner struct {
	text string
	at   int // a byte
	// base is how many characters of the message stand before the text.
	base int
}

// word is one word of a message.
type word struct {
	// text is what was meant, without quotes.
	text string
	// quoted says that it stood in quotes, so that it is nothing but a value. equals is the place of the = that a key
	// stands before, in text, or -1.
	quoted bool
	equals int
	// at is the character of the message with which it begins, from 1.
	at int
}

// quoteError says that a quote has no end, or more than a blank behind it.
type quoteError struct {
	at    int // a character of the message, from 1
	quote rune
	// joined says that something stands right behind the end.
	joined bool
}

func (e *quoteError) Error() string { return e.in(English) }

// in tells it in a language.
func (e *quoteError) in(l Lang) string {
	if e.joined {
		return l.Say("there is no blank behind the quote %c that ends at character %d", "第 %[2]d 个字符处的引号 %[1]c 后面缺少空格", e.quote, e.at)
	}
	return l.Say("the quote %c at character %d has no end", "第 %[2]d 个字符处的引号 %[1]c 没有配对", e.quote, e.at)
}

// narrow is the narrow form of a full-width character, or the character.
func narrow(r rune) rune {
	switch {
	case r >= '！' && r <= '～':
		return r - '！' + '!'
	case r == '　':
		return ' '
	default:
		return r
	}
}

// invisible reports whether a character is nothing that people see: what mentions and copies leave behind.
func invisible(r rune) bool {
	return unicode.Is(unicode.Cf, r) || unicode.IsControl(r) && !unicode.IsSpace(r)
}

// closes reports whether a quote ends one that began with another. Leaning quotes end with either of their kind, since
// keyboards guess which is meant.
func closes(open, r rune) bool {
	switch open {
	case '“', '”', '„':
		return r == '“' || r == '”'
	case '‘', '’':
		return r == '‘' || r == '’'
	case '＂':
		return r == '＂' || r == '"'
	case '＇':
		return r == '＇' || r == '\''
	default:
		return r == open
	}
}

func isQuote(r rune) bool { return strings.ContainsRune("\"'“”„‘’＂＇", r) }

// skip passes over blanks and what is not seen, and reports whether something is left.
func (s *scanner) skip() bool {
	for s.at < len(s.text) {
		r, n := utf8.DecodeRuneInString(s.text[s.at:])
		if !unicode.IsSpace(r) && !invisible(r) {
			return true
		}
		s.at += n
	}
	return false
}

// place is the character at which the scanner stands, from 1.
func (s *scanner) place() int { return s.base + utf8.RuneCountInString(s.text[:s.at]) + 1 }

// next is the next word; ok is false at the end. Words that mention somebody are passed over.
func (s *scanner) next() (w word, ok bool, err error) {
	for s.skip() {
		mention := strings.HasPrefix(s.text[s.at:], "@") || strings.HasPrefix(s.text[s.at:], "＠")
		if w, err = s.word(); err != nil || !mention {
			return w, err == nil, err
		}
	}
	return word{}, false, nil
}

// word reads the word at which the scanner stands. Quotes count at its beginning and behind the = of a key: elsewhere
// they are apostrophes.
func (s *scanner) word() (word, error) {
	w := word{at: s.place(), equals: -1}
	var b strings.Builder
	begins := true
	for s.at < len(s.text) {
		r, n := utf8.DecodeRuneInString(s.text[s.at:])
		switch {
		case unicode.IsSpace(r):
			w.text = b.String()
			return w, nil
		case begins && isQuote(r):
			w.quoted = true
			text, err := s.quote(r, n)
			w.text = b.String() + text
			return w, err
		case invisible(r):
		default:
			r = narrow(r)
			b.WriteRune(r)
			begins = false
			if r == '=' && w.equals < 0 {
				w.equals, begins = b.Len()-1, true
			}
		}
		s.at += n
	}
	w.text = b.String()
	return w, nil
}

// quote reads what stands in quotes, of which the first is n bytes long, and which end the word. Within them only
// \" and \\, or the like, are special.
func (s *scanner) quote(open rune, n int) (string, error) {
	from := s.place()
	s.at += n
	var b strings.Builder
	for s.at < len(s.text) {
		r, n := utf8.DecodeRuneInString(s.text[s.at:])
		if closes(open, r) {
			at := s.place()
			s.at += n
			if next, _ := utf8.DecodeRuneInString(s.text[s.at:]); s.at < len(s.text) && !unicode.IsSpace(next) && !invisible(next) {
				return "", &quoteError{at, r, true}
			}
			return b.String(), nil
		}
		s.at += n
		if r == '\\' {
			if next, n := utf8.DecodeRuneInString(s.text[s.at:]); closes(open, next) || next == '\\' {
				b.WriteRune(next)
				s.at += n
				continue
			}
		}
		b.WriteRune(r)
	}
	return "", &quoteError{from, open, false}
}

// rest is all that is left, as it was written. Quotes around all of it do not count.
func (s *scanner) rest() string {
	text := strings.TrimFunc(s.text[s.at:], func(r rune) bool { return unicode.IsSpace(r) || invisible(r) })
	s.at = len(s.text)
	whole := scanner{text: text}
	if open, _ := utf8.DecodeRuneInString(text); isQuote(open) {
		if w, err := whole.word(); err == nil && whole.at == len(text) {
			return w.text
		}
	}
	return text
}
