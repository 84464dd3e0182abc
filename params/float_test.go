package params_test

import (
	"encoding/json"
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/params"
)

// The JSON is what json.dumps of Python 3.11 gives, but for what JSON has no number for.
func TestFloatNumbers(t *testing.T) {
	t.Parallel()
	given := map[string]any{
		"deep": []any{1e3, map[string]any{"x": 1e15, "y": 1e16}, 1e-5, math.Copysign(0, -1), 5e-324},
		"none": []any{math.NaN(), math.Inf(1), math.Inf(-1)},
		"rest": []any{int64(1), "1e3", nil, true, json.Number("4758.00")},
	}
	got, err := json.Marshal(params.FloatNumbers(given))
	require.NoError(t, err)
	assert.Equal(t, `{"deep":[1000.0,{"x":1000000000000000.0,"y":1e+16},1e-05,-0.0,5e-324],"none":["nan","inf","-inf"],`+
		`"rest":[1,"1e3",null,true,4758.00]}`, string(got))
	assert.Equal(t, any(1e3), given["deep"].([]any)[0], "what was given stays as it is")
}
