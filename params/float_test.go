package params_test

import (
	"math"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/dingdag/dingdag/params"
)

// The texts are what str() of Python 3.11 gives.
func TestFloatText(t *testing.T) {
	t.Parallel()
	for f, want := range map[float64]string{
		0: "0.0", 1: "1.0", -1.5: "-1.5", 0.1: "0.1", 0.0001: "0.0001", 0.00001: "1e-05", 1e15: "1000000000000000.0",
		1e16: "1e+16", 1e22: "1e+22", 1.5e300: "1.5e+300", 123456789.125: "123456789.125", math.Inf(1): "inf", math.Inf(-1): "-inf",
	} {
		assert.Equal(t, want, params.FloatText(f))
	}
	assert.Equal(t, "-0.0", params.FloatText(math.Copysign(0, -1)))
	assert.Equal(t, "nan", params.FloatText(math.NaN()))
}
