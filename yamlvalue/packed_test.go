package yamlvalue_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gopkg.in/yaml.v3"

	"github.com/dingdag/dingdag/yamlvalue"
)

// bare is a copy of a tree with what packing keeps: aliases resolved, no places, comments
// and anchors.
func bare(n *yaml.Node) *yaml.Node {
	n = yamlvalue.Resolve(n)
	c := &yaml.Node{Kind: n.Kind, Style: n.Style, Tag: n.Tag, Value: n.Value}
	for _, child := range n.Content {
		c.Content = append(c.Content, bare(child))
	}
	return c
}

func parse(t *testing.T, text string) *yaml.Node {
	t.Helper()
	var doc yaml.Node
	require.NoError(t, yaml.Unmarshal([]byte(text), &doc))
	return doc.Content[0]
}

func TestPacked(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"parameters": `{bash_command: "echo {{ ds }}", env: {A: 1, B: [x, 'y']}, cwd: /tmp, append_env: true}`,
		"styles":     "a: plain\nb: \"double\"\nc: 'single'\nd: |\n  literal\ne: >-\n  folded\nf: [1, 2]\ng: {h: i}\n",
		"kinds":      "- 1\n- 1.5\n- true\n- null\n- ~\n- 2026-01-01\n- text\n- ''\n- []\n- {}\n- !!binary aGk=\n- !own x\n- !own [x]\n",
		"scalar":     "x",
		"empty":      "{}",
		"aliases":    "a: &x {b: 1}\nc: *x\nd: {<<: *x, e: 2}\n",
		"letters":    "钉钉: [\"\\0\", \"\\x80\", 群]",
		"long":       "a: " + strings.Repeat("x", 300) + "\nb: " + strings.Repeat("y", 70000) + "\n",
		"many":       "a: [" + strings.Repeat("1, ", 20000) + "1]\n",
		"deep":       strings.Repeat("[", 500) + strings.Repeat("]", 500),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			n := parse(t, text)
			packed := yamlvalue.Pack(n)
			assert.Equal(t, bare(n), packed.Node())
			assert.Equal(t, packed, yamlvalue.Pack(packed.Node()))
			assert.Equal(t, packed, yamlvalue.Pack(parse(t, "\n# moved\n"+text)), "places do not count")
		})
	}
}

// Trees differ in all that is kept.
func TestPackedTellsTreesApart(t *testing.T) {
	t.Parallel()
	seen := map[yamlvalue.Packed]string{}
	for _, text := range []string{"{a: 1}", "{a: 2}", "{a: '1'}", `{a: "1"}`, "{a: !x 1}", "{a: !y 1}", "{b: 1}", "a: 1", "{a: [1]}", "{a: {1: 2}}", "{a: [1, 2]}", "{a: [[1], 2]}", "{a: [[1, 2]]}", "[a, 1]", "{}", "[]", "''"} {
		packed := yamlvalue.Pack(parse(t, text))
		assert.Empty(t, seen[packed], text)
		seen[packed] = text
	}
}

// Whoever changes a tree that was unpacked changes nobody else's.
func TestUnpackedIsOnesOwn(t *testing.T) {
	t.Parallel()
	packed := yamlvalue.Pack(parse(t, "{a: [1], b: [2]}"))
	n := packed.Node()
	more := &yaml.Node{Kind: yaml.ScalarNode, Value: "more"}
	n.Content[1].Content = append(n.Content[1].Content, more)
	n.Content = append(n.Content, more, more)
	assert.Equal(t, "2", n.Content[3].Content[0].Value)
	assert.Len(t, n.Content[1].Content, 2)
	n.Content[0].Value = "c"
	assert.Equal(t, bare(parse(t, "{a: [1], b: [2]}")), packed.Node())
	assert.Nil(t, yamlvalue.Packed("").Node())
}

func BenchmarkUnpack(b *testing.B) {
	var doc yaml.Node
	require.NoError(b, yaml.Unmarshal([]byte(`{bash_command: "echo {{ ds }}", env: {A: 1, B: 2}, append_env: true}`), &doc))
	packed := yamlvalue.Pack(doc.Content[0])
	b.ReportAllocs()
	b.ReportMetric(float64(len(packed)), "bytes")
	for b.Loop() {
		packed.Node()
	}
}
