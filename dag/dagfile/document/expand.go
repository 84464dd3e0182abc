package document

import (
	"regexp"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/dingdag/dingdag/dag/dagfile/former"
	"github.com/dingdag/dingdag/dag/dagfile/reading"
	"github.com/dingdag/dingdag/yamlvalue"
)

// The limits of a file once its aliases are followed: levels of nesting, and nodes.
const (
	MaxDepth   = 100
	MaxNodes   = 1_000_000
	maxAliases = 10_000
)

// extent is the size of a node with everything below it, aliases followed.
type extent struct{ nodes, aliases, height int }

// expander resolves the tree of a file in place: aliases become the nodes they stand
// for (shared, not copied), merge keys are spread, and every node is checked. It
// stops at the first node that breaks a limit.
type expander struct {
	reading.Scope
	opts Options
	// anchored holds the extents of finished anchored nodes; open has those not finished.
	anchored map[*yaml.Node]extent
	open     map[*yaml.Node]bool
	joined   int
	stopped  bool
}

// Expand resolves aliases, merge keys, environment variables and joins below a node that
// [Parse] gave. It returns nil after an error.
func Expand(s reading.Scope, root *yaml.Node, o Options) *yaml.Node {
	e := &expander{Scope: s, opts: o, anchored: map[*yaml.Node]extent{}, open: map[*yaml.Node]bool{}}
	before := e.Failed()
	e.node(root, 1)
	if e.Failed() > before {
		return nil
	}
	return root
}

func (e *expander) stop(at *yaml.Node, format string, args ...any) extent {
	if !e.stopped {
		e.Errorf(at, format, args...)
	}
	e.stopped = true
	return extent{}
}

// node resolves n, which lies depth levels deep.
func (e *expander) node(n *yaml.Node, depth int) extent {
	if e.stopped {
		return extent{}
	}
	if depth > MaxDepth {
		return e.stop(n, "nested more than %d levels deep", MaxDepth)
	}
	n.HeadComment, n.LineComment, n.FootComment = "", "", ""
	e.checkTag(n)
	if n.Anchor != "" {
		e.open[n] = true
	}
	size := extent{nodes: 1, height: 1}
	switch n.Kind {
	case yaml.ScalarNode:
		e.expandEnv(n)
	case yaml.SequenceNode:
		size = e.children(n, depth, size)
	case yaml.MappingNode:
		size = e.children(n, depth, size)
		if !e.stopped {
			e.checkKeys(n)
			e.spread(n)
			e.join(n)
		}
	default:
	}
	if n.Anchor != "" {
		delete(e.open, n)
		e.anchored[n] = size
	}
	return size
}

// children resolves the nodes below n, with aliases replaced by their targets.
func (e *expander) children(n *yaml.Node, depth int, size extent) extent {
	for i, child := range n.Content {
		var below extent
		if child.Kind == yaml.AliasNode {
			if e.open[child.Alias] {
				return e.stop(child, "alias *%s is inside its own anchor", child.Value)
			}
			below = e.anchored[child.Alias]
			below.aliases++
			n.Content[i] = child.Alias
		} else {
			below = e.node(child, depth+1)
		}
		if e.stopped {
			return extent{}
		}
		size.nodes += below.nodes
		size.aliases += below.aliases
		size.height = max(size.height, below.height+1)
		switch {
		case size.nodes > MaxNodes && !e.opts.AnySize:
			return e.stop(child, "more than %d nodes once aliases are followed", MaxNodes)
		case size.aliases > maxAliases:
			return e.stop(child, "more than %d aliases once they are followed", maxAliases)
		case depth+size.height-1 > MaxDepth:
			return e.stop(child, "nested more than %d levels deep", MaxDepth)
		}
	}
	return size
}

func (e *expander) checkTag(n *yaml.Node) {
	if n.Style&yaml.TaggedStyle == 0 {
		return
	}
	switch n.Tag {
	case "!!str", "!!int", "!!float", "!!bool", "!!null", "!!map", "!!seq":
	case "!join", "!and", "!or":
		if n.Kind != yaml.SequenceNode {
			e.Errorf(n, "%s, with a list", former.TagAdvice(n.Tag))
			return
		}
		e.Warnf(n, "%s%s", former.TagAdvice(n.Tag), former.Converts)
		list := *n
		list.Style, list.Tag, list.Anchor = list.Style&^yaml.TaggedStyle, "!!seq", ""
		key := yamlvalue.NewScalar(yamlvalue.Text, former.Tag(n.Tag), n)
		*n = yaml.Node{Kind: yaml.MappingNode, Tag: "!!map", Anchor: n.Anchor, Line: n.Line, Column: n.Column, Content: []*yaml.Node{key, &list}}
	default:
		e.Errorf(n, "tag %q is not allowed: only the core tags !!str, !!int, !!float, !!bool, !!null, !!map and !!seq are",
			yamlvalue.Excerpt(n.Tag))
	}
}

