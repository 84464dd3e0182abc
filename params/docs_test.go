package params_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/dingdag/dingdag/params"
)

// Comments are read when somebody asks for them, not when operators are declared.
func TestDocsAreReadWhenAskedFor(t *testing.T) {
	t.Parallel()
	type empty struct{}
	typ := params.Of[empty]("", params.ParseDocs("no JSON").With(params.ParseDocs("neither")))
	assert.PanicsWithValue(t, "params: read generated docs: invalid character 'o' in literal null (expecting 'u')", func() { typ.Doc() })
	assert.Empty(t, params.Of[empty]("", nil).Doc())
}

func TestDocsWithMore(t *testing.T) {
	t.Parallel()
	docs := params.ParseDocs(`{"a": {"text": "first"}, "b": {"text": "kept"}}`).With(params.ParseDocs(`{"a": {"text": "last"}}`), nil)
	assert.Equal(t, params.Comments{"a": {Text: "last"}, "b": {Text: "kept"}}, docs())
}
