package custom

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/dingdag/dingdag/yamlvalue"
)

// whole is a text that is one parameter and nothing else.
var whole = regexp.MustCompile(`^\{\{-?\s*args(?:\.([A-Za-z_][A-Za-z0-9_]*)|\[\s*['"]([^'"]*)['"]\s*\])\s*-?\}\}$`)

// Compose returns the parameters of the operator below for those of a task. A field that is a parameter alone has its value, of
// whatever type, and is left out when that has none. Any other text begins with args, which it may use: a text of the task that is a template is
// rendered first. made is told of each node that is new, with the one of the definition that it comes from.
func (o *Operator) Compose(args *yaml.Node, made func(n, from *yaml.Node)) *yaml.Node {
	c := composer{o: o, args: args, made: made}
	out := &yaml.Node{Kind: yaml.MappingNode, Tag: "!!map", Line: args.Line, Column: args.Column}
	for k, v := range yamlvalue.Pairs(o.With) {
		if n := c.node(v); n != nil {
			key := *k
			made(&key, k)
			out.Content = append(out.Content, &key, n)
		}
	}
	return out
}

type composer struct {
	o    *Operator
	args *yaml.Node
	made func(n, from *yaml.Node)
	// set is the prelude, once it is needed.
	set string
}

// use is what a text of the definition makes of the parameters.
type use struct {
	// whole is the parameter that it is alone, nil for none, and args says that it uses them otherwise.
	whole *Param
	args  bool
}

// note notes what the texts of the definition make of the parameters, which is the same for all tasks.
func (o *Operator) note(n *yaml.Node) {
	for _, child := range n.Content {
		o.note(child)
	}
	if n.Kind != yaml.ScalarNode || !isTemplate(n.Value) {
		return
	}
	u := use{args: usesArgs.MatchString(n.Value)}
	if found := whole.FindStringSubmatch(strings.TrimSpace(n.Value)); found != nil {
		u.whole = o.Param(found[1] + found[2])
	}
	o.uses[n] = u
}

func (o *Operator) useOf(n *yaml.Node) use {
	if o.uses == nil {
		return use{}
	}
	return o.uses[n]
}

// value is that of a parameter, nil for none.
func (c *composer) value(p *Param) *yaml.Node {
	if _, v := yamlvalue.Lookup(c.args, p.Name); v != nil && yamlvalue.KindOf(v) != yamlvalue.Null {
		return v
	}
	if p.Default != nil && yamlvalue.KindOf(p.Default) != yamlvalue.Null {
		n := copied(p.Default)
		c.made(n, p.Default)
		return n
	}
	return nil
}

// node composes a value of the definition, nil for one that is left out.
func (c *composer) node(n *yaml.Node) *yaml.Node {
	if n.Kind != yaml.ScalarNode {
		out := *n
		c.made(&out, n)
		out.Content = nil
		for i := 0; i < len(n.Content); i++ {
			if n.Kind == yaml.MappingNode && i%2 == 0 {
				v := c.node(n.Content[i+1])
				if v != nil {
					key := *n.Content[i]
					c.made(&key, n.Content[i])
					out.Content = append(out.Content, &key, v)
				}
				i++
				continue
			}
			if v := c.node(n.Content[i]); v != nil {
				out.Content = append(out.Content, v)
			}
		}
		return &out
	}
	use := c.o.useOf(n)
	if use.whole != nil {
		return c.value(use.whole)
	}
	out := *n
	c.made(&out, n)
	if use.args {
		if c.set == "" {
			c.set = c.prelude()
		}
		out.Value = c.set + n.Value
		out.Style, out.Tag = yaml.DoubleQuotedStyle, "!!str"
	}
	return &out
}

var usesArgs = regexp.MustCompile(`\bargs\b`)

// prelude sets args.
func (c *composer) prelude() string {
	var sets, entries []string
	var literal func(n *yaml.Node) string
	literal = func(n *yaml.Node) string {
		switch kind := yamlvalue.KindOf(n); kind {
		case yamlvalue.Text, yamlvalue.Date:
		case yamlvalue.Null:
			return "none"
		case yamlvalue.Bool:
			on, _ := yamlvalue.ParseBool(n.Value)
			return strconv.FormatBool(on)
		case yamlvalue.Int:
			i, err := yamlvalue.ParseBigInt(n.Value)
			if err == nil {
				return i.String()
			}
		case yamlvalue.Float:
			f, err := yamlvalue.ParseFloat(n.Value)
			if text := strconv.FormatFloat(f, 'f', -1, 64); err == nil && !strings.ContainsAny(text, "IN") {
				if !strings.Contains(text, ".") {
					text += ".0"
				}
				return text
			}
		case yamlvalue.List, yamlvalue.Map:
			var parts []string
			if kind == yamlvalue.List {
				for _, v := range n.Content {
					parts = append(parts, literal(v))
				}
				return "[" + strings.Join(parts, ", ") + "]"
			}
			for k, v := range yamlvalue.Pairs(n) {
				parts = append(parts, quoted(k.Value)+": "+literal(v))
			}
			return "{" + strings.Join(parts, ", ") + "}"
		}
		if isTemplate(n.Value) {
			name := fmt.Sprintf("_arg%d", len(sets))
			sets = append(sets, "{% set "+name+" %}"+n.Value+"{% endset %}")
			return name
		}
		return quoted(n.Value)
	}
	for i := range c.o.Params {
		p := &c.o.Params[i]
		text := "none"
		if v := c.value(p); v != nil {
			text = literal(v)
		}
		entries = append(entries, quoted(p.Name)+": "+text)
	}
	return strings.Join(sets, "") + "{% set args = {" + strings.Join(entries, ", ") + "} %}"
}

// quoted is a text as a literal of a template.
func quoted(text string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`, "\r", `\r`, "\t", `\t`).Replace(text) + `"`
}

func copied(n *yaml.Node) *yaml.Node {
	out := *n
	out.Anchor = ""
	out.Content = make([]*yaml.Node, len(n.Content))
	for i, c := range n.Content {
		out.Content[i] = copied(c)
	}
	return &out
}
