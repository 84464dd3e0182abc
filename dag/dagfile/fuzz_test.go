package dagfile

import (
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

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
			wall := wallText(at, zone)
			again, _, err := parseDate(wall, zone, testNow)
			if err != nil {
				t.Fatalf("%q in %s is %s: %v", text, zone, wall, err)
			}
			// A wall clock that comes twice names one of its moments.
			if got := wallText(again, zone); got != wall {
				t.Fatalf("%q in %s is %s, which reads as %s", text, zone, wall, got)
			}
		}
	})
}

// A line of an ignore file is a pattern, nothing, or told as a mistake; a name without
// wildcards excludes itself, and ! takes it back.
func FuzzIgnore(f *testing.F) {
	for _, seed := range []string{"*.yaml", "/a/**/b", "!keep.yaml", "dir/", "[a-z]?", "[!x]", "[", "[]a]", "a\\*b", "**", "日本/*", "(", "x{2,1}", "[z-a]"} {
		f.Add(seed, "a/b.yaml")
	}
	f.Fuzz(func(t *testing.T, line, path string) {
		rule, ok, err := parseGlob(line)
		if err == nil && ok {
			rules := []ignoreRules{{dir: "/dags", rules: []ignoreRule{rule}}}
			for _, isDir := range []bool{false, true} {
				if ignored(rules, "/dags/"+path, isDir) && rule.negated {
					t.Fatalf("%q excludes %q, which it takes back", line, path)
				}
			}
		}
		if _, ok, err := parseRegexp(line); ok && err != nil {
			t.Fatalf("%q is fine and has the error %v", line, err)
		}
		plain := strings.Trim(line, "!/\\ ")
		if plain == "" || !utf8.ValidString(plain) || strings.ContainsAny(plain, "*?[\\/\n") || plain == "." || plain == ".." {
			return
		}
		rule, ok, err = parseGlob(plain)
		if err != nil || !ok {
			t.Fatalf("%q is no pattern: %v", plain, err)
		}
		if !ignored([]ignoreRules{{dir: "/dags", rules: []ignoreRule{rule}}}, "/dags/sub/"+plain, false) {
			t.Fatalf("%q does not exclude itself", plain)
		}
	})
}
