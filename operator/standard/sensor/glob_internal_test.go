package sensor

import (
	"strings"
	"testing"
)

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