// checkKeys reports keys that are no scalars and keys that appear twice.
func (e *expander) checkKeys(n *yaml.Node) {
	var first map[string]*yaml.Node
	if len(n.Content) > 2 {
		first = make(map[string]*yaml.Node, len(n.Content)/2)
	}
	for k := range yamlvalue.Pairs(n) {
		other := first[k.Value]
		switch {
		case k.Kind == yaml.MappingNode && k.Style&yaml.FlowStyle != 0 && n.Style&yaml.FlowStyle != 0:
			e.Errorf(n, "a template needs quotes: write \"{{ … }}\"")
		case k.Kind != yaml.ScalarNode:
			e.Errorf(k, "a key must be text, not %s", reading.Show(k))
		case other != nil:
			e.Errorf(k, "duplicate key %q, first on line %d%s", yamlvalue.Excerpt(k.Value), other.Line, dashHint(k))
		case first != nil:
			first[k.Value] = k
		}
	}
}

// dashHint says what may have been meant by a key that begins with a dash.
func dashHint(k *yaml.Node) string {
	if strings.HasPrefix(k.Value, "-") && k.Style == 0 {
		return ": write a space after the dash of a list item"
	}
	return ""
}

// spread replaces a merge key by the pairs it stands for. The mapping's own keys win,
// then the earlier source.
func (e *expander) spread(n *yaml.Node) {
	for i := 0; i+1 < len(n.Content); i += 2 {
		if k := n.Content[i]; k.Kind == yaml.ScalarNode && k.Value == "<<" && k.Style == 0 {
			sources := []*yaml.Node{n.Content[i+1]}
			if sources[0].Kind == yaml.SequenceNode {
				sources = sources[0].Content
			}
			n.Content = append(n.Content[:i:i], n.Content[i+2:]...)
			e.addMissing(n, sources)
			return
		}
	}
}

func (e *expander) addMissing(n *yaml.Node, sources []*yaml.Node) {
	have := map[string]bool{}
	for k := range yamlvalue.Pairs(n) {
		have[k.Value] = true
	}
	var added []*yaml.Node
	for _, source := range sources {
		if source.Kind != yaml.MappingNode {
			e.Errorf(source, "a merge key takes a mapping or a list of mappings, not %s", reading.Show(source))
			continue
		}
		for k, v := range yamlvalue.Pairs(source) {
			if !have[k.Value] {
				have[k.Value] = true
				added = append(added, k, v)
			}
		}
	}
	n.Content = append(added, n.Content...)
}

// join replaces {__join__: [a, b]} by the text of its elements.
func (e *expander) join(n *yaml.Node) {
	key, list := yamlvalue.Lookup(n, "__join__")
	if key == nil {
		return
	}
	if len(n.Content) > 2 {
		e.Errorf(key, "__join__ must be alone in its mapping")
		return
	}
	if list.Kind != yaml.SequenceNode {
		e.Errorf(list, "__join__ takes a list, not %s", reading.Show(list))
		return
	}
	var text strings.Builder
	for _, part := range list.Content {
		switch yamlvalue.KindOf(part) {
		case yamlvalue.Text, yamlvalue.Int, yamlvalue.Float:
			text.WriteString(part.Value)
		default:
			e.Errorf(part, "__join__ takes text and numbers, not %s: quote it", reading.Show(part))
		}
		// Joins of joins through aliases double their text without adding nodes.
		if e.joined += len(part.Value); e.joined > MaxSize {
			e.stop(part, "__join__ gives more than %d bytes", MaxSize)
			return
		}
	}
	anchor := n.Anchor
	*n = *yamlvalue.NewScalar(yamlvalue.Text, text.String(), n)
	n.Anchor = anchor
}

var (
	envPattern = regexp.MustCompile(`\$(?:(\w+)|\{([^}]*)\})`)
	secretName = regexp.MustCompile(`PASS|SECRET|TOKEN|KEY|CRED`)
)

// IsSecret reports whether an environment variable is a secret by its name.
func IsSecret(name string) bool { return secretName.MatchString(name) }

// expandEnv replaces $NAME and ${NAME} in a scalar. Names that are not set stay.
func (e *expander) expandEnv(n *yaml.Node) {
	if e.opts.LookupEnv == nil || !strings.Contains(n.Value, "$") {
		return
	}
	n.Value = envPattern.ReplaceAllStringFunc(n.Value, func(ref string) string {
		name := strings.Trim(ref, "${}")
		e.Rests.Environment[name] = true
		value, set := e.opts.LookupEnv(name)
		if !set {
			return ref
		}
		e.Filled(n)
		if IsSecret(name) {
			e.Secret(value, e.opts.Secret)
			e.Warnf(n, "the value of the environment variable %s becomes part of the DAG: use a connection", name)
		}
		return value
	})
	if n.Style == 0 {
		n.Tag = yamlvalue.PlainKind(n.Value).Tag()
	}
}
