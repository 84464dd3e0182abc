package convert

import (
	"slices"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/dingdag/dingdag/dag/dagfile/former"
)

// tags converts !join, !and and !or wherever they stand. parent is the node around n,
// nil for the root.
func (c *converter) tags(n, parent *yaml.Node) {
	if n.Kind == yaml.AliasNode {
		return
	}
	if n.Style&yaml.TaggedStyle != 0 {
		if key := former.Tag(n.Tag); key != "" {
			c.tag(n, parent, key)
		}
	}
	for _, child := range n.Content {
		c.tags(child, n)
	}
}

func (c *converter) tag(n, parent *yaml.Node, key string) {
	advice := former.TagAdvice(n.Tag)
	edits, ok := c.tagEdits(n, parent, key)
	if !ok {
		c.Warnf(n, "%s by hand", advice)
		return
	}
	c.changes = append(c.changes, change{at: n, advice: advice, edits: edits, tree: func() {
		list := *n
		list.Style &^= yaml.TaggedStyle
		list.Tag = ""
		*n = yaml.Node{Kind: yaml.MappingNode, Content: []*yaml.Node{plainNode(key), &list}}
	}})
}

// tagEdits puts a key in the place of a tag: {__join__: [a, b]} in flow style, a line of
// its own in block style.
func (c *converter) tagEdits(n, parent *yaml.Node, key string) ([]edit, bool) {
	start := c.offset(n)
	if n.Kind != yaml.SequenceNode || n.Anchor != "" || start < 0 || parent == nil || !strings.HasPrefix(string(c.content[start:min(len(c.content), start+8)]), n.Tag) {
		return nil, false
	}
	end := start + len(n.Tag)
	if n.Style&yaml.FlowStyle != 0 {
		open := c.skip(end, " \t\r\n")
		if open >= len(c.content) || c.content[open] != '[' {
			return nil, false
		}
		closed := c.flowEnd(open)
		return []edit{{start, end, "{" + key + ":"}, {closed, closed, "}"}}, closed > 0
	}
	dash := c.firstDash(end)
	if dash < 0 {
		return nil, false
	}
	indent := dash - c.lineStart(dash)
	if parent.Kind == yaml.SequenceNode {
		return []edit{{start, end, key + ":"}}, indent >= start-c.lineStart(start)
	}
	i := slices.Index(parent.Content, n)
	if parent.Kind != yaml.MappingNode || i%2 == 0 || indent < parent.Content[i-1].Column {
		return nil, false
	}
	newline := "\n"
	if at := c.lineStart(dash); at > 1 && c.content[at-2] == '\r' {
		newline = "\r\n"
	}
	return []edit{{c.back(start, " \t"), end, newline + strings.Repeat(" ", indent) + key + ":"}}, true
}

// firstDash is the place of the dash that begins a block list, behind blank lines and
// comments; -1 when something else comes first.
func (c *converter) firstDash(at int) int {
	for {
		at = c.skip(at, " \t\r\n")
		switch {
		case at >= len(c.content):
			return -1
		case c.content[at] == '#':
			at = c.commentEnd(at)
		case c.content[at] == '-' && strings.Trim(string(c.content[c.lineStart(at):at]), " ") == "":
			return at
		default:
			return -1
		}
	}
}

// remove takes a key with its value out of a mapping.
func (c *converter) remove(n, k, v *yaml.Node, old former.Key) {
	e, ok := c.removal(n, k, v)
	if !ok {
		c.Warnf(k, "%s; remove it by hand", old.Advice())
		return
	}
	c.Warnf(k, "%s; it is removed", old.Advice())
	c.changes = append(c.changes, change{at: k, advice: old.Advice(), edits: []edit{e}, tree: func() {
		i := slices.Index(n.Content, k)
		n.Content = slices.Delete(n.Content, i, i+2)
	}})
}

func (c *converter) removal(n, k, v *yaml.Node) (edit, bool) {
	start, behind, ok := c.scalar(k)
	from, end, fine := c.scalar(v)
	if !ok || !fine || k.Line != v.Line || strings.Trim(string(c.content[behind:from]), " \t") != ":" {
		return edit{}, false
	}
	if n.Style&yaml.FlowStyle != 0 {
		return c.flowRemoval(start, end)
	}
	if len(n.Content) == 2 {
		return edit{start, end, "{}"}, true
	}
	line := c.lineStart(start)
	if c.back(start, " ") > line {
		// The first key behind a dash: the next one takes its place.
		i := slices.Index(n.Content, k)
		if i+2 >= len(n.Content) {
			return edit{}, false
		}
		next := c.offset(n.Content[i+2])
		return edit{start, next, ""}, next > end && strings.TrimSpace(string(c.content[end:next])) == ""
	}
	rest := c.skip(end, " \t")
	switch {
	case rest >= len(c.content):
		return edit{line, rest, ""}, true
	case c.content[rest] == '#':
		return edit{start, rest, ""}, true
	}
	i, _ := slices.BinarySearch(c.lines, rest+1)
	return edit{line, c.lines[min(i, len(c.lines)-1)], ""}, strings.IndexByte("\r\n", c.content[rest]) >= 0
}

// flowRemoval takes out a pair with one of the commas beside it: with the one before it,
// unless that went with the pair before.
func (c *converter) flowRemoval(start, end int) (edit, bool) {
	before := c.back(start, " \t\r\n")
	if before > c.cut && c.content[before-1] == ',' {
		c.cut = end
		return edit{before - 1, end, ""}, true
	}
	if next := c.skip(end, " \t"); next < len(c.content) && c.content[next] == ',' {
		c.cut = c.skip(next+1, " \t")
		return edit{start, c.cut, ""}, true
	}
	return edit{start, end, ""}, before > 0 && c.content[before-1] == '{'
}
