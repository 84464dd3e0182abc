package params_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/params"
)

type waiting struct {
	Wait time.Duration `yaml:"wait"`
}

func TestDurationForms(t *testing.T) {
	t.Parallel()
	typ := params.Of[waiting]("", nil)
	for text, want := range map[string]time.Duration{
		"300":   300 * time.Second,
		"1.5":   1500 * time.Millisecond,
		"010":   8 * time.Second,
		"0":     0,
		"5m":    5 * time.Minute,
		"1h30m": 90 * time.Minute,
		"1.5h":  90 * time.Minute,
		"500ms": 500 * time.Millisecond,
		"2d":    48 * time.Hour,
		"2w":    14 * 24 * time.Hour,
		"PT5M":  5 * time.Minute, "P1DT12H": 36 * time.Hour, "P2W": 14 * 24 * time.Hour, "PT0.5S": 500 * time.Millisecond,
		"2 days": 48 * time.Hour, "1 hour": time.Hour,
		"{__type__: datetime.timedelta, minutes: 5}":           5 * time.Minute,
		"{__type__: datetime.timedelta, days: 1, hours: -1}":   23 * time.Hour,
		"{__type__: datetime.timedelta, milliseconds: 0x10}":   16 * time.Millisecond,
		"{__type__: datetime.timedelta}":                       0,
		"{__type__: datetime.timedelta, weeks: 1, seconds: 1}": 7*24*time.Hour + time.Second,
	} {
		t.Run(text, func(t *testing.T) {
			t.Parallel()
			var w waiting
			require.Empty(t, typ.Decode(node(t, "wait: "+text), &w))
			assert.Equal(t, want, w.Wait)
		})
	}
}

func TestDurationRefused(t *testing.T) {
	t.Parallel()
	typ := params.Of[waiting]("", nil)
	for _, text := range []string{
		"-5", "-5m", `"300"`, "1:30", "1 hour 30 minutes", "2 days ago", "1 days,", "1 month", "P1M", "P1Y", "-PT5M", "PXM",
		"1e99", "9999999999999", "99999w", "300w300000w", "yes", "[5m]", "{minutes: 5}", "{__type__: datetime.timedelta, minute: 5}",
		"{__type__: datetime.timedelta, minutes: '5'}", "{__type__: datetime.timedelta, minutes: -5}", ".nan", ".inf", "m", "5 m",
	} {
		t.Run(text, func(t *testing.T) {
			t.Parallel()
			var w waiting
			problems := typ.Decode(node(t, "wait: "+text), &w)
			require.Len(t, problems, 1)
			assert.Contains(t, problems[0].Text, `parameter "wait": `)
			assert.Positive(t, problems[0].Line)
		})
	}
}

func TestDurationInMinutes(t *testing.T) {
	t.Parallel()
	type pause struct {
		Length time.Duration `yaml:"length" param:"minutes"`
	}
	typ := params.Of[pause]("", nil)
	for text, want := range map[string]time.Duration{"5": 5 * time.Minute, "0.5": 30 * time.Second} {
		var p pause
		problems := typ.Decode(node(t, "length: "+text), &p)
		require.Len(t, problems, 1)
		assert.True(t, problems[0].Warning)
		assert.Equal(t, `parameter "length": a bare number is minutes here: write `+text+"m", problems[0].Text)
		assert.Equal(t, want, p.Length)
	}
	var p pause
	require.Empty(t, typ.Decode(node(t, "length: {__type__: datetime.timedelta, seconds: 5}"), &p))
	assert.Equal(t, 5*time.Second, p.Length, "a unit counts")
	assert.True(t, params.Failed(typ.Decode(node(t, "length: 1000000000"), &p)), "the limit holds in minutes too")
}
