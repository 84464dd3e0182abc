package cli_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// sources reads the Go files of the module, tests left out, by their paths from its root.
func sources(t *testing.T) map[string]string {
	t.Helper()
	files := map[string]string{}
	require.NoError(t, fs.WalkDir(os.DirFS(".."), ".", func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && name != "." && strings.HasPrefix(entry.Name(), "."):
			return fs.SkipDir
		case entry.IsDir() || filepath.Ext(name) != ".go" || strings.HasSuffix(name, "_test.go"):
			return nil
		}
		text, err := os.ReadFile(filepath.Join("..", name))
		files[name] = string(text)
		return err
	}))
	return files
}

// holding are the files in which a text stands.
func holding(files map[string]string, text string) (names []string) {
	for name, source := range files {
		if strings.Contains(source, text) {
			names = append(names, name)
		}
	}
	return names
}

// otherwise are operators whose names are words that mean something else, too.
var otherwise = []string{
	"bash", "dingding", "email", "empty", "http", "python", "sql", "wait",
	"dingtalk_card",                                      // a notifier
	"dingtalk_get_dept_users", "dingtalk_get_range_data", // by which owners are looked up
}

// classes has Airflow's names of the classes of operators where they do not follow from the words of ours: a test compares them
// with the registry.
var classes = filepath.FromSlash("api/browse/instances.go")

// An operator costs its file, its test and one line in the Specs of its package: pages, README,
// schema and completion come from the declaration, so that no other file names it.
func TestAnOperatorIsNamedOnce(t *testing.T) {
	t.Parallel()
	files, known := sources(t), 0
	for page, text := range pages(t, filepath.Join("..", "docs", "operators")) {
		name := strings.TrimSuffix(page, ".md")
		if name == "README" || strings.HasPrefix(name, "notifier_") || aboutTrigger(page, text) {
			continue
		}
		known++
		if n := definitions(t, name); n > 0 {
			assert.Equal(t, 1, n, "%s comes with the program as YAML, and is defined once", name)
			continue
		}
		in := slices.DeleteFunc(holding(files, strconv.Quote(name)), func(file string) bool { return file == classes })
		switch len(in) {
		case 0:
			t.Errorf("no file declares %s", name)
		case 1:
			assert.NotContains(t, otherwise, name, "it is named once: take it off the list")
		default:
			assert.Contains(t, otherwise, name, "name it in its declaration alone, and not in all of %v", in)
		}
	}
	assert.Greater(t, known, 80, "the operators are found")
}

// definitions is how often an operator is defined by the files of operators that come with the program.
func definitions(t *testing.T, name string) (n int) {
	t.Helper()
	all, err := filepath.Glob(filepath.Join("..", "dag", "dagfile", "operators", "*.yml"))
	require.NoError(t, err)
	require.NotEmpty(t, all)
	for _, path := range all {
		text, err := os.ReadFile(path)
		require.NoError(t, err)
		n += strings.Count(string(text), "\n  "+name+":\n")
	}
	return n
}

// A notifier costs its file, its test and one line: nothing else imports its package. Only card sends by bot where there can be
// no card.
func TestANotifierIsImportedOnce(t *testing.T) {
	t.Parallel()
	files, known := sources(t), 0
	entries, err := os.ReadDir(filepath.Join("..", "callbacks"))
	require.NoError(t, err)
	for _, e := range entries {
		if e.IsDir() && !slices.Contains([]string{"callbackstest", "terms", "face"}, e.Name()) {
			known++
			in := slices.DeleteFunc(holding(files, `"github.com/dingdag/dingdag/callbacks/`+e.Name()+`"`), func(file string) bool {
				return e.Name() == "bot" && strings.HasPrefix(file, "callbacks/card/")
			})
			assert.Len(t, in, 1, e.Name())
		}
	}
	assert.Equal(t, 5, known)
}
