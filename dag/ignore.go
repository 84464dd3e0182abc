package dag

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// ignoreName is the file that excludes files from the search.
const ignoreName = ".airflowignore"

// ignoreRules are the patterns of one ignore file, for paths below its directory.
type ignoreRules struct {
	dir   string
	rules []ignoreRule
}

// ignoreRule is one pattern of gitignore's kind.
type ignoreRule struct {
	pattern *regexp.Regexp
	negated bool
	dirOnly bool
}

// readIgnore adds the ignore file of a directory to the rules of those above.
func (f *finder) readIgnore(dir string, rules []ignoreRules) []ignoreRules {
	path := filepath.Join(dir, ignoreName)
	data, err := os.ReadFile(path) //nolint:gosec // a fixed name in a searched directory
	if os.IsNotExist(err) {
		return rules
	}
	if err != nil {
		f.report(Warning, path, "read the ignore file: %s", errorText(err))
		return rules
	}
	own := ignoreRules{dir: dir}
	number := 0
	for line := range bytes.Lines(data) {
		number++
		rule, ok, err := parseIgnore(string(line))
		if err != nil {
			f.found = append(f.found, Diagnostic{
				File: path, Line: number, Column: 1, Severity: Warning, Text: "the pattern is not understood and left out: " + err.Error(),
			})
			continue
		}
		if ok {
			own.rules = append(own.rules, rule)
		}
	}
	return append(slices.Clip(rules), own)
}

// parseIgnore reads one line; ok is false for a line without a pattern.
func parseIgnore(line string) (rule ignoreRule, ok bool, err error) {
	text, _, _ := strings.Cut(line, "#")
	text = strings.TrimSpace(text)
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

// ignored reports whether the rules exclude a path. The last matching pattern decides.
func ignored(all []ignoreRules, path string, isDir bool) bool {
	out := false
	for _, rules := range all {
		inside, err := filepath.Rel(rules.dir, path)
		if err != nil {
			continue
		}
		inside = filepath.ToSlash(inside)
		for _, rule := range rules.rules {
			if (isDir || !rule.dirOnly) && rule.pattern.MatchString(inside) {
				out = !rule.negated
			}
		}
	}
	return out
}
