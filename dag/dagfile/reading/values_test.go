package reading

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gopkg.in/yaml.v3"

	"github.com/dingdag/dingdag/dag"
)

// valueNode parses the text of one value.
func valueNode(t *testing.T, text string) *yaml.Node {
	t.Helper()
	var n yaml.Node
	require.NoError(t, yaml.Unmarshal([]byte("v: "+text), &n))
	return n.Content[0].Content[1]
}

// testNow is the moment of loading in tests: a Wednesday.
var testNow = time.Date(2024, 5, 15, 10, 30, 0, 0, time.UTC)

func testScope() Scope { return NewScope("a.yaml") }

func TestDuration(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		text string
		want time.Duration
	}{
		{"300", 5 * time.Minute},
		{"1.5", 1500 * time.Millisecond},
		{"0", 0},
		{"5m", 5 * time.Minute},
		{"1h30m", 90 * time.Minute},
		{"1d", 24 * time.Hour},
		{"2w", 14 * 24 * time.Hour},
		{"90s", 90 * time.Second},
		{"500ms", 500 * time.Millisecond},
		{"1.5h", 90 * time.Minute},
		{"PT5M", 5 * time.Minute},
		{"P1DT12H", 36 * time.Hour},
		{"P2W", 14 * 24 * time.Hour},
		{"2 days", 48 * time.Hour},
		{"1 Hour", time.Hour},
		{"{__type__: datetime.timedelta, minutes: 5}", 5 * time.Minute},
		{"{__type__: datetime.timedelta, hours: 1, seconds: 30}", time.Hour + 30*time.Second},
		{"{__type__: datetime.timedelta, __args__: [1, 30]}", 24*time.Hour + 30*time.Second},
		{"{__type__: datetime.timedelta, days: 0.5}", 12 * time.Hour},
	} {
		s := testScope()
		got, ok := s.Duration("retry_delay", valueNode(t, c.text))
		assert.True(t, ok, "%s: %s", c.text, s.found)
		assert.Equal(t, c.want, got, c.text)
	}
}

func TestDurationRefused(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"1 hour 30 minutes": "write it like 1h30m",
		"2 days ago":        "write it like 1h30m",
		"1 days,":           "write it like 1h30m",
		`"300"`:             "has no unit",
		"1:30":              "base 60",
		"-5":                "must not be negative",
		"-5m":               "is negative",
		"P1M":               "years and months differ",
		"P1Y":               "years and months differ",
		"soon":              "is not a valid duration",
		"1month":            "is not a valid duration",
		"yes":               "want a duration",
		"[5]":               "want a duration",
		"99999999999999w":   "longer than 292 years",
		".nan":              "not a number",
		"{__type__: datetime.timedelta, months: 1}":              `has no argument "months"`,
		"{__type__: datetime.timedelta, days: -1}":               "must not be negative",
		"{__type__: datetime.timedelta, days: x}":                "want a number",
		"{__type__: datetime.timedelta, __args__: [1], days: 2}": "appears twice",
		"{__type__: datetime.timedelta, __args__: 1}":            "must be a list",
		"{__type__: datetime.date, year: 1}":                     "has no meaning here",
		"{__type__: dateutil.relativedelta.relativedelta}":       "use a cron schedule",
		"{__type__: datetime.timdelta}":                          `did you mean "datetime.timedelta"?`,
		"{__type__: kubernetes.client.models.V1Pod}":             "run the container through bash or http",
	} {
		s := testScope()
		_, ok := s.Duration("retry_delay", valueNode(t, text))
		assert.False(t, ok, text)
		assert.Contains(t, s.found.String(), want, text)
	}
}

func TestDate(t *testing.T) {
	t.Parallel()
	shanghai, err := time.LoadLocation("Asia/Shanghai")
	require.NoError(t, err)
	for text, want := range map[string]string{
		"2024-05-01":                      "2024-05-01T00:00:00+08:00",
		"2024-05-01T08:30:00":             "2024-05-01T08:30:00+08:00",
		"2024-05-01 08:30":                "2024-05-01T08:30:00+08:00",
		"2024-05-01T08:30:00+08:00":       "2024-05-01T08:30:00+08:00",
		`"20240501"`:                      "2024-05-01T00:00:00+08:00",
		"20240501":                        "2024-05-01T00:00:00+08:00",
		"2024-W18-3":                      "2024-05-01T00:00:00+08:00",
		"2024-122":                        "2024-05-01T00:00:00+08:00",
		"2 days":                          "2024-05-13T00:00:00+08:00",
		"2 days ago":                      "2024-05-13T00:00:00+08:00",
		"days_ago(2)":                     "2024-05-13T00:00:00+08:00",
		"airflow.utils.dates.days_ago(0)": "2024-05-15T00:00:00+08:00",
		"1 HOUR":                          "2024-05-14T23:00:00+08:00",
		`"08:15"`:                         "2024-05-15T08:15:00+08:00",
		"{__type__: datetime.datetime, year: 2024, month: 5, day: 1, hour: 8}": "2024-05-01T08:00:00+08:00",
		"{__type__: datetime.date, __args__: [2024, 5, 1]}":                    "2024-05-01T00:00:00+08:00",
	} {
		s := testScope()
		got, ok := s.Date("start_date", valueNode(t, text), shanghai, testNow)
		assert.True(t, ok, "%s: %s", text, s.found)
		assert.Equal(t, want, got.Format(time.RFC3339), text)
	}
}

