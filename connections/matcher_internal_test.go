package connections

import (
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// TestSafeCut masks a text in two parts, cut where it is safe, and wants what
// masking it whole gives, whatever follows. Nothing is held back without a reason:
// some text could follow that makes a secret of what is.
func TestSafeCut(t *testing.T) {
	t.Parallel()
	m := newMatcher([]string{"abcab", "abcabcc", "ccabc", "bbbbbbbb"})
	cuts := 0
	rapid.Check(t, func(t *rapid.T) {
		letters := rapid.StringOfN(rapid.RuneFrom([]rune("abc")), 0, 30, -1)
		text, more := letters.Draw(t, "text"), letters.Draw(t, "more")
		cut := m.safeCut(text)
		if cut > 0 {
			cuts++
		}
		got := m.mask(text[:cut]) + m.mask(text[cut:]+more)
		if want := m.mask(text + more); got != want {
			t.Fatalf("cut at %d: got %q, want %q", cut, got, want)
		}
		if held := text[cut:]; held != "" && !slices.ContainsFunc(m.sorted, func(secret string) bool {
			return slices.ContainsFunc(suffixes(held), func(end string) bool { return len(end) < len(secret) && strings.HasPrefix(secret, end) })
		}) {
			t.Fatalf("cut at %d: %q is held back for nothing", cut, held)
		}
	})
	if cuts == 0 {
		t.Error("no text was cut")
	}
}

func suffixes(s string) (all []string) {
	for i := range s {
		all = append(all, s[i:])
	}
	return all
}
