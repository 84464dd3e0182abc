package command

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/dingdag/dingdag/chat/roles"
	"github.com/dingdag/dingdag/yamlvalue"
)

// Spec is a command: what it is called, what it takes, who may, and what it does. Parsing, help, suggestions and the
// table in the docs come from it.
type Spec struct {
	// Name and ZH are its names. Aliases are more names, in either language, that help does not show.
	Name, ZH string
	Aliases  []string
	// Args are its arguments in their order.
	Args []Arg
	// Role is the least role that may use it.
	Role roles.Role
	// Changes says that it changes something.
	Changes bool
	// Help says in a line what it does. More is what else there is to know, or empty.
	Help, More Text
	// Example is a whole command in English.
	Example string
	// Do carries it out. An error that [Call.Refuse] or the api made is an answer, any other one means that it may
	// succeed later.
	Do func(ctx context.Context, c *Call) (Answer, error)
}

// ArgKind is how an argument is written.
type ArgKind int

// The kinds.
const (
	// Required is one word, Optional may be missing.
	Required ArgKind = iota
	Optional
	// Word is one of a few words, at any place, or missing.
	Word
	// Pairs are any number of key=value, at any place.
	Pairs
	// Rest is all that is left, as it was written, or nothing.
	Rest
	// Many is any number of words, or none.
	Many
)

// Arg is an argument of a command.
type Arg struct {
	Kind ArgKind
	// Name is what help calls it, and the Word itself.
	Name Text
}

func one(en, zh string) Arg     { return Arg{Required, Text{en, zh}} }
func maybe(en, zh string) Arg   { return Arg{Optional, Text{en, zh}} }
func keyword(en, zh string) Arg { return Arg{Word, Text{en, zh}} }

// pair is a key with the value that was given to it.
type pair struct {
	key string
	// value is what stood behind the =.
	value  string
	quoted bool
	at     int
}

// names are all names of a command.
func (s *Spec) names() []string { return append([]string{s.Name, s.ZH}, s.Aliases...) }

// usage is how a command is written.
func (s *Spec) usage(l Lang) string {
	words := []string{Text{s.Name, s.ZH}.In(l)}
	for i := 0; i < len(s.Args); i++ {
		a := s.Args[i]
		name := a.Name.In(l)
		switch a.Kind {
		case Required:
		case Pairs:
			name = "[" + name + "=…]"
		case Many:
			name = "[" + name + " …]"
		case Optional, Word, Rest:
			name = "[" + name + "]"
		}
		words = append(words, name)
	}
	return strings.Join(words, " ")
}

// table are the commands that a robot knows, by their names.
type table struct {
	specs  []*Spec
	byName map[string]*Spec
}

func newTable(specs []*Spec) (*table, error) {
	t := &table{specs: specs, byName: map[string]*Spec{}}
	var errs []error
	for _, s := range specs {
		for _, name := range s.names() {
			name = strings.ToLower(name)
			if t.byName[name] != nil {
				errs = append(errs, errors.New("two commands are called "+name))
			}
			t.byName[name] = s
		}
	}
	return t, errors.Join(errs...)
}

// find is the command that a first word names, with what of the word belongs to its arguments: Chinese needs no blank
// behind the name.
func (t *table) find(first string) (s *Spec, rest string) {
	first = strings.TrimLeft(first, "/")
	if s := t.byName[strings.ToLower(first)]; s != nil {
		return s, ""
	}
	longest := 0
	for name, spec := range t.byName {
		r, _ := utf8.DecodeRuneInString(name)
		if unicode.Is(unicode.Han, r) && len(name) > longest && strings.HasPrefix(first, name) {
			s, longest = spec, len(name)
		}
	}
	return s, first[longest:]
}

// near is the name that may have been meant by an unknown word, or "".
func (t *table) near(word string) string {
	word = strings.ToLower(strings.TrimLeft(word, "/"))
	shown := func(yield func(string) bool) {
		for name := range t.byName {
			if !yield(name) {
				return
			}
		}
	}
	limit := max(1, utf8.RuneCountInString(word)/3)
	if utf8.RuneCountInString(word) < 3 {
		return ""
	}
	return yamlvalue.NearestWithin(word, limit, iter.Seq[string](shown))
}

// parsed are the arguments of a command as they were written.
type parsed struct {
	args  []string
	words []string // the English names of the keywords
	pairs []pair
	rest  string
}

