package dagfile

import (
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/dag/dagfile/discover"
)

// loadIgnoring loads a folder in one of the syntaxes and returns the ids of the DAGs and
// the findings with paths from the folder on.
func loadIgnoring(t *testing.T, syntax discover.Syntax, files map[string]string) (list []string, found string) {
	t.Helper()
	dir := writeFiles(t, files)
	opts := testOptions()
	opts.IgnoreSyntax = syntax
	r := Load([]string{dir}, newFakeCatalog(), opts)
	return ids(r.DAGs), strings.ReplaceAll(r.Diagnostics.String(), dir+"/", "")
}

func TestIgnoreSyntaxes(t *testing.T) {
	t.Parallel()
	dags := map[string]string{
		"one.yaml": simpleDAG("one"), "two.yaml": simpleDAG("two"),
		"sub/three.yaml": simpleDAG("three"), "sub/deep/four.yaml": simpleDAG("four"),
	}
	for _, c := range []struct {
		name   string
		syntax discover.Syntax
		ignore map[string]string
		want   string
	}{
		{"glob is the default", "", map[string]string{".airflowignore": "t*.yaml"}, "four one"},
		{"glob without a slash at any depth", discover.Glob, map[string]string{".airflowignore": "four.yaml"}, "one three two"},
		{"glob with a slash from its directory on", discover.Glob, map[string]string{".airflowignore": "sub/*.yaml"}, "four one two"},
		{"glob for directories only", discover.Glob, map[string]string{".airflowignore": "sub/\none.yaml/"}, "one two"},
		{"the last match wins", discover.Glob, map[string]string{".airflowignore": "*.yaml\n!one.yaml"}, "one"},
		{"a nested file comes after its parents", discover.Glob, map[string]string{".airflowignore": "t*.yaml", "sub/.airflowignore": "!three.yaml"}, "four one three"},
		{"nothing comes back below a directory", discover.Glob, map[string]string{".airflowignore": "sub/\n!sub/three.yaml"}, "one two"},
		{"a regular expression is searched for", discover.Regexp, map[string]string{".airflowignore": "t.o"}, "four one three"},
		{"in the path from the root", discover.Regexp, map[string]string{".airflowignore": "^sub/t"}, "four one two"},
		{"of the root for a nested file too", discover.Regexp, map[string]string{"sub/.airflowignore": "^sub/t\n^one"}, "four one two"},
		{"directories end in a slash", discover.Regexp, map[string]string{".airflowignore": "deep/$"}, "one three two"},
		{"a star is no wildcard", discover.Regexp, map[string]string{".airflowignore": "sub/.*"}, "one two"},
		{"an exclamation mark is itself", discover.Regexp, map[string]string{".airflowignore": "yaml$\n!one"}, ""},
		{"comments and blank lines", discover.Regexp, map[string]string{".airflowignore": "# all\n\n   \ntwo # only this\n"}, "four one three"},
		{"comments in the glob syntax", discover.Glob, map[string]string{".airflowignore": "\ufeff# all\r\n\r\ntwo.yaml# only this\r\n"}, "four one three"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			files := maps.Clone(dags)
			maps.Copy(files, c.ignore)
			list, found := loadIgnoring(t, c.syntax, files)
			assert.Equal(t, c.want, strings.Join(list, " "))
			assert.Empty(t, found)
		})
	}
}

func TestBadIgnorePatternIsAWarning(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name         string
		syntax       discover.Syntax
		ignore, want string
	}{
		{"class", discover.Regexp, "fine\n  two[  # x", ".airflowignore:2:6: warning: the pattern is left out: error parsing regexp: missing closing ]: `[`\n"},
		{"Python's lookahead", discover.Regexp, "(?!one)", ".airflowignore:1:1: warning: the pattern is left out: error parsing regexp: invalid or unsupported Perl syntax: `(?!`\n"},
		{"behind other letters", discover.Regexp, "é(two", ".airflowignore:1:1: warning: the pattern is left out: error parsing regexp: missing closing ): `é(two`\n"},
		{"glob", discover.Glob, "two[z-a].yaml", ".airflowignore:1:5: warning: the pattern is left out: error parsing regexp: invalid character class range: `z-a`\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			list, found := loadIgnoring(t, c.syntax, map[string]string{"one.yaml": simpleDAG("one"), "two.yaml": simpleDAG("two"), ".airflowignore": c.ignore})
			assert.Equal(t, []string{"one", "two"}, list)
			assert.Equal(t, c.want, found)
		})
	}
}

// A file or folder inside the root is read as it is when the whole root is.
func TestPathInsideTheRoot(t *testing.T) {
	t.Parallel()
	dir := writeFiles(t, map[string]string{
		"defaults.yml": "description: from the root\n", ".airflowignore": "sub/skipped.yaml\n",
		"sub/a.yaml": simpleDAG("a"), "sub/skipped.yaml": simpleDAG("skipped"),
	})
	opts := testOptions()
	opts.Root = dir
	for path, want := range map[string][]string{"sub": {"a"}, "sub/a.yaml": {"a"}, "sub/skipped.yaml": {"skipped"}} {
		r := Load([]string{filepath.Join(dir, path)}, newFakeCatalog(), opts)
		assert.Equal(t, want, ids(r.DAGs), "%s: %s", path, r.Diagnostics)
		assert.Equal(t, "from the root", r.DAGs[0].Description, path)
	}
	outside := writeFiles(t, map[string]string{"defaults.yml": "description: own\n", "b.yaml": simpleDAG("b")})
	r := Load([]string{outside}, newFakeCatalog(), opts)
	require.Len(t, r.DAGs, 1)
	assert.Equal(t, "own", r.DAGs[0].Description, "a path outside the root is its own root")
}

func TestRelativePathsFindDefaultsAbove(t *testing.T) {
	dir := writeFiles(t, map[string]string{
		"dags/defaults.yml": "catchup: maybe\n", "dags/.airflowignore": "skipped.yaml",
		"dags/sub/a.yaml": simpleDAG("a"), "dags/sub/skipped.yaml": "broken",
	})
	t.Chdir(filepath.Join(dir, "dags", "sub"))
	opts := testOptions()
	opts.Root = filepath.Join(dir, "dags")
	for _, path := range []string{".", "a.yaml"} {
		r := Load([]string{path}, newFakeCatalog(), opts)
		assert.Equal(t, "../defaults.yml:1:10: error: dag \"a\": catchup: want true or false, not text \"maybe\"\n", r.Diagnostics.String(), path)
	}
	require.NoError(t, os.Remove("../defaults.yml"))
	assert.Equal(t, []string{"a"}, ids(Load([]string{"."}, newFakeCatalog(), opts).DAGs))
}
