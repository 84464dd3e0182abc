package whole_test

import (
	_ "embed"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// rightsText says who may do what.
//
//go:embed testdata/rights.txt
var rightsText string

// The rights that routes take, see rights.txt.
const (
	everybody = "everybody"
	toLook    = "look"
	toLookAll = "look-all"
	read      = "read"
	operate   = "operate"
	configure = "configure"
	person    = "person"
	aProgram  = "program"
	none      = "none"
)

// rule is a route, with what it is asked with and the right to it.
type rule struct {
	right, method, path, query, body string
	// taken are the ids for parts of the path that another name stands for.
	taken map[string]string
	// also are statuses that answer somebody who may.
	also []int
	// each says that what is of other DAGs is left out without a word.
	each, last, end bool
	text            string
}

// rules are the lines of rights.txt.
func rules(t *testing.T) []rule {
	t.Helper()
	var out []rule
	for line := range strings.Lines(rightsText) {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		words := strings.SplitN(line, " ", 4)
		require.GreaterOrEqual(t, len(words), 3, line)
		r := rule{right: words[0], method: words[1], path: words[2], taken: map[string]string{}, text: line}
		require.Contains(t, []string{everybody, toLook, toLookAll, read, operate, configure, person, aProgram, none}, r.right, line)
		rest := strings.Join(words[3:], "")
		if at := strings.Index(rest, "{"); at >= 0 {
			end := strings.LastIndex(rest, "}") + 1
			r.body, rest = rest[at:end], rest[:at]+rest[end:]
		}
		for word := range strings.FieldsSeq(rest) {
			name, value, is := strings.Cut(word, ":=")
			switch {
			case is:
				r.taken[name] = value
			case word == "@each":
				r.each = true
			case word == "@last":
				r.last = true
			case word == "@end":
				r.end = true
			case word[0] == '@':
				n, err := strconv.Atoi(word[1:])
				require.NoError(t, err, line)
				r.also = append(r.also, n)
			case word[0] == '?':
				r.query = word
			default:
				require.Empty(t, r.body, line)
				r.body = word
			}
		}
		out = append(out, r)
	}
	// Looking comes first, then what changes things, and what ends them; what is within a thing goes before it.
	slices.SortStableFunc(out, func(a, b rule) int {
		if n := a.rank() - b.rank(); n != 0 {
			return n
		}
		if a.rank() == 3 {
			return len(b.path) - len(a.path)
		}
		return 0
	})
	return out
}

func (r *rule) rank() int {
	switch {
	case r.end:
		return 4
	case r.last:
		return 2
	case r.method == http.MethodDelete:
		return 3
	case r.method != http.MethodGet:
		return 1
	default:
		return 0
	}
}

// route is as the program says it.
func (r *rule) route() string { return r.method + " " + r.path }

// ofDAG reports whether the right depends on a DAG.
func (r *rule) ofDAG() bool { return r.right == read || r.right == operate }

// plain is a route without what tells apart how its parts are matched.
func plain(route string) string { return strings.NewReplacer("...}", "}", "{$}", "").Replace(route) }

var part = regexp.MustCompile(`\{[^}]*\}`) //nolint:gochecknoglobals // a constant

// ask sends what a rule says, with ids that exist.
func (r *rule) ask(p *program, a *attacker, who *caller, v values) answered {
	p.t.Helper()
	id := func(name string) string {
		value, ok := v[name]
		require.True(p.t, ok, "say what <%s> of %q stands for", name, r.text)
		return value
	}
	path := part.ReplaceAllStringFunc(r.path, func(part string) string {
		name := strings.Trim(part, "{}")
		if other := r.taken[name]; other != "" {
			name = other
		}
		return escaped(id(name))
	})
	filled := func(text string) string {
		return regexp.MustCompile(`<\w+>`).ReplaceAllStringFunc(text, func(name string) string { return id(strings.Trim(name, "<>")) })
	}
	header, body := slices.Clone(who.header), filled(r.body)
	switch {
	case strings.HasPrefix(r.path, "/api/") || strings.HasPrefix(r.body, "{"):
		header = append(header, "Content-Type", "application/json")
	default:
		header = append(header, "Content-Type", sentForm, "Accept", "text/html")
	}
	if who.form != "" && r.method != http.MethodGet {
		header = append(header, "X-Csrf-Token", who.form)
	}
	return a.do(r.method, path+filled(r.query), strings.NewReader(body), header...)
}

// escaped is an id as a part of a path.
func escaped(id string) string {
	return strings.NewReplacer("%", "%25", "/", "%2F", ":", "%3A", " ", "%20", "?", "%3F").Replace(id)
}

// role is what a user or a token may do at most.
type role int

const (
	noRole role = iota
	viewing
	operating
	administering
)

// caller is somebody who asks.
type caller struct {
	name string
	role role
	// some says that he is limited to the DAGs whose ids begin with open.
	some bool
	// session says that he has signed in by a browser.
	session bool
	// key is that of the things that are there for him; those who change nothing share them.
	key string
	// header says who he is, and form is the token of the forms of his session.
	header []string
	form   string
}

// may reports whether the rule lets somebody do something to a DAG that he sees, or to one that he does not.
func (r *rule) may(who *caller, hidden bool) bool {
	switch r.right {
	case everybody:
		return true
	case toLook:
		return who.role >= viewing
	case toLookAll:
		return who.role >= viewing && !who.some
	case read:
		return who.role >= viewing && (!hidden || !who.some)
	case operate:
		return who.role >= operating && (!hidden || !who.some)
	case configure:
		return who.role >= administering && !who.some
	case person:
		return who.session
	case aProgram:
		return !who.session
	default:
		return false
	}
}

// role is the least that the right takes.
func (r *rule) role() role {
	switch r.right {
	case toLook, toLookAll, read:
		return viewing
	case operate:
		return operating
	default:
		return administering
	}
}

func (c *caller) String() string {
	return fmt.Sprintf("%s (role %d, some %t)", c.name, c.role, c.some)
}
