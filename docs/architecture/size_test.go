package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A room that a person can keep in mind: what grows over this is two rooms.
const (
	mostFiles   = 25
	mostLines   = 4000
	mostMethods = 12
)

// size is that of a package without its tests.
type size struct{ files, lines int }

// Packages and interfaces are small. An interface may be put together of others.
func TestRoomsAreSmall(t *testing.T) {
	t.Parallel()
	packages, interfaces := map[string]size{}, map[string]int{}
	files := token.NewFileSet()
	err := filepath.WalkDir(root, func(path string, e fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case e.IsDir() && path != root && (strings.HasPrefix(e.Name(), ".") || e.Name() == "testdata" || e.Name() == "node_modules"):
			return filepath.SkipDir
		case e.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go"):
			return nil
		}
		f, err := parser.ParseFile(files, path, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		dir := filepath.Dir(path)
		s := packages[dir]
		packages[dir] = size{s.files + 1, s.lines + files.File(f.FileStart).LineCount()}
		ast.Inspect(f, func(n ast.Node) bool {
			if spec, ok := n.(*ast.TypeSpec); ok {
				if i, ok := spec.Type.(*ast.InterfaceType); ok {
					interfaces[dir+": "+spec.Name.Name] = methods(i)
				}
			}
			return true
		})
		return nil
	})
	require.NoError(t, err)
	assert.Greater(t, len(packages), 50, "the packages are found")
	for dir, s := range packages {
		assert.LessOrEqual(t, s.files, mostFiles, "files of %s", dir)
		assert.LessOrEqual(t, s.lines, mostLines, "lines of %s", dir)
	}
	assert.Greater(t, len(interfaces), 50, "the interfaces are found")
	for name, n := range interfaces {
		assert.LessOrEqual(t, n, mostMethods, "methods of %s", name)
	}
}

// methods is how many methods an interface names itself.
func methods(i *ast.InterfaceType) (n int) {
	for _, f := range i.Methods.List {
		n += len(f.Names)
	}
	return n
}
