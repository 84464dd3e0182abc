package yamlvalue_test

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gopkg.in/yaml.v3"

	"github.com/dingdag/dingdag/yamlvalue"
)

// The package dag holds what is said of each kind of mistake, in TestSyntaxErrors.
func TestExplain(t *testing.T) {
	t.Parallel()
	text := []byte("a: 1\nb: \"half\" rest\n")
	at, said := yamlvalue.Explain(text, yaml.Unmarshal(text, new(yaml.Node)))
	assert.Equal(t, yamlvalue.Position{Line: 2, Column: 11}, at)
	assert.Contains(t, said, "the quoted text ends before this")
	// What only the first library refuses keeps its words and the line.
	at, said = yamlvalue.Explain([]byte("a: 1\n  b: 2\n"), errors.New("yaml: line 2: the moon is full"))
	assert.Equal(t, 2, at.Line)
	assert.NotEmpty(t, said)
	at, said = yamlvalue.Explain([]byte("a: 1\n"), errors.New("yaml: line 9: the moon is full"))
	assert.Equal(t, "the moon is full", said)
	assert.Equal(t, yamlvalue.Position{Line: 2, Column: 1}, at)
	at, said = yamlvalue.Explain([]byte("a: 1\n"), errors.New("yaml: line 1: did not find expected ',' or '}'"))
	assert.Equal(t, "a { before this is not closed: a } is missing", said, "nobody knows which")
	assert.Equal(t, yamlvalue.Position{Line: 1, Column: 1}, at)
}

func TestDecode(t *testing.T) {
	t.Parallel()
	root, err := yamlvalue.Decode([]byte("a: &x [1, 'b', \"\\/\"]\nc: *x\nd: !!str |\n  e\n"))
	require.NoError(t, err)
	require.Len(t, root.Content, 6)
	assert.Equal(t, "x", root.Content[1].Anchor)
	assert.Equal(t, "/", root.Content[1].Content[2].Value)
	assert.Equal(t, yaml.DoubleQuotedStyle, root.Content[1].Content[2].Style)
	assert.Same(t, root.Content[1], root.Content[3].Alias)
	assert.Equal(t, yaml.LiteralStyle|yaml.TaggedStyle, root.Content[5].Style)
	for _, text := range []string{"a: 1\n---\nb: 2\n", "a: [\n"} {
		_, err = yamlvalue.Decode([]byte(text))
		require.Error(t, err, text)
	}
}

// Whatever is wrong, it has words and a place in the text.
func FuzzExplain(f *testing.F) {
	for _, seed := range []string{"a: [", "a: \"", "\tb", "a: b: c", "- a\nb", "a: *x", "a: |x", "a: '\\", "{a: 1 b: 2}", "a:\n  b: 1\n c: 2", "a: \"\\q\"", "\x00"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		err := decode(data)
		if err == nil || !utf8.Valid(data) {
			return
		}
		at, said := yamlvalue.Explain(data, err)
		if said == "" || at.Line < 1 || at.Column < 1 || at.Line > bytes.Count(data, []byte("\n"))+1+strings.Count(string(data), "\r")+2 {
			t.Fatalf("%q: %q at %v", data, said, at)
		}
	})
}

// decode reads a text as the program does, which outlives a panic of the library.
func decode(data []byte) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("yaml: the parser gave up: %v", p)
		}
	}()
	return yaml.Unmarshal(data, new(yaml.Node))
}
