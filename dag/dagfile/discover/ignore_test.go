package discover

import (
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A line of an ignore file is a pattern, nothing, or told as a mistake; a name without
// wildcards excludes itself, and ! takes it back.
func FuzzIgnore(f *testing.F) {
	for _, seed := range []string{"*.yaml", "/a/**/b", "!keep.yaml", "dir/", "[a-z]?", "[!x]", "[", "[]a]", "a\\*b", "**", "日本/*", "(", "x{2,1}", "[z-a]"} {
		f.Add(seed, "a/b.yaml")
	}
	f.Fuzz(func(t *testing.T, line, path string) {
		rule, ok, err := parseGlob(line)
		if err == nil && ok {
			rules := []ignoreRules{{dir: "/dags", rules: []ignoreRule{rule}}}
			for _, isDir := range []bool{false, true} {
				if ignored(rules, "/dags/"+path, isDir) && rule.negated {
					t.Fatalf("%q excludes %q, which it takes back", line, path)
				}
			}
		}
		if _, ok, err := parseRegexp(line); ok && err != nil {
			t.Fatalf("%q is fine and has the error %v", line, err)
		}
		plain := strings.Trim(line, "!/\\ ")
		if plain == "" || !utf8.ValidString(plain) || strings.ContainsAny(plain, "*?[\\/\n") || plain == "." || plain == ".." {
			return
		}
		rule, ok, err = parseGlob(plain)
		if err != nil || !ok {
			t.Fatalf("%q is no pattern: %v", plain, err)
		}
		if !ignored([]ignoreRules{{dir: "/dags", rules: []ignoreRule{rule}}}, "/dags/sub/"+plain, false) {
			t.Fatalf("%q does not exclude itself", plain)
		}
	})
}

func TestIgnorePatterns(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		pattern, path string
		dir, want     bool
	}{
		{"a.yaml", "x/a.yaml", false, true},
		{"/a.yaml", "x/a.yaml", false, false},
		{"/a.yaml", "a.yaml", false, true},
		{"x/*.yaml", "x/a.yaml", false, true},
		{"x/*.yaml", "x/y/a.yaml", false, false},
		{"x/**/a.yaml", "x/y/z/a.yaml", false, true},
		{"x/**/a.yaml", "x/a.yaml", false, true},
		{"old/", "old", false, false},
		{"old/", "old", true, true},
		{"t?.yaml", "t1.yaml", false, true},
		{"t[!0-4].yaml", "t1.yaml", false, false},
		{"a.b", "aXb", false, false},
	} {
		rule, ok, err := parseGlob(c.pattern)
		require.NoError(t, err)
		require.True(t, ok)
		got := ignored([]ignoreRules{{dir: "d", rules: []ignoreRule{rule}}}, filepath.Join("d", c.path), c.dir)
		assert.Equal(t, c.want, got, "%s on %s", c.pattern, c.path)
	}
}
