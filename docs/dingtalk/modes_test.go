package main

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// rule is a row of the table of the two modes: what is promised, the page and the heading that say it, the test.
var rule = regexp.MustCompile("(?m)^\\| (.+) \\| \\[.+\\]\\(([a-z]+\\.md)#([a-z-]+)\\) \\| `(TestSeed\\w+)` \\|$")

// Each rule of the two modes is said somewhere and has a test, and each of these tests a rule.
func TestTwoModes(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(page(root))
	require.NoError(t, err)
	_, section, ok := strings.Cut(string(text), "\n## Two modes\n")
	require.True(t, ok)
	section, _, _ = strings.Cut(section, "\n## ")
	rows := rule.FindAllStringSubmatch(section, -1)
	assert.Len(t, rows, strings.Count(section, "\n| ")-2, "a row has an empty cell, or is written otherwise")
	var named []string
	for _, row := range rows {
		said, err := os.ReadFile(filepath.Join(root, "docs", row[2]))
		require.NoError(t, err, row[1])
		assert.Contains(t, headings(string(said)), row[3], "%s: %s has no such heading", row[1], row[2])
		named = append(named, row[4])
	}
	files, err := filepath.Glob(filepath.Join(root, "cli", "*_test.go"))
	require.NoError(t, err)
	var tests []string
	for _, name := range files {
		code, err := os.ReadFile(name)
		require.NoError(t, err)
		for _, f := range regexp.MustCompile(`(?m)^func (TestSeed\w+)\(t \*testing\.T\)`).FindAllStringSubmatch(string(code), -1) {
			tests = append(tests, f[1])
		}
	}
	slices.Sort(named)
	slices.Sort(tests)
	assert.Equal(t, tests, named)
}

// headings are the anchors of a page.
func headings(text string) (anchors []string) {
	for _, h := range regexp.MustCompile(`(?m)^#+ (.+)$`).FindAllStringSubmatch(text, -1) {
		anchors = append(anchors, strings.ReplaceAll(strings.ToLower(h[1]), " ", "-"))
	}
	return anchors
}
