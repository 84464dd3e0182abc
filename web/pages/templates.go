package pages

import (
	"embed"
	"fmt"
	"html/template"
	"io/fs"
	"path"
	"strings"
	texttemplate "text/template"
	"text/template/parse"

	"github.com/dingdag/dingdag/web/pages/words"
)

//go:embed templates
var templateFiles embed.FS

// mainOf is the template of the content of a page, which is the main of its file.
func mainOf(page string) string { return "main of " + page }

// parseTemplates reads the templates of all pages into one set, in which each part is there once.
func parseTemplates() (*template.Template, error) {
	all, err := fs.Glob(templateFiles, "templates/*.html")
	if err != nil {
		return nil, err
	}
	set := template.New("")
	for _, file := range all {
		read, err := texttemplate.ParseFS(templateFiles, file)
		if err != nil {
			return nil, err
		}
		for _, part := range read.Templates() {
			name := part.Name()
			switch {
			case name == "main":
				name = mainOf(strings.TrimSuffix(path.Base(file), ".html"))
			case set.Lookup(name) != nil:
				return nil, fmt.Errorf("%s: there is another template %s", file, name)
			}
			for _, key := range said(part.Tree) {
				if !words.Has(key) {
					return nil, fmt.Errorf("%s: template %s: %w", file, name, &words.UnknownError{Key: key})
				}
			}
			if _, err := set.AddParseTree(name, part.Tree); err != nil {
				return nil, err
			}
		}
	}
	return set, nil
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
