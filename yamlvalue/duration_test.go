package yamlvalue_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gopkg.in/yaml.v3"
	"pgregory.net/rapid"

	"github.com/dingdag/dingdag/yamlvalue"
)

func TestDuration(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]time.Duration{
		"300": 300 * time.Second, "1.5": 1500 * time.Millisecond, "010": 8 * time.Second, "0": 0, "5m": 5 * time.Minute, "1h30m": 90 * time.Minute,
		"1.5h": 90 * time.Minute, "500ms": 500 * time.Millisecond, "5us": 5 * time.Microsecond, "5µs": 5 * time.Microsecond, "7ns": 7,
		"2d": 48 * time.Hour, "2w": 14 * 24 * time.Hour, "PT5M": 5 * time.Minute, "P1DT12H": 36 * time.Hour, "P2W": 14 * 24 * time.Hour,
		"PT0.5S": 500 * time.Millisecond, "2 days": 48 * time.Hour, "1 Hour": time.Hour, "3 WEEKS": 21 * 24 * time.Hour, "4 microseconds": 4 * time.Microsecond,
	} {
		got, err := yamlvalue.Duration(valueNode(t, text), time.Second)
		require.NoError(t, err, text)
		assert.Equal(t, want, got, text)
	}
	got, err := yamlvalue.Duration(valueNode(t, "0.5"), time.Minute)
	require.NoError(t, err)
	assert.Equal(t, 30*time.Second, got)
}

func TestDurationRefused(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"1 hour 30 minutes": `"1 hour 30 minutes": only one number and unit is read as words, so it would be cut short: write it like 1h30m`,
		`"300"`:             `"300" has no unit: write 300s, or the number without quotes for seconds`,
		"1:30":              "1:30 is a number to base 60 in YAML 1.1: write it with units, for instance 90s",
		"-5":                "a duration must not be negative",
		"-5m":               `"-5m" is negative: a duration must not be negative`,
		"P1M":               `"P1M": years and months differ in length: use days or weeks`,
		"PXM":               `"PXM" is not a valid ISO 8601 duration: write it like PT5M or P1DT12H`,
		"soon":              `"soon" is not a valid duration: write it like 90s, 5m, 1h30m, 1d, PT5M or 2 days`,
		"yes":               `want a duration such as 300 (seconds), 5m or 1h30m, not a boolean "yes"`,
		"[5]":               "want a duration such as 300 (seconds), 5m or 1h30m, not a list",
		"2024-01-01":        `want a duration such as 300 (seconds), 5m or 1h30m, not a date "2024-01-01"`,
		"99999999999999w":   "longer than 292 years",
		"300w300000w":       "longer than 292 years",
		".nan":              "not a number",
		".inf":              "longer than 292 years",
	} {
		_, err := yamlvalue.Duration(valueNode(t, text), time.Second)
		assert.EqualError(t, err, want, text)
	}
	_, err := yamlvalue.ParseDuration("300")
	require.EqualError(t, err, `"300" has no unit: write 300s`)
	for _, text := range []string{"", "m", "5 m", "1 month", "1month", "2 days ago", "1 days,", "-PT5M", "P1Y"} {
		_, err := yamlvalue.ParseDuration(text)
		assert.Error(t, err, text)
	}
}

func TestTimedelta(t *testing.T) {
	t.Parallel()
	got, err := yamlvalue.Timedelta(map[string]float64{"weeks": 1, "days": 0.5, "hours": -1, "milliseconds": 16, "microseconds": 3})
	require.NoError(t, err)
	assert.Equal(t, 7*24*time.Hour+11*time.Hour+16*time.Millisecond+3*time.Microsecond, got)
	for _, name := range yamlvalue.TimedeltaArguments {
		one, err := yamlvalue.Timedelta(map[string]float64{name: 1})
		require.NoError(t, err)
		assert.Positive(t, one, name)
	}
	_, err = yamlvalue.Timedelta(map[string]float64{"days": -1})
	assert.EqualError(t, err, "a duration must not be negative")
}

func TestParseDurationReadsGo(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		want := time.Duration(rapid.Int64Range(0, int64(1000*time.Hour)/1000).Draw(t, "µs")) * time.Microsecond
		got, err := yamlvalue.ParseDuration(want.String())
		require.NoError(t, err)
		assert.InDelta(t, float64(want), float64(got), 2, "within rounding")
	})
}

// A duration that is read is never negative, and what is written of it reads the same.
func FuzzDuration(f *testing.F) {
	for _, seed := range []string{
		"90s", "1h30m", "1.5h", "2 days", "1 Week", "PT5M", "P1DT12H", "P1Y", "-5", "1e99", "300", "12:30", "0.1", "9223372036854775807", "292y", "µs",
	} {
		f.Add(seed, false)
		f.Add(seed, true)
	}
	f.Fuzz(func(t *testing.T, text string, quoted bool) {
		n := &yaml.Node{Kind: yaml.ScalarNode, Value: text}
		if quoted {
			n.Style = yaml.DoubleQuotedStyle
		}
		d, err := yamlvalue.Duration(n, time.Second)
		if err != nil {
			return
		}
		if d < 0 {
			t.Fatalf("%q is %s", text, d)
		}
		if again, err := yamlvalue.ParseDuration(d.String()); err != nil || again != d {
			t.Fatalf("%q is %s, which reads as %s, %v", text, d, again, err)
		}
	})
}

// The texts are those of pydantic, with which Airflow's REST API writes a timedelta.
func TestFormatISO(t *testing.T) {
	t.Parallel()
	const day = 24 * time.Hour
	for d, want := range map[time.Duration]string{
		0: "PT0S", 90 * time.Minute: "PT1H30M", 1500 * time.Millisecond: "PT1.5S", 25 * time.Hour: "P1DT1H", 7 * day: "P7D", 31 * day: "P31D",
		365 * day: "P1Y", 400*day + time.Hour: "P1Y35DT1H", -(24*time.Hour - 5*time.Second): "-PT23H59M55S",
	} {
		assert.Equal(t, want, yamlvalue.FormatISO(d))
	}
}
