package connections

import (
	"slices"
	"strings"
)

// minSecret is the fewest characters, and so bytes, of a text that is masked.
const minSecret = 5

// matcher finds secrets in text. It is never changed once built. Most positions
// of a text are passed over after one look at two bytes.
type matcher struct {
	pairs    [1 << 10]uint64     // bit set of the first two bytes of all secrets
	byPrefix map[string][]string // by the first minSecret bytes, longest first
	sorted   []string            // all secrets, each once
	first    [1 << 8]bool        // the first bytes of all secrets
	longest  int
}

func newMatcher(secrets []string) *matcher {
	m := &matcher{byPrefix: make(map[string][]string, len(secrets))}
	m.sorted = slices.Sorted(slices.Values(secrets))
	for _, s := range secrets {
		bucket, bit := pairAt(s, 0)
		m.pairs[bucket] |= bit
		m.byPrefix[s[:minSecret]] = append(m.byPrefix[s[:minSecret]], s)
		m.first[s[0]] = true
		m.longest = max(m.longest, len(s))
	}
	for _, group := range m.byPrefix {
		slices.SortFunc(group, func(a, b string) int { return len(b) - len(a) })
	}
	return m
}

func pairAt(s string, i int) (bucket int, bit uint64) {
	pair := int(s[i])<<8 | int(s[i+1])
	return pair >> 6, 1 << (pair & 63)
}

// mask replaces each stretch of secrets by "***".
func (m *matcher) mask(s string) string {
	start, end, ok := m.next(s, 0)
	if !ok {
		return s
	}
	var b strings.Builder
	b.Grow(len(s))
	at := 0
	for ok {
		b.WriteString(s[at:start])
		b.WriteString(masked)
		at = end
		start, end, ok = m.next(s, at)
	}
	b.WriteString(s[at:])
	return b.String()
}

// next finds the first secret at or behind from. A secret that overlaps the end
// of another makes the stretch longer, so that no piece of it is left over.
func (m *matcher) next(s string, from int) (start, end int, ok bool) {
	for start = from; start+minSecret <= len(s); start++ {
		n := m.longestAt(s, start)
		if n == 0 {
			continue
		}
		end = start + n
		for i := start + 1; i < end && i+minSecret <= len(s); i++ {
			end = max(end, i+m.longestAt(s, i))
		}
		return start, end, true
	}
	return 0, 0, false
}

// longestAt returns the length of the longest secret that begins at i, or of the
// beginning of one that stands there with the mark of a cut behind it, or 0.
func (m *matcher) longestAt(s string, i int) int {
	if bucket, bit := pairAt(s, i); m.pairs[bucket]&bit == 0 {
		return 0
	}
	longest := 0
	for _, secret := range m.byPrefix[s[i:i+minSecret]] {
		if n := commonPrefix(s[i:], secret); n > longest && (n == len(secret) || cutOff(s[i+n:])) {
			longest = n
		}
	}
	return longest
}

func commonPrefix(a, b string) int {
	n := 0
	for n < len(a) && n < len(b) && a[n] == b[n] {
		n++
	}
	return n
}

// cutOff reports whether a text begins with what stands for something left out.
func cutOff(s string) bool { return strings.HasPrefix(s, "…") || strings.HasPrefix(s, "...") }

// safeCut returns how much of the start of s may be masked and sent on when more
// text follows: all but what could be the beginning of a secret, and the stretch
// of secrets that it would make longer.
func (m *matcher) safeCut(s string) int {
	cut := m.openAt(s)
	for at := 0; at < cut; {
		start, end, ok := m.next(s, at)
		if !ok || start >= cut {
			break
		}
		if end > cut {
			return start
		}
		at = end
	}
	return cut
}

// openAt returns where the longest end of s begins that is the beginning of a
// secret but not all of it, or len(s) when there is none.
func (m *matcher) openAt(s string) int {
	for i := max(0, len(s)-m.longest+1); i < len(s); i++ {
		if m.first[s[i]] && m.begins(s[i:]) {
			return i
		}
	}
	return len(s)
}

// begins reports whether a secret begins with s and is longer.
func (m *matcher) begins(s string) bool {
	i, found := slices.BinarySearch(m.sorted, s)
	if found {
		i++ // it is that secret, whole
	}
	return i < len(m.sorted) && strings.HasPrefix(m.sorted[i], s)
}