func TestDateRefused(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"2024-05-01T08:30:00+08:00": "the offset +08:00 is not that of the zone UTC",
		"2024-02-30":                "does not exist",
		"2023-366":                  "does not exist",
		"2024-W54-1":                "does not exist",
		"2024-05-01T25:00:00":       "does not exist",
		"now":                       "write a fixed date",
		"2024-05":                   "has no day",
		"2024":                      "has no day",
		"2024-W18":                  "has no day",
		"2 days from now":           "only one number and unit",
		"days_ago(x)":               "is not a valid date",
		"2 weeks":                   "is not a valid date",
		"1.5 days":                  "is not a valid date",
		"2days":                     "is not a valid date",
		"yes":                       "want a date",
		"{__type__: datetime.datetime, year: 2024}": "needs month",
	} {
		s := testScope()
		_, ok := s.Date("start_date", valueNode(t, text), time.UTC, testNow)
		assert.False(t, ok, text)
		assert.Contains(t, s.found.String(), want, text)
	}
}

func TestDateInGapMovesForward(t *testing.T) {
	t.Parallel()
	zurich, err := time.LoadLocation("Europe/Zurich")
	require.NoError(t, err)
	got, _, err := parseDate("2024-03-31T02:30:00", zurich, testNow)
	require.NoError(t, err)
	assert.Equal(t, "2024-03-31T03:30:00+02:00", got.Format(time.RFC3339))
}

func TestRelativeDateWarns(t *testing.T) {
	t.Parallel()
	s := testScope()
	_, ok := s.Date("start_date", valueNode(t, "2 days"), time.UTC, testNow)
	require.True(t, ok)
	require.Len(t, s.found, 1)
	assert.Equal(t, dag.Warning, s.found[0].Severity)
	assert.True(t, s.Rests.Volatile)
}

func TestTextAndNumbersAreStrict(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"yes", "010", "5", "1:30", "1.5", "2024-01-01"} {
		s := testScope()
		_, ok := s.Text("owner", valueNode(t, text))
		assert.False(t, ok, text)
		assert.Contains(t, s.found.String(), "quote it", text)
	}
	for text, want := range map[string]string{"yes": "want a whole number", "1.5": "want a whole number", `"3"`: "want a whole number", "-1": "less than 0", "99999999999": "more than"} {
		s := testScope()
		_, ok := s.Integer("retries", valueNode(t, text), 0, 1<<31-1)
		assert.False(t, ok, text)
		assert.Contains(t, s.found.String(), want, text)
	}
}

func TestBuiltinsAreCast(t *testing.T) {
	t.Parallel()
	n := valueNode(t, `
  a: {__type__: builtins.int, __args__: ["7"]}
  b: {__type__: builtins.str, __args__: [7]}
  c: {__type__: builtins.list, items: [{__type__: datetime.timedelta, hours: 1}, x]}
  d: {__type__: builtins.dict, k: {__type__: builtins.float, __args__: [1]}}
  e: yes
  f: 1:30`)
	s := testScope()
	got, ok := s.Free("conf", n)
	require.True(t, ok, s.found.String())
	text, err := json.Marshal(got)
	require.NoError(t, err)
	assert.Equal(t, `{"a":7,"b":"7","c":["1h0m0s","x"],"d":{"k":1.0},"e":true,"f":90}`, string(text))
	assert.Equal(t, "__type__", n.Content[1].Content[0].Value, "the tree itself must not change")
}

// A date that is read is the same when it is written as a wall clock of its zone.
func FuzzDate(f *testing.F) {
	for _, seed := range []string{
		"2024-05-01", "20240501", "2024-W18-3", "2024-122", "2024-05-01T08:00", "2024-05-01 08:00:01.5+08:00", "2 days", "08:30",
		"2024-03-31T02:30:00", "2024-10-27T02:30:00Z", "now", "2024-02-30", "9999-12-31T23:59:59.999999", "0000-01-01", "2024-13",
	} {
		f.Add(seed)
	}
	zones := []*time.Location{time.UTC}
	for _, name := range []string{"Asia/Shanghai", "Europe/Berlin", "Australia/Lord_Howe", "America/St_Johns"} {
		loc, err := time.LoadLocation(name)
		if err != nil {
			f.Fatal(err)
		}
		zones = append(zones, loc)
	}
	f.Fuzz(func(t *testing.T, text string) {
		for _, zone := range zones {
			at, moves, err := parseDate(strings.TrimSpace(text), zone, testNow)
			if err != nil || moves || at.IsZero() {
				continue
			}
			wall := WallText(at, zone)
			again, _, err := parseDate(wall, zone, testNow)
			if err != nil {
				t.Fatalf("%q in %s is %s: %v", text, zone, wall, err)
			}
			// A wall clock that comes twice names one of its moments.
			if got := WallText(again, zone); got != wall {
				t.Fatalf("%q in %s is %s, which reads as %s", text, zone, wall, got)
			}
		}
	})
}
