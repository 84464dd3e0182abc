package phrase

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestEachCodeIsInEachLanguage(t *testing.T) {
	t.Parallel()
	verb := regexp.MustCompile(`%(\[(\d+)\])?([a-zA-Z])`)
	for c, w := range table {
		require.NotEmpty(t, w.EN, c)
		require.NotEmpty(t, w.ZH, c)
		assert.False(t, strings.ContainsFunc(w.EN, func(r rune) bool { return unicode.Is(unicode.Han, r) }), c)
		if !slices.Contains([]Code{"colon", "then", "task.is", "vault.is"}, c) {
			assert.True(t, strings.ContainsFunc(w.ZH, func(r rune) bool { return unicode.Is(unicode.Han, r) }), c)
		}
		assert.Regexp(t, `^[a-z]+(\.[a-z_]+)?$|^more_runs$`, c)
		assert.NotRegexp(t, `\p{Han}[,;:?!()]|[,;:?!()]\p{Han}`, w.ZH, "%s has a mark of half width", c)
		var en []string
		for _, v := range verb.FindAllStringSubmatch(w.EN, -1) {
			assert.Empty(t, v[1], "%s: English words take what they are about in its order", c)
			assert.Contains(t, "sq", v[3], c)
			en = append(en, v[3])
		}
		numbered := strings.Contains(w.ZH, "%[")
		zh := verb.FindAllStringSubmatch(w.ZH, -1)
		if !numbered {
			assert.Len(t, zh, len(en), c)
		}
		for i, v := range zh {
			if numbered {
				n, err := strconv.Atoi(v[2])
				require.NoError(t, err, "%s numbers all or none", c)
				i = n - 1
			}
			require.Less(t, i, len(en), c)
			assert.Equal(t, en[i], v[3], c)
		}
	}
}

// Every code that the program says is in the table with as many arguments, and every one in the table is said.
func TestCodesAreSaid(t *testing.T) {
	t.Parallel()
	said := map[Code]bool{"near": true} // by Near
	err := filepath.WalkDir("..", func(path string, e fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case e.IsDir() && strings.HasPrefix(e.Name(), ".") && e.Name() != ".." || e.IsDir() && e.Name() == "testdata":
			return filepath.SkipDir
		case e.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go"):
			return nil
		}
		return codesIn(t, path, said)
	})
	require.NoError(t, err)
	for c := range table {
		family, _, _ := strings.Cut(string(c), ".")
		if !slices.Contains([]string{"state", "reason", "ended", "outcome", "delivery"}, family) { // these are words of the store
			assert.True(t, said[c], "nobody says %s", c)
		}
	}
	assert.Greater(t, len(said), 50)
}

// codesIn notes the codes that a file says: those of calls of Of and its like, and constants of the type.
func codesIn(t *testing.T, path string, said map[Code]bool) error {
	t.Helper()
	f, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
	if err != nil || !slices.ContainsFunc(f.Imports, func(i *ast.ImportSpec) bool {
		return i.Path.Value == `"github.com/dingdag/dingdag/phrase"` || i.Path.Value == `"github.com/dingdag/dingdag/store"`
	}) {
		return err
	}
	ast.Inspect(f, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.CallExpr:
			s, ok := n.Fun.(*ast.SelectorExpr)
			if !ok || len(n.Args) == 0 {
				return true
			}
			if x, ok := s.X.(*ast.Ident); !ok || !slices.Contains([]string{"phrase.Of", "phrase.Err", "store.NoSuch"}, x.Name+"."+s.Sel.Name) {
				return true
			}
			lit, ok := n.Args[0].(*ast.BasicLit)
			if !ok {
				return true
			}
			text, err := strconv.Unquote(lit.Value)
			require.NoError(t, err)
			w, ok := table[Code(text)]
			if assert.True(t, ok, "%s: %s", path, text) && !n.Ellipsis.IsValid() {
				assert.Equal(t, verbs(w.EN), len(n.Args)-1, "%s: %s", path, text)
			}
		case *ast.BasicLit: // a code that is chosen before it is said
			if text, err := strconv.Unquote(n.Value); err == nil && n.Kind == token.STRING {
				if _, ok := table[Code(text)]; ok {
					said[Code(text)] = true
				}
			}
		}
		return true
	})
	return nil
}
