package pages

import (
	"embed"
	"fmt"
	"html/template"
	"io/fs"
	"path"
	"slices"
	"strings"
	"text/template/parse"

	"github.com/dingdag/dingdag/web/pages/words"
)

//go:embed templates
var templateFiles embed.FS

// shared are the templates that every page has beside its own.
var shared = []string{"templates/layout.html", "templates/parts.html", "templates/desk_parts.html"} //nolint:gochecknoglobals // a constant

// parseTemplates reads the templates of all pages, by the name of the file without its ending.
func parseTemplates() (map[string]*template.Template, error) {
	layout, err := template.New("").ParseFS(templateFiles, shared...)
	if err != nil {
		return nil, err
	}
	all, err := fs.Glob(templateFiles, "templates/*.html")
	if err != nil {
		return nil, err
	}
	out := map[string]*template.Template{}
	for _, file := range all {
		if slices.Contains(shared, file) {
			continue
		}
		t, err := layout.Clone()
		if err != nil {
			return nil, err
		}
		if t, err = t.ParseFS(templateFiles, file); err != nil {
			return nil, err
		}
		for _, part := range t.Templates() {
			for _, key := range said(part.Tree) {
				if !words.Has(key) {
					return nil, fmt.Errorf("%s: template %s: %w", file, part.Name(), &words.UnknownError{Key: key})
				}
			}
		}
		out[strings.TrimSuffix(path.Base(file), ".html")] = t
	}
	return out, nil
}

// said are the keys of the texts that a template names.
func said(t *parse.Tree) (keys []words.Key) {
	if t == nil || t.Root == nil {
		return nil
	}
	var walk func(n parse.Node)
	list := func(l *parse.ListNode) {
		if l != nil {
			for _, n := range l.Nodes {
				walk(n)
			}
		}
	}
	branch := func(b *parse.BranchNode) {
		walk(b.Pipe)
		list(b.List)
		list(b.ElseList)
	}
	walk = func(n parse.Node) {
		switch n := n.(type) {
		case *parse.ActionNode:
			walk(n.Pipe)
		case *parse.IfNode:
			branch(&n.BranchNode)
		case *parse.RangeNode:
			branch(&n.BranchNode)
		case *parse.WithNode:
			branch(&n.BranchNode)
		case *parse.TemplateNode:
			if n.Pipe != nil {
				walk(n.Pipe)
			}
		case *parse.PipeNode:
			for _, c := range n.Cmds {
				walk(c)
			}
		case *parse.CommandNode:
			for i, a := range n.Args {
				walk(a)
				if text, ok := a.(*parse.StringNode); ok && i == 1 && says(n.Args[0]) {
					keys = append(keys, words.Key(text.Text))
				}
			}
		}
	}
	list(t.Root)
	return keys
}

// says reports whether a node calls T of the view.
func says(n parse.Node) bool {
	switch n := n.(type) {
	case *parse.FieldNode:
		return len(n.Ident) == 1 && n.Ident[0] == "T"
	case *parse.VariableNode:
		return len(n.Ident) == 2 && n.Ident[1] == "T"
	default:
		return false
	}
}
