package discover

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"regexp/syntax"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/dag/dagfile/document"
)

// ignoreName is the file that excludes files from the search.
const ignoreName = ".airflowignore"

// Syntax is the language of .airflowignore files.
type Syntax string

// The syntaxes, as Airflow's core.dag_ignore_file_syntax names them.
const (
	// Glob reads patterns as in .gitignore.
	Glob Syntax = "glob"
	// Regexp reads each line as a regular expression in Go's syntax. It is searched
	// for in the path from the DAGs folder on, where a directory ends in a slash.
	Regexp Syntax = "regexp"
)

// ignoreRules are the patterns of one ignore file, for paths below its directory.
type ignoreRules struct {
	// dir is what paths are relative to, absolute.
	dir   string
	rules []ignoreRule
}

// ignoreRule is one pattern.
type ignoreRule struct {
	pattern *regexp.Regexp
	negated bool
	dirOnly bool
	// slashed patterns see directories with a trailing slash.
	slashed bool
}

// readIgnore adds the ignore file of a directory to the rules of those above.
func (f *finder) readIgnore(dir string, rules []ignoreRules) []ignoreRules {
	path := filepath.Join(dir, ignoreName)
	data, err := os.ReadFile(path) //nolint:gosec // a fixed name in a searched directory
	if os.IsNotExist(err) {
		return rules
	}
	if err != nil {
		f.report(dag.Warning, path, "read the ignore file: %s", document.ErrorText(err))
		return rules
	}
	parse := parseGlob
	if f.Syntax == Regexp {
		dir, parse = f.root, parseRegexp
	}
	own := ignoreRules{}
	if own.dir, err = filepath.Abs(dir); err != nil {
		f.report(dag.Warning, path, "find the directory of the ignore file: %s", document.ErrorText(err))
		return rules
	}
	number := 0
	for line := range bytes.Lines(bytes.TrimPrefix(data, []byte("\ufeff"))) {
		number++
		text, _, _ := strings.Cut(string(line), "#")
		rule, ok, err := parse(strings.TrimSpace(text))
		if err != nil {
			f.found = append(f.found, dag.Diagnostic{
				File: path, Line: number, Column: patternColumn(text, err), Severity: dag.Warning,
				Text: "the pattern is left out: " + err.Error(),
			})
			continue
		}
		if ok {
			own.rules = append(own.rules, rule)
		}
	}
	return append(slices.Clip(rules), own)
}

// patternColumn is where a pattern goes wrong: at the part that the error shows, else
// at its beginning.
func patternColumn(line string, err error) int {
	at := len(line) - len(strings.TrimLeft(line, " \t"))
	if wrong, ok := errors.AsType[*syntax.Error](err); ok {
		if i := strings.Index(line[at:], wrong.Expr); i > 0 {
			at += i
		}
	}
	return utf8.RuneCountInString(line[:at]) + 1
}

// parseRegexp reads one line of the regexp syntax, without its comment.
func parseRegexp(text string) (rule ignoreRule, ok bool, err error) {
	if text == "" {
		return rule, false, nil
	}
	rule.slashed = true
	rule.pattern, err = regexp.Compile(text)
	return rule, err == nil, err
}

// parseGlob reads one line of gitignore's kind, without its comment; ok is false for a
// line without a pattern.
func parseGlob(text string) (rule ignoreRule, ok bool, err error) {
	text, rule.negated = strings.CutPrefix(text, "!")
	text, rule.dirOnly = strings.CutSuffix(text, "/")
	if text == "" {
		return rule, false, nil
	}
	anchored := strings.Contains(text, "/")
	text = strings.TrimPrefix(text, "/")
	expr := globExpr(text)
	if !anchored {
		expr = "(?:.*/)?" + expr
	}
	rule.pattern, err = regexp.Compile("^" + expr + "$")
	return rule, err == nil, err
}

// globExpr turns a gitignore pattern into a regular expression.
func globExpr(glob string) string {
	var b strings.Builder
	for i := 0; i < len(glob); i++ {
		switch rest := glob[i:]; {
		case strings.HasPrefix(rest, "**/"):
			b.WriteString("(?:.*/)?")
			i += 2
		case strings.HasPrefix(rest, "**"):
			b.WriteString(".*")
			i++
		case rest[0] == '*':
			b.WriteString("[^/]*")
		case rest[0] == '?':
			b.WriteString("[^/]")
		case rest[0] == '[' && strings.Contains(rest, "]"):
			class := rest[:strings.IndexByte(rest, ']')+1]
			b.WriteString(strings.Replace(class, "[!", "[^", 1))
			i += len(class) - 1
		case rest[0] == '\\' && len(rest) > 1:
			i++
			b.WriteString(regexp.QuoteMeta(glob[i : i+1]))
		default:
			b.WriteString(regexp.QuoteMeta(rest[:1]))
		}
	}
	return b.String()
}

// ignored reports whether the rules exclude an absolute path. The last matching pattern decides.
func ignored(all []ignoreRules, path string, isDir bool) bool {
	out := false
	for _, rules := range all {
		inside, err := filepath.Rel(rules.dir, path)
		if err != nil {
			continue
		}
		inside = filepath.ToSlash(inside)
		for _, rule := range rules.rules {
			subject := inside
			if isDir && rule.slashed {
				subject += "/"
			}
			if (isDir || !rule.dirOnly) && rule.pattern.MatchString(subject) {
				out = !rule.negated
			}
		}
	}
	return out
}
