package yamlvalue_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/dingdag/dingdag/yamlvalue"
)

func TestPattern(t *testing.T) {
	t.Parallel()
	p := yamlvalue.Pattern("^a+$")
	assert.Same(t, p(), p(), "it is compiled once")
	assert.True(t, p().MatchString("aa"))
	broken := yamlvalue.Pattern("(")
	assert.Panics(t, func() { broken() })
}
