package pyval_test

import (
	"math/big"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/dingdag/dingdag/template/internal/pyval"
)

func budget() *pyval.Budget { return &pyval.Budget{MaxText: 1 << 20, Left: 1 << 30} }

func integer(t *rapid.T, name string) any {
	return pyval.Int(new(big.Int).Mul(big.NewInt(rapid.Int64().Draw(t, name)), big.NewInt(rapid.Int64Range(-3, 1<<40).Draw(t, name+" scale"))))
}

// x == (x // y) * y + x % y, and the remainder has the sign of y.
func TestFloorDivisionIsExact(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		x, y := integer(t, "x"), integer(t, "y")
		if !pyval.Truth(y) {
			return
		}
		op := func(o string, a, b any) any {
			r, err := pyval.Binary(budget(), o, a, b)
			require.NoError(t, err)
			return r
		}
		rest := op("%", x, y)
		require.Equal(t, x, op("+", op("*", op("//", x, y), y), rest))
		if pyval.Truth(rest) {
			signs, err := pyval.Compare(budget(), ">", op("*", rest, y), int64(0))
			require.NoError(t, err)
			require.True(t, signs)
		}
	})
}

func TestJSONRoundTrip(t *testing.T) {
	t.Parallel()
	for _, doc := range []string{
		`{"z": 1, "a": [true, null, 1.0, 1e+22, 12345678901234567890123, "\u00e9\ud83d\ude00\n\"\\"], "": {}}`,
		`[]`, `"x"`, `-0.5`, `[[[1]]]`,
	} {
		v, err := pyval.FromJSON([]byte(doc))
		require.NoError(t, err, doc)
		got, err := pyval.ToJSON(budget(), v, pyval.JSONOptions{ASCII: true})
		require.NoError(t, err, doc)
		assert.Equal(t, doc, got)
	}
	for _, doc := range []string{``, `{`, `[1,]`, `1 2`, `{"a"}`, `nul`} {
		_, err := pyval.FromJSON([]byte(doc))
		assert.Error(t, err, doc)
	}
}

func TestStrptimeUndoesStrftime(t *testing.T) {
	t.Parallel()
	const format = "%Y-%m-%d %H:%M:%S.%f %z"
	rapid.Check(t, func(t *rapid.T) {
		zone := time.FixedZone("", rapid.IntRange(-14*60, 14*60).Draw(t, "offset")*60)
		want := time.UnixMicro(rapid.Int64Range(-30_000_000_000_000_000, 250_000_000_000_000_000).Draw(t, "micros")).In(zone)
		text, err := pyval.Strftime(want, false, format)
		require.NoError(t, err)
		got, err := pyval.Strptime(text, format)
		require.NoError(t, err, text)
		require.True(t, got.Time().Equal(want), "%s became %s", want, got.Str())
	})
}

func TestStrptimeRefuses(t *testing.T) {
	t.Parallel()
	for text, format := range map[string]string{
		"2024-02-30": "%Y-%m-%d", "2024-1": "%Y-%m-%d", "2024-01-01x": "%Y-%m-%d", "24": "%Y", "25:00": "%H:%M",
		"x": "%q", "1": "%", "Foo": "%b", "+1": "%z", "": "%d",
	} {
		_, err := pyval.Strptime(text, format)
		assert.Error(t, err, "%q as %q", text, format)
	}
}

// A dict behaves as an ordered list of pairs.
func TestDictKeepsOrder(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		d := pyval.NewDict()
		var keys []any
		model := map[int64]int64{}
		for i, k := range rapid.SliceOf(rapid.Int64Range(0, 6)).Draw(t, "keys") {
			if _, has := model[k]; has && i%2 == 0 {
				got, err := pyval.CallMethod(budget(), d, "pop", pyval.NewArgs("pop", []any{k}, nil, nil))
				require.NoError(t, err)
				require.Equal(t, model[k], got)
				delete(model, k)
				kept := []any{}
				for _, other := range keys {
					if other != any(k) {
						kept = append(kept, other)
					}
				}
				keys = kept
				continue
			}
			if _, has := model[k]; !has {
				keys = append(keys, k)
			}
			model[k] = int64(i)
			require.NoError(t, d.Set(k, int64(i)))
		}
		require.Len(t, d.Keys(), len(keys))
		for i, k := range keys {
			require.Equal(t, k, d.Keys()[i])
			got, ok := d.Get(float64(k.(int64))) // 1 and 1.0 are one key
			require.True(t, ok)
			require.Equal(t, model[k.(int64)], got)
		}
	})
}

func TestDeltaRange(t *testing.T) {
	t.Parallel()
	for _, days := range []any{int64(200_000), 1e300, int64(1) << 62} {
		_, err := pyval.MakeDelta(budget(), pyval.NewArgs("timedelta", []any{days}, nil, nil))
		assert.Error(t, err, days)
	}
	century := pyval.NewDelta(100 * 365 * 24 * time.Hour)
	sum := any(century)
	var err error
	for range 2 {
		sum, err = pyval.Binary(budget(), "+", sum, century)
	}
	assert.Error(t, err, sum)
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
		v, err := pyval.FromGo(c.in)
		require.NoError(t, err)
		got, err := pyval.Repr(budget(), v)
		require.NoError(t, err)
		assert.Equal(t, c.want, got)
	}
	_, err := pyval.FromGo(make(chan int))
	assert.Error(t, err)
}
