package dag

import (
	"bytes"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"
)

// yamlErrorPattern matches the messages of the YAML library.
var (
	yamlErrorPattern = regexp.MustCompile(`^yaml: (?:line (\d+): )?(.*)$`)
	anchorPattern    = regexp.MustCompile(`^unknown anchor '(.*)' referenced$`)
)

// syntaxHints are common mistakes, by what the line looks like. The first group is
// the place.
var syntaxHints = []struct {
	line *regexp.Regexp
	hint string
}{
	{regexp.MustCompile(`^ *(\t)`), "a tab indents this line: use spaces"},
	{regexp.MustCompile(`(?:[:\-,\[{]\s+|^\s*)(\{\{)`), "quote a value that starts with {{"},
	{regexp.MustCompile(`(?:[:\-,\[{]\s+|^\s*)(@)`), `quote a value that starts with @, for instance "@daily"`},
	{regexp.MustCompile(`(?:[:\-,\[{]\s+|^\s*)(\{%|%)`), "quote a value that starts with %"},
	{regexp.MustCompile("(?:[:\\-,\\[{]\\s+|^\\s*)(`)"), "quote a value that starts with a backtick"},
	{regexp.MustCompile(`(?:[:\-,\[{]\s+)(\*(?:[ /]|$))`), `quote a value that starts with *, for instance "* * * * *"`},
	{regexp.MustCompile(`^[^"']*:\s+[^"'\s{\[#][^"'#]*(:\s)`), `a colon followed by a space inside a value needs quotes around the value`},
}

// explainSyntax gives an error of the YAML library a place and a hint.
func explainSyntax(data []byte, err error) (Position, string) {
	line, text := 0, strings.TrimPrefix(err.Error(), "yaml: ")
	if m := yamlErrorPattern.FindStringSubmatch(err.Error()); m != nil {
		line, _ = strconv.Atoi(m[1]) // empty without a line, which is 0
		text = m[2]
	}
	lines := bytes.Split(data, []byte("\n"))
	if at, hint, ok := findHint(lines, line); ok {
		return at, text + ": " + hint
	}
	if m := anchorPattern.FindStringSubmatch(text); m != nil {
		if i := bytes.Index(data, []byte("*"+m[1])); i >= 0 {
			return offsetPosition(data, i), "unknown anchor " + strconv.Quote(m[1]) + ": quote a value that starts with *"
		}
	}
	line = min(max(line, 1), len(lines))
	indent := len(lines[line-1]) - len(bytes.TrimLeft(lines[line-1], " "))
	return Position{Line: line, Column: indent + 1}, text
}

// findHint looks for a known mistake on the reported line and its neighbours: the
// library is off by one in places. Without a line it looks at the first one only.
func findHint(lines [][]byte, line int) (Position, string, bool) {
	for _, n := range []int{line, line - 1, line + 1, line + 2} {
		if n < 1 || n > len(lines) || len(lines[n-1]) > 10_000 {
			continue
		}
		for _, h := range syntaxHints {
			if m := h.line.FindSubmatchIndex(lines[n-1]); m != nil {
				return Position{Line: n, Column: utf8.RuneCount(lines[n-1][:m[2]]) + 1}, h.hint, true
			}
		}
	}
	return Position{}, "", false
}
