package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// call is a row of the table.
type call struct {
	// Call is "METHOD /path".
	Call string
	// Operators make it; without any it is for programs in Go alone.
	Operators []string
	// Facts are the examples that show it, Sure how sure they are.
	Facts []string
	Sure  []string
	// Tests are those of operators that send the examples or, where there is no operator, those of
	// the hook; Sandbox are those that drive the operators against the sandbox.
	Tests, Sandbox []string
}

// robot is the call of custom robots, which are no part of the app API.
const robot = "POST /robot/send"

// read collects the calls of the module in a folder, by path.
func read(ctx context.Context, root string) ([]call, error) {
	c, err := readCode(ctx, root)
	if err != nil {
		return nil, err
	}
	facts, err := readFacts(root)
	if err != nil {
		return nil, err
	}
	named, err := readTests(root)
	if err != nil {
		return nil, err
	}
	rows := map[string]*call{}
	for _, calls := range c.calls {
		for _, name := range calls {
			rows[name] = &call{Call: name}
		}
	}
	for _, operator := range slices.Sorted(maps.Keys(c.operators)) {
		for _, name := range c.callsOf(operator) {
			row := rows[name]
			row.Operators = append(row.Operators, operator)
			row.Sandbox = append(row.Sandbox, named(operator, true)...)
		}
	}
	for _, id := range slices.Sorted(maps.Keys(facts)) {
		if row := rows[facts[id].Method+" "+facts[id].Path]; row != nil {
			row.Facts, row.Sure = append(row.Facts, id), append(row.Sure, facts[id].Confidence)
			row.Tests = append(row.Tests, named(id, false)...)
		}
	}
	delete(rows, robot)
	ours, err := testsIn(filepath.Join(root, "hook"))
	if err != nil {
		return nil, err
	}
	for _, row := range rows {
		for _, id := range row.Facts {
			if len(row.Operators) == 0 { // there are no others that name it
				row.Tests = append(row.Tests, slices.DeleteFunc(slices.Clone(ours[id]), aboutComments)...)
			}
		}
	}
	list := make([]call, 0, len(rows))
	for _, row := range rows {
		for _, names := range []*[]string{&row.Sure, &row.Tests, &row.Sandbox} {
			slices.Sort(*names)
			*names = slices.Compact(*names)
		}
		list = append(list, *row)
	}
	slices.SortFunc(list, func(a, b call) int { return cmp.Or(cmp.Compare(path(a), path(b)), cmp.Compare(a.Call, b.Call)) })
	return list, nil
}

// aboutComments reports that a test makes no calls.
func aboutComments(test string) bool { return test == "TestCommentsMatchTheFacts" }

func path(c call) string {
	_, path, _ := strings.Cut(c.Call, " ")
	return path
}

// fact is what a row says of an example.
type fact struct {
	Method     string `json:"method"`
	Path       string `json:"path"`
	Confidence string `json:"confidence"`
}

func readFacts(root string) (map[string]fact, error) {
	name := filepath.Join(root, "hook", "testdata", "operations.json")
	text, err := os.ReadFile(name) //nolint:gosec // a file of ours
	if err != nil {
		return nil, err
	}
	var read struct {
		Operations map[string]fact `json:"operations"`
	}
	if err := json.Unmarshal(text, &read); err != nil {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	return read.Operations, nil
}

// readTests finds the tests of operators that name something, against the sandbox or not.
func readTests(root string) (named func(name string, sandbox bool) []string, err error) {
	tests, err := testsIn(filepath.Join(root, "operator", "dingding"))
	if err != nil {
		return nil, err
	}
	return func(name string, sandbox bool) (found []string) {
		for _, test := range tests[name] {
			if strings.HasPrefix(test, "TestSandbox") == sandbox {
				found = append(found, test)
			}
		}
		return found
	}, nil
}

// testsIn are the tests below a folder, by the texts in them and in the functions of their file that they call.
func testsIn(folder string) (tests map[string][]string, err error) {
	tests = map[string][]string{}
	files := map[string][]*ast.FuncDecl{}                                              // by folder
	err = filepath.WalkDir(folder, func(name string, _ fs.DirEntry, err error) error { //nolint:gosec // a folder of ours
		if err != nil || !strings.HasSuffix(name, "_test.go") {
			return err
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		for _, decl := range file.Decls {
			if f, ok := decl.(*ast.FuncDecl); ok {
				files[filepath.Dir(name)] = append(files[filepath.Dir(name)], f)
			}
		}
		return nil
	})
	for _, functions := range files {
		texts, used := map[string][]string{}, map[string][]string{}
		for _, f := range functions {
			texts[f.Name.Name], used[f.Name.Name] = saidAndUsed(f)
		}
		for _, f := range functions {
			if !strings.HasPrefix(f.Name.Name, "Test") {
				continue
			}
			for _, function := range append(used[f.Name.Name], f.Name.Name) {
				for _, text := range texts[function] {
					tests[text] = append(tests[text], f.Name.Name)
				}
			}
		}
	}
	return tests, err
}

// saidAndUsed are the texts in a function, and the names that it calls.
func saidAndUsed(f *ast.FuncDecl) (texts, names []string) {
	ast.Inspect(f, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.BasicLit:
			if text, err := strconv.Unquote(n.Value); err == nil && n.Kind == token.STRING {
				texts = append(texts, text)
			}
		case *ast.CallExpr:
			if called, ok := n.Fun.(*ast.Ident); ok && called.Name != f.Name.Name {
				names = append(names, called.Name)
			}
		}
		return true
	})
	return texts, names
}

// table writes the rows.
func table(calls []call) string {
	var b strings.Builder
	b.WriteString("\n| call | operators | example | tests | confidence |\n| --- | --- | --- | --- | --- |\n")
	for _, c := range calls {
		operators := "–"
		if len(c.Operators) > 0 {
			operators = "`" + strings.Join(c.Operators, "`, `") + "`"
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %s |\n", c.Call, operators,
			strings.Join(c.Facts, ", "), strings.Join(slices.Concat(c.Tests, c.Sandbox), ", "), strings.Join(c.Sure, ", "))
	}
	b.WriteString("\n")
	return b.String()
}
