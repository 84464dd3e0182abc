package standard

import (
	"strings"
	"testing"
	"time"
)

// A moment that is read is the same when it is written again.
func FuzzMoment(f *testing.F) {
	for _, seed := range []string{
		"2024-05-01", "2024-05-01T08:00", "2024-05-01 08:00:01.5+08:00", "2024-05-01T08:00:00Z", "20240501", "08:30", "now", "", "2024-02-30",
		"2024-03-31T02:30:00", "{{ ds }}",
	} {
		f.Add(seed)
	}
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, text string) {
		for _, zone := range []*time.Location{time.UTC, berlin} {
			at, err := parseMoment(text, zone)
			if err != nil || at.Year() < 1970 { // zones had offsets with seconds once
				continue
			}
			written := at.Format(time.RFC3339Nano)
			again, err := parseMoment(written, zone)
			if err != nil || !again.Equal(at) {
				t.Fatalf("%q in %s is %s, which reads as %s, %v", text, zone, written, again, err)
			}
		}
	})
}

// A pattern for names of files matches or is refused; a name without wildcards matches
// itself, * every name without a leading dot, and [!…] what […] does not.
func FuzzFileGlob(f *testing.F) {
	for _, seed := range [][2]string{
		{"*.csv", "a.csv"}, {"[a-z]*", "b"}, {"[!a]", "b"}, {"[^a]", "^"}, {"?", "é"}, {"a\\*", "a\\b"}, {".*", ".x"}, {"*", ".x"}, {"[", "["}, {"[]]", "]"}, {"日本*", "日本語"},
	} {
		f.Add(seed[0], seed[1])
	}
	f.Fuzz(func(t *testing.T, pattern, name string) {
		if name == "" || strings.ContainsAny(pattern+name, "/\x00") {
			return
		}
		_, err := matchName(pattern, name)
		if err != nil && !strings.Contains(err.Error(), "pattern") {
			t.Fatalf("%q: %v", pattern, err)
		}
		if all, err := matchName("*", name); err != nil || all == strings.HasPrefix(name, ".") {
			t.Fatalf("* matches %q: %v, %v", name, all, err)
		}
		if !strings.ContainsAny(name, "*?[") {
			if self, err := matchName(name, name); err != nil || !self {
				t.Fatalf("%q does not match itself: %v", name, err)
			}
		}
		inside, ok := strings.CutPrefix(pattern, "[!")
		if inside, closed := strings.CutSuffix(inside, "]"); ok && closed && inside != "" && !strings.ContainsAny(inside, "[]!^\\") && !strings.HasPrefix(name, ".") && len([]rune(name)) == 1 {
			with, err := matchName("["+inside+"]", name)
			without, other := matchName(pattern, name)
			if err == nil && other == nil && with == without {
				t.Fatalf("%q and its opposite both match %q, or neither does", pattern, name)
			}
		}
	})
}
