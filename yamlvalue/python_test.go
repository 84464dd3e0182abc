package yamlvalue_test

import (
	"math"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/dingdag/dingdag/yamlvalue"
)

// The texts are what str() of Python 3.11 gives.
func TestPythonFloat(t *testing.T) {
	t.Parallel()
	for f, want := range map[float64]string{
		0: "0.0", 1: "1.0", -1.5: "-1.5", 0.1: "0.1", 0.0001: "0.0001", 0.00001: "1e-05", 1e15: "1000000000000000.0",
		1e16: "1e+16", 1e22: "1e+22", 1.5e300: "1.5e+300", 123456789.125: "123456789.125", math.Inf(1): "inf", math.Inf(-1): "-inf",
	} {
		assert.Equal(t, want, yamlvalue.PythonFloat(f))
	}
	assert.Equal(t, "-0.0", yamlvalue.PythonFloat(math.Copysign(0, -1)))
	assert.Equal(t, "nan", yamlvalue.PythonFloat(math.NaN()))
}

// The texts are what repr() of Python 3.11 gives.
func TestPythonText(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"": "''", "a b": "'a b'", "it's": `"it's"`, `"q"`: `'"q"'`, `it's "q"`: `'it\'s "q"'`, "a\\\n\r\t\x00": `'a\\\n\r\t\x00'`, "你好 é": "'你好 é'",
		"\u00a0\u3000\u2028\U000e0001": `'\xa0\u3000\u2028\U000e0001'`,
	} {
		assert.Equal(t, want, yamlvalue.PythonText(text))
	}
}
