package cli_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// notHere is what a row of the table says instead of a test.
const notHere = "not here"

var (
	goTests = regexp.MustCompile("^`([a-z0-9/]+): ((?:(?:Test|Fuzz|Example)[A-Za-z0-9_]+ ?)+)`$")
	scripts = regexp.MustCompile("^`script ([a-z_]+\\.txtar)`$")
)

// TestAirflowPage looks for every test that docs/airflow.md names.
func TestAirflowPage(t *testing.T) {
	t.Parallel()
	rows := testRows(t, filepath.Join("..", "docs", "airflow.md"))
	require.Greater(t, len(rows), 250, "the tables are read")
	known := map[string]map[string]bool{}
	for _, r := range rows {
		what, tests := r[0], r[1]
		if tests == notHere {
			continue
		}
		for span := range strings.SplitSeq(tests, ", ") {
			if m := scripts.FindStringSubmatch(span); m != nil {
				assert.FileExists(t, filepath.Join("testdata", "script", m[1]), what)
				continue
			}
			m := goTests.FindStringSubmatch(span)
			if !assert.NotNil(t, m, "%q names no test in %q: write `pkg: TestName` or `script name.txtar`", what, span) {
				continue
			}
			if known[m[1]] == nil {
				known[m[1]] = testsOf(t, filepath.Join("..", filepath.FromSlash(m[1])))
			}
			for name := range strings.FieldsSeq(m[2]) {
				assert.True(t, known[m[1]][name], "%q: package %s has no %s", what, m[1], name)
			}
		}
	}
}

// testRows are the rows of the tables of a page whose last column is "test": what they
// are about, and the tests that they name.
func testRows(t *testing.T, page string) (rows [][2]string) {
	t.Helper()
	text, err := os.ReadFile(page)
	require.NoError(t, err)
	in := false
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSpace(line)
		cells := strings.Split(strings.Trim(line, "|"), " | ")
		switch {
		case !strings.HasPrefix(line, "|"):
			in = false
		case len(cells) == 2 && strings.TrimSpace(cells[1]) == "test":
			in = true
		case in && strings.HasPrefix(line, "| ---"):
		case in:
			require.Len(t, cells, 2, line)
			rows = append(rows, [2]string{strings.TrimSpace(cells[0]), strings.TrimSpace(cells[1])})
		}
	}
	return rows
}

// testsOf are the names of the tests of the package in a folder.
func testsOf(t *testing.T, dir string) map[string]bool {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*_test.go"))
	require.NoError(t, err)
	require.NotEmpty(t, files, dir)
	names := map[string]bool{}
	for _, path := range files {
		f, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		require.NoError(t, err)
		for _, d := range f.Decls {
			if fn, ok := d.(*ast.FuncDecl); ok && fn.Recv == nil {
				names[fn.Name.Name] = true
			}
		}
	}
	return names
}
