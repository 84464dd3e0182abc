package document_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gopkg.in/yaml.v3"

	"github.com/dingdag/dingdag/dag/dagfile/document"
	"github.com/dingdag/dingdag/dag/dagfile/reading"
)

// resolved is the tree of a file as YAML, and what was found in it.
func resolved(t *testing.T, text string, o document.Options) (tree, found string) {
	t.Helper()
	s := reading.NewScope("f.yaml")
	root := document.Read(s, []byte(text), o)
	if root == nil {
		assert.Positive(t, s.Failed(), "a reason is given")
		return "", s.Diagnostics().String()
	}
	out, err := yaml.Marshal(root)
	require.NoError(t, err)
	return string(out), s.Diagnostics().String()
}

func TestTree(t *testing.T) {
	t.Parallel()
	env := map[string]string{"N": "7", "DB_TOKEN": "s3cr3t"}
	var secrets []string
	o := document.Options{
		LookupEnv: func(name string) (string, bool) { v, ok := env[name]; return v, ok },
		Secret:    func(v string) { secrets = append(secrets, v) },
	}
	for in, want := range map[string]string{
		"a: &x {k: 1}\nb: *x\n":                        "a: &x {k: 1}\nb: {k: 1}\n",
		"a: &x {k: 1, l: 2}\nb: {<<: *x, l: 3}":        "a: &x {k: 1, l: 2}\nb: {k: 1, l: 3}\n",
		"a: $N\nb: '${N}'\nc: $M":                      "a: 7\nb: '7'\nc: $M\n",
		"\ufeffa: {__join__: [x, 1, {__join__: [y]}]}": "a: \"x1y\"\n",
		"a: 1 # a remark":                              "a: 1\n",
	} {
		got, found := resolved(t, in, o)
		assert.Equal(t, strings.NewReplacer("&x ", "").Replace(want), strings.NewReplacer("&x ", "").Replace(got), in)
		assert.Empty(t, found)
	}
	_, found := resolved(t, "a: $DB_TOKEN", o)
	assert.Contains(t, found, "f.yaml:1:4: warning: the value of the environment variable DB_TOKEN becomes part of the DAG")
	assert.Equal(t, []string{"s3cr3t"}, secrets)
	assert.NotContains(t, found, "s3cr3t")
}

func TestTreeRefused(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"":                         "f.yaml: error: the file is empty: write a mapping from DAG ids to DAGs\n",
		"[a]":                      "f.yaml:1:1: error: the file must be a mapping from DAG ids to DAGs, not a list\n",
		"a: 1\n---\nb: 2":          "f.yaml:2:1: error: a second document starts here: a file holds one document, use one file for each\n",
		"a: {b: 1, b: 2}":          "f.yaml:1:11: error: duplicate key \"b\", first on line 1\n",
		"a: &x [*x]":               "f.yaml:1:8: error: alias *x is inside its own anchor\n",
		"a: {{ ds }}":              "f.yaml:1:4: error: a template needs quotes: write \"{{ … }}\"\n",
		"a: !env X":                "f.yaml:1:4: error: tag \"!env\" is not allowed: only the core tags !!str, !!int, !!float, !!bool, !!null, !!map and !!seq are\n",
		"a: {<<: 1}":               "f.yaml:1:9: error: a merge key takes a mapping or a list of mappings, not a whole number \"1\"\n",
		"a: {__join__: [x], b: 1}": "f.yaml:1:5: error: __join__ must be alone in its mapping\n",
		"a: \xff":                  "f.yaml:1:4: error: the file is not UTF-8 text: save it as UTF-8\n",
	} {
		_, found := resolved(t, in, document.Options{})
		assert.Equal(t, want, found, in)
	}
	deep := "a: " + strings.Repeat("[", document.MaxDepth+1) + strings.Repeat("]", document.MaxDepth+1)
	_, found := resolved(t, deep, document.Options{})
	assert.Contains(t, found, "nested more than 100 levels deep")
	large := "a: \"" + strings.Repeat("x", document.MaxSize) + "\""
	_, found = resolved(t, large, document.Options{})
	assert.Contains(t, found, "more than 4194304: split it")
	_, found = resolved(t, large, document.Options{AnySize: true})
	assert.Empty(t, found)
}
