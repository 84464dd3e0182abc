package pytime_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/dingdag/dingdag/template/internal/pytime"
	"github.com/dingdag/dingdag/template/internal/pyval"
)

func budget() *pyval.Budget { return &pyval.Budget{MaxText: 1 << 20, Left: 1 << 30} }

func TestStrptimeUndoesStrftime(t *testing.T) {
	t.Parallel()
	const format = "%Y-%m-%d %H:%M:%S.%f %z"
	rapid.Check(t, func(t *rapid.T) {
		zone := time.FixedZone("", rapid.IntRange(-14*60, 14*60).Draw(t, "offset")*60)
		want := time.UnixMicro(rapid.Int64Range(-30_000_000_000_000_000, 250_000_000_000_000_000).Draw(t, "micros")).In(zone)
		text, err := pytime.Strftime(want, false, format)
		require.NoError(t, err)
		got, err := pytime.Strptime(text, format)
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
		_, err := pytime.Strptime(text, format)
		assert.Error(t, err, "%q as %q", text, format)
	}
}

func TestDeltaRange(t *testing.T) {
	t.Parallel()
	for _, days := range []any{int64(200_000), 1e300, int64(1) << 62} {
		_, err := pytime.MakeDelta(budget(), pyval.NewArgs("timedelta", []any{days}, nil, nil))
		assert.Error(t, err, days)
	}
	century := pytime.NewDelta(100 * 365 * 24 * time.Hour)
	sum := any(century)
	var err error
	for range 2 {
		sum, err = pyval.Binary(budget(), "+", sum, century)
	}
	assert.Error(t, err, sum)
}