// usageError says that a command was written wrongly.
type usageError struct {
	spec *Spec
	lang Lang
	text string
}

func (e *usageError) Error() string {
	return e.text + "\n\n" + e.lang.Say("Write: ", "写法：") + code(e.spec.usage(e.lang)) + "\n\n" + e.lang.Say("Details: ", "详情：") + code(e.lang.Say("help ", "帮助 ")+Text{e.spec.Name, e.spec.ZH}.In(e.lang))
}

// parse reads the arguments of a command.
func (s *Spec) parse(sc *scanner, l Lang) (*parsed, error) {
	p := &parsed{}
	bad := func(en, zh string, args ...any) error { return &usageError{s, l, l.Say(en, zh, args...)} }
	var places []Arg
	var rest, many, pairs bool
	for _, a := range s.Args {
		switch a.Kind {
		case Required, Optional:
			places = append(places, a)
		case Rest:
			rest = true
		case Many:
			many = true
		case Pairs:
			pairs = true
		case Word:
		}
	}
	for {
		if rest && len(p.args) == len(places) {
			p.rest = sc.rest()
			break
		}
		w, ok, err := sc.next()
		if q := new(quoteError); errors.As(err, &q) {
			return nil, &usageError{s, l, l.Say("I cannot read this: %s. Use quotes in pairs, or none.", "无法识别：%s。引号要成对使用，或者不用引号。", q.in(l))}
		}
		if !ok {
			break
		}
		key := ""
		if w.equals > 0 {
			key = w.text[:w.equals]
		}
		switch {
		case !w.quoted && s.keyword(w.text) != "":
			p.words = append(p.words, s.keyword(w.text))
		case pairs && !many && w.quoted && key == "" && len(p.args) == len(places) && strings.Index(w.text, "=") > 0: // 'key=value', as in a shell
			key, value, _ := strings.Cut(w.text, "=")
			p.pairs = append(p.pairs, pair{key, value, false, w.at})
		case pairs && key != "":
			p.pairs = append(p.pairs, pair{key, w.text[w.equals+1:], w.quoted, w.at})
		case len(p.args) < len(places) || many:
			p.args = append(p.args, w.text)
		case pairs:
			return nil, bad("%s at character %d is not of the form key=value.", "第 %[2]d 个字符处的 %[1]s 不是 key=value 的形式。", code(yamlvalue.Excerpt(w.text)), w.at)
		default:
			return nil, bad("I do not know what %s at character %d is for.", "不明白第 %[2]d 个字符处的 %[1]s 是什么意思。", code(yamlvalue.Excerpt(w.text)), w.at)
		}
	}
	if n := len(p.args); n < len(places) && places[n].Kind == Required {
		return nil, bad("%s is missing.", "缺少 %s。", places[n].Name.In(l))
	}
	return p, nil
}

// keyword is the English name of a keyword of the command that a word is, or "".
func (s *Spec) keyword(text string) string {
	for _, a := range s.Args {
		if a.Kind == Word && (strings.EqualFold(text, a.Name.EN) || text == a.Name.ZH) {
			return a.Name.EN
		}
	}
	return ""
}

// Arg is the nth argument that is a word of its own, "" if it is missing.
func (c *Call) Arg(n int) string {
	if n < len(c.parsed.args) {
		return c.parsed.args[n]
	}
	return ""
}

// Has reports whether a keyword was given, by its English name.
func (c *Call) Has(word string) bool { return slices.Contains(c.parsed.words, word) }

// Rest is what was left behind the arguments.
func (c *Call) Rest() string { return c.parsed.rest }

//go:generate go test . -count=1 -run ^TestPage$ -update

// Markdown is the table of the commands for the docs.
func Markdown() string {
	var b strings.Builder
	b.WriteString("| command | Chinese | role | what it does |\n| --- | --- | --- | --- |\n")
	bar := strings.NewReplacer("|", `\|`)
	for _, s := range builtin() {
		help := s.Help.EN + "."
		if more := strings.TrimSuffix(s.More.EN, runHelp().EN); more != "" { // the page says once how a run is named
			help += " " + strings.TrimSpace(more)
		}
		fmt.Fprintf(&b, "| `%s` | `%s` | %s | %s |\n", bar.Replace(s.usage(English)), bar.Replace(s.usage(Chinese)), s.Role, bar.Replace(strings.ToUpper(help[:1])+help[1:]))
	}
	return b.String()
}
