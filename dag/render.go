package dag

import (
	"fmt"
	"io"
	"strings"
)

// Tree writes the DAG as an indented tree that begins at the tasks without upstream.
// A task whose downstream was shown before ends in "…".
func (d *DAG) Tree(w io.Writer) error {
	p := &printer{w: w}
	p.printf("%s\n", d.ID)
	shown := make([]bool, len(d.Tasks))
	var roots []int
	for i, t := range d.Tasks {
		if len(t.Upstream) == 0 {
			roots = append(roots, i)
		}
	}
	d.branch(p, roots, "", shown)
	return p.err
}

func (d *DAG) branch(p *printer, tasks []int, indent string, shown []bool) {
	for n, i := range tasks {
		t := d.Tasks[i]
		joint, below := "├── ", "│   "
		if n == len(tasks)-1 {
			joint, below = "└── ", "    "
		}
		more := ""
		if shown[i] && len(t.Downstream) > 0 {
			more = " …"
		}
		mapped := ""
		if t.Mapping != nil {
			mapped = "[]"
		}
		p.printf("%s%s%s%s (%s%s)%s\n", indent, joint, t.ID, mapped, t.Operator, t.role(), more)
		if !shown[i] {
			shown[i] = true
			d.branch(p, t.Downstream, indent+below, shown)
		}
	}
}

// Mermaid writes the DAG as a Mermaid flowchart, groups as subgraphs.
func (d *DAG) Mermaid(w io.Writer) error {
	p := &printer{w: w}
	p.printf("flowchart LR\n")
	d.nested("", "  ", blocks{
		open: func(indent string, n int, g *Group) {
			p.printf("%ssubgraph g%d[%s]\n", indent, n, mermaidText(g.label()))
		},
		close: func(indent string) { p.printf("%send\n", indent) },
		task: func(indent string, i int, t *Task) {
			p.printf("%st%d[%s]\n", indent, i, mermaidText(t.label()))
		},
	})
	for i, t := range d.Tasks {
		for _, down := range t.Downstream {
			p.printf("  t%d --> t%d\n", i, down)
		}
	}
	return p.err
}

// DOT writes the DAG for Graphviz, groups as clusters.
func (d *DAG) DOT(w io.Writer) error {
	p := &printer{w: w}
	p.printf("digraph %s {\n  rankdir=LR;\n  node [shape=box, style=rounded];\n", dotText(d.ID))
	d.nested("", "  ", blocks{
		open: func(indent string, n int, g *Group) {
			p.printf("%ssubgraph cluster_%d {\n%s  label=%s;\n", indent, n, indent, dotText(g.label()))
		},
		close: func(indent string) { p.printf("%s}\n", indent) },
		task: func(indent string, _ int, t *Task) {
			p.printf("%s%s [label=%s];\n", indent, dotText(t.ID), dotText(t.label()))
		},
	})
	for _, t := range d.Tasks {
		for _, down := range t.Downstream {
			p.printf("  %s -> %s;\n", dotText(t.ID), dotText(d.Tasks[down].ID))
		}
	}
	p.printf("}\n")
	return p.err
}

// blocks says how groups and tasks are written.
type blocks struct {
	open  func(indent string, n int, g *Group)
	close func(indent string)
	task  func(indent string, i int, t *Task)
}

// nested writes the tasks of a group and the groups inside it.
func (d *DAG) nested(group, indent string, b blocks) {
	for i, t := range d.Tasks {
		if t.Group == group {
			b.task(indent, i, t)
		}
	}
	for n, g := range d.Groups {
		if g.Parent == group {
			b.open(indent, n, g)
			d.nested(g.ID, indent+"  ", b)
			b.close(indent)
		}
	}
}

// role tells a setup or teardown in a tree.
func (t *Task) role() string {
	switch {
	case t.Setup:
		return ", setup"
	case t.Teardown:
		return ", teardown"
	default:
		return ""
	}
}

func (t *Task) label() string {
	if t.DisplayName != "" {
		return t.DisplayName
	}
	return t.Label
}

func (g *Group) label() string {
	if g.DisplayName != "" {
		return g.DisplayName
	}
	return g.Label
}

func mermaidText(s string) string {
	return `"` + strings.NewReplacer(`"`, "#quot;", "<", "#lt;", ">", "#gt;", "\n", " ").Replace(s) + `"`
}

func dotText(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`).Replace(s) + `"`
}

// printer keeps the first error of many writes.
type printer struct {
	w   io.Writer
	err error
}

func (p *printer) printf(format string, args ...any) {
	if p.err == nil {
		_, p.err = fmt.Fprintf(p.w, format, args...)
	}
}
