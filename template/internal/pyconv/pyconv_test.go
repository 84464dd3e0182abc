package pyconv_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/template/internal/pyconv"
	"github.com/dingdag/dingdag/template/internal/pyval"
)

func budget() *pyval.Budget { return &pyval.Budget{MaxText: 1 << 20, Left: 1 << 30} }

func TestJSONRoundTrip(t *testing.T) {
	t.Parallel()
	for _, doc := range []string{
		`{"z": 1, "a": [true, null, 1.0, 1e+22, 12345678901234567890123, "\u00e9\ud83d\ude00\n\"\\"], "": {}}`,
		`[]`, `"x"`, `-0.5`, `[[[1]]]`,
	} {
		v, err := pyconv.FromJSON([]byte(doc))
		require.NoError(t, err, doc)
		got, err := pyconv.ToJSON(budget(), v, pyconv.JSONOptions{ASCII: true})
		require.NoError(t, err, doc)
		assert.Equal(t, doc, got)
	}
	for _, doc := range []string{``, `{`, `[1,]`, `1 2`, `{"a"}`, `nul`} {
		_, err := pyconv.FromJSON([]byte(doc))
		assert.Error(t, err, doc)
	}
}

func TestFromGoKeepsWhatItCan(t *testing.T) {
	t.Parallel()
	type row struct {
		N int `json:"n"`
	}
	for _, c := range []struct {
		in   any
		want string
	}{
		{map[string]any{"b": 1, "a": []any{uint8(1), float32(0.5)}}, "{'a': [1, 0.5], 'b': 1}"},
		{uint64(1) << 63, "9223372036854775808"},
		{[]string{"a"}, "['a']"},
		{[]row{{1}}, "[{'n': 1}]"},
		{time.Minute, "datetime.timedelta(seconds=60)"},
		{(*time.Time)(nil), "None"},
	} {
		v, err := pyconv.FromGo(c.in)
		require.NoError(t, err)
		got, err := pyval.Repr(budget(), v)
		require.NoError(t, err)
		assert.Equal(t, c.want, got)
	}
	_, err := pyconv.FromGo(make(chan int))
	assert.Error(t, err)
}
