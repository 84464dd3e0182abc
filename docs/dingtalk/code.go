package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

const module = "github.com/dingdag/dingdag"

// code is what functions of the hook and of operators refer to. Names are those of
// [types.Func.FullName].
type code struct {
	// refers are the functions that a function names.
	refers map[string][]string
	// calls are the app calls that a function makes itself, as "METHOD /path".
	calls map[string][]string
	// operators are the types of operators by their names in DAG files.
	operators map[string]string
	// methods are those of a type.
	methods map[string][]string
}

// listedPackage is what go list says about a package.
type listedPackage struct {
	ImportPath string   `json:"ImportPath"` //nolint:tagliatelle // go list's own key
	Dir        string   `json:"Dir"`        //nolint:tagliatelle // as above
	Export     string   `json:"Export"`     //nolint:tagliatelle // as above
	GoFiles    []string `json:"GoFiles"`    //nolint:tagliatelle // as above
}

// readCode reads the packages of the hook and of the operators of DingTalk.
func readCode(ctx context.Context, root string) (*code, error) {
	cmd := exec.CommandContext(ctx, "go", "list", "-export", "-deps", "-json=ImportPath,Dir,Export,GoFiles", "./hook/...", "./operator/dingding/...")
	cmd.Dir = root
	var problems bytes.Buffer
	cmd.Stderr = &problems
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("go list: %w\n%s", err, problems.String())
	}
	exports := map[string]string{}
	var ours []listedPackage
	for dec := json.NewDecoder(bytes.NewReader(out)); ; {
		var p listedPackage
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return nil, fmt.Errorf("go list: %w", err)
		}
		exports[p.ImportPath] = p.Export
		path, _ := strings.CutPrefix(p.ImportPath, module+"/")
		if first, _, _ := strings.Cut(path, "/"); (first == "hook" || strings.HasPrefix(path, "operator/dingding")) && !strings.HasSuffix(path, "test") {
			ours = append(ours, p)
		}
	}
	set := token.NewFileSet()
	imports := importer.ForCompiler(set, "gc", func(path string) (io.ReadCloser, error) { return os.Open(exports[path]) })
	c := &code{refers: map[string][]string{}, calls: map[string][]string{}, operators: map[string]string{}, methods: map[string][]string{}}
	for _, p := range ours {
		if err := c.read(set, imports, p); err != nil {
			return nil, fmt.Errorf("read %s: %w", p.ImportPath, err)
		}
	}
	return c, nil
}

// read takes a package in.
func (c *code) read(set *token.FileSet, imports types.Importer, p listedPackage) error {
	var files []*ast.File
	for _, name := range p.GoFiles {
		file, err := parser.ParseFile(set, filepath.Join(p.Dir, name), nil, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		files = append(files, file)
	}
	info := &types.Info{Uses: map[*ast.Ident]types.Object{}, Defs: map[*ast.Ident]types.Object{}, Types: map[ast.Expr]types.TypeAndValue{}}
	if _, err := (&types.Config{Importer: imports}).Check(p.ImportPath, set, files, info); err != nil {
		return err
	}
	for _, file := range files {
		for _, decl := range file.Decls {
			if f, ok := decl.(*ast.FuncDecl); ok {
				c.function(info, f)
			}
		}
	}
	return nil
}

// function takes a function in, and the operators that it declares.
func (c *code) function(info *types.Info, f *ast.FuncDecl) {
	made, ok := info.Defs[f.Name].(*types.Func)
	if !ok {
		return
	}
	name := made.FullName()
	if f.Recv != nil {
		receiver := typeName(made.Signature().Recv().Type())
		c.methods[receiver] = append(c.methods[receiver], name)
	}
	if f.Doc != nil {
		for _, comment := range f.Doc.List {
			if call, found := strings.CutPrefix(comment.Text, "//dingtalk:api "); found {
				c.calls[name] = append(c.calls[name], call)
			}
		}
	}
	ast.Inspect(f, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.Ident:
			if used, ok := info.Uses[n].(*types.Func); ok {
				c.refers[name] = append(c.refers[name], used.Origin().FullName())
			}
		case *ast.CallExpr:
			c.declared(info, n)
		}
		return true
	})
}

// declared takes an operator in that appcall.Define[T](p, "name", …) declares.
func (c *code) declared(info *types.Info, call *ast.CallExpr) {
	generic, ok := call.Fun.(*ast.IndexExpr)
	if !ok || len(call.Args) < 2 {
		return
	}
	define, ok := generic.X.(*ast.SelectorExpr)
	if !ok || define.Sel.Name != "Define" {
		return
	}
	literal, ok := call.Args[1].(*ast.BasicLit)
	if !ok {
		return
	}
	if name, err := strconv.Unquote(literal.Value); err == nil {
		c.operators[name] = typeName(info.Types[generic.Index].Type)
	}
}

// typeName is the full name of a type, or of the one that it points to.
func typeName(t types.Type) string {
	if p, ok := t.(*types.Pointer); ok {
		t = p.Elem()
	}
	return t.String()
}

// callsOf are the app calls that an operator may make, in order.
func (c *code) callsOf(operator string) []string {
	found, seen := map[string]bool{}, map[string]bool{}
	var follow func(name string)
	follow = func(name string) {
		if seen[name] {
			return
		}
		seen[name] = true
		for _, call := range c.calls[name] {
			found[call] = true
		}
		for _, next := range c.refers[name] {
			follow(next)
		}
	}
	for _, method := range c.methods[c.operators[operator]] {
		follow(method)
	}
	return slices.Sorted(maps.Keys(found))
}
