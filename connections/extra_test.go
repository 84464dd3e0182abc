package connections_test

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/dingdag/dingdag/connections"
)

// robotsWith are robots, each with its extra.
func robotsWith(extras map[string]string) connections.Static {
	s := connections.Static{}
	for id, extra := range extras {
		s[id] = &connections.Connection{Type: "dingding", Extra: new(connections.Secret(extra))}
	}
	return s
}

func TestFallbackChain(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		extras   map[string]string
		chain    []string
		problems []string
		unknown  bool
	}{
		"none":           {map[string]string{"a": `{}`}, nil, nil, false},
		"one text":       {map[string]string{"a": `{"fallback": "b"}`, "b": ``}, []string{"b"}, nil, false},
		"from a URI":     {map[string]string{"a": `{"fallback": "[\"b\", \"c\"]"}`, "b": ``, "c": ``}, []string{"b", "c"}, nil, false},
		"depth first":    {map[string]string{"a": `{"fallback": ["b", "c"]}`, "b": `{"fallback": "d"}`, "c": ``, "d": ``}, []string{"b", "d", "c"}, nil, false},
		"two ways to it": {map[string]string{"a": `{"fallback": ["b", "c"]}`, "b": `{"fallback": "c"}`, "c": ``}, []string{"b", "c"}, nil, false},
		"itself":         {map[string]string{"a": `{"fallback": "a"}`}, nil, []string{"extra.fallback goes in a loop: a -> a"}, false},
		"a loop": {
			map[string]string{"a": `{"fallback": ["b", "c"]}`, "b": `{"fallback": "a"}`, "c": ``},
			[]string{"b", "c"},
			[]string{"extra.fallback goes in a loop: a -> b -> a"},
			false,
		},
		"a loop further on": {
			map[string]string{"a": `{"fallback": "b"}`, "b": `{"fallback": "c"}`, "c": `{"fallback": "b"}`},
			[]string{"b", "c"},
			[]string{"extra.fallback goes in a loop: a -> b -> c -> b"},
			false,
		},
		"unknown": {
			map[string]string{"a": `{"fallback": ["nobody", "b"]}`, "b": ``},
			[]string{"b"},
			[]string{`fallback a -> nobody: connection "nobody": not found`},
			true,
		},
		"no such connection": {nil, nil, []string{`connection "a": not found`}, true},
		"not a list": {
			map[string]string{"a": `{"fallback": {"b": 1}}`},
			nil,
			[]string{`connection "a": extra.fallback must be a text or a list of texts`},
			false,
		},
		"an empty one": {
			map[string]string{"a": `{"fallback": ["b", " "]}`},
			nil,
			[]string{`connection "a": extra.fallback must be a text or a list of texts`},
			false,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			chain, problems := connections.FallbackChain(t.Context(), robotsWith(c.extras), "a")
			assert.Equal(t, c.chain, chain)
			var texts []string
			for _, p := range problems {
				texts = append(texts, p.Error())
				assert.Equal(t, c.unknown, errors.Is(p, connections.ErrNotFound))
			}
			assert.Equal(t, c.problems, texts)
		})
	}
}

// Headers of a service are no fallbacks.
func TestFallbacksOfOtherTypes(t *testing.T) {
	t.Parallel()
	c := &connections.Connection{Type: "http", Extra: new(connections.Secret(`{"fallback": "b"}`))}
	got, err := c.Fallbacks()
	assert.NoError(t, err)
	assert.Empty(t, got)
}
