// Command docgen writes the comments of the parameter structs of one package to
// docs_gen.json, which the package embeds. Run it by go generate:
//
//	//go:generate go run github.com/dingdag/dingdag/params/docgen
//
// It takes every struct that is exported or has a field with a yaml tag. A comment that
// begins with the Go name, as it should, loses it: people who write YAML know only the
// names of YAML.
package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/dingdag/dingdag/params"
)

const output = "docs_gen.json"

func main() {
	if err := run("."); err != nil {
		fmt.Fprintln(os.Stderr, "docgen:", err)
		os.Exit(1)
	}
}

func run(dir string) error {
	docs, err := read(dir)
	if err != nil {
		return err
	}
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(docs); err != nil {
		return err
	}
	path := filepath.Join(dir, output)
	if old, err := os.ReadFile(path); err == nil && bytes.Equal(old, text.Bytes()) { //nolint:gosec // a name of ours
		return nil // an unchanged file keeps its time, and the build cache its entry
	}
	return os.WriteFile(path, text.Bytes(), 0o644) //nolint:gosec // source code is for everybody to read
}

// read collects the comments of the package in dir, tests left out.
func read(dir string) (params.Comments, error) {
	names, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		return nil, err
	}
	docs := params.Comments{}
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			return nil, fmt.Errorf("read %s: %w", name, err)
		}
		for _, decl := range file.Decls {
			if gen, ok := decl.(*ast.GenDecl); ok && gen.Tok == token.TYPE {
				collect(docs, gen)
			}
		}
	}
	return docs, nil
}

func collect(docs params.Comments, decl *ast.GenDecl) {
	for _, spec := range decl.Specs {
		typ := spec.(*ast.TypeSpec)
		st, ok := typ.Type.(*ast.StructType)
		if !ok {
			continue
		}
		fields := fieldDocs(st)
		if len(fields) == 0 && !typ.Name.IsExported() {
			continue
		}
		comment := typ.Doc
		if comment == nil {
			comment = decl.Doc
		}
		docs[typ.Name.Name] = params.TypeDocs{Text: clean(typ.Name.Name, comment), Fields: fields}
	}
}

// fieldDocs maps the YAML names of the fields to their comments.
func fieldDocs(st *ast.StructType) map[string]string {
	docs := map[string]string{}
	for _, field := range st.Fields.List {
		name := yamlName(field.Tag)
		if name == "" || len(field.Names) == 0 {
			continue
		}
		var goNames []string
		for _, ident := range field.Names {
			goNames = append(goNames, ident.Name)
		}
		docs[name] = clean(strings.Join(goNames, ", "), field.Doc)
	}
	return docs
}

func yamlName(tag *ast.BasicLit) string {
	if tag == nil {
		return ""
	}
	text, err := strconv.Unquote(tag.Value)
	if err != nil {
		return ""
	}
	return reflect.StructTag(text).Get("yaml")
}

// clean makes a comment fit for readers of YAML: "Command is the text that bash runs."
// becomes "The text that bash runs.", and each paragraph one line.
func clean(goName string, comment *ast.CommentGroup) string {
	text := strings.TrimSpace(comment.Text())
	if rest, found := strings.CutPrefix(text, goName+" "); found {
		for _, verb := range []string{"is ", "are "} {
			rest = strings.TrimPrefix(rest, verb)
		}
		first, size := utf8.DecodeRuneInString(rest)
		text = string(unicode.ToUpper(first)) + rest[size:]
	}
	paragraphs := strings.Split(text, "\n\n")
	for i, p := range paragraphs {
		if !strings.ContainsAny(p, "\t") && !strings.HasPrefix(p, "  ") {
			paragraphs[i] = strings.ReplaceAll(p, "\n", " ")
		}
	}
	return strings.Join(paragraphs, "\n\n")
}
