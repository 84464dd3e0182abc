package yamlvalue

import (
	"fmt"
	"iter"
	"slices"
)

// DidYouMean ends a message about an unknown name: `; did you mean "x"?` with the [Nearest]
// known one, or nothing.
func DidYouMean(name string, known iter.Seq[string]) string {
	if near := Nearest(name, known); near != "" {
		return fmt.Sprintf("; did you mean %q?", near)
	}
	return ""
}

// Nearest returns the known name with the least edit distance from name, at most a third of
// its length, or "". Ties go to the name that sorts first.
func Nearest(name string, known iter.Seq[string]) string {
	return NearestWithin(name, len([]rune(name))/3, known)
}

// NearestWithin is [Nearest] with a limit of its own for the edit distance.
func NearestWithin(name string, limit int, known iter.Seq[string]) string {
	const longest = 100
	a := []rune(name)
	if len(a) > longest || limit < 1 {
		return ""
	}
	best := ""
	var rows distanceRows
	for candidate := range known {
		b := []rune(candidate)
		if len(b) > len(a)+limit || len(a) > len(b)+limit {
			continue
		}
		d := rows.distance(a, b, limit)
		if d < limit || d == limit && (best == "" || candidate < best) {
			best, limit = candidate, d
		}
	}
	return best
}

// Distance counts the insertions, deletions, replacements and swaps of neighbours that turn
// a into b.
func Distance(a, b string) int {
	from, to := []rune(a), []rune(b)
	return new(distanceRows).distance(from, to, len(from)+len(to))
}

// distanceRows are the rows of the edit distance table that are still needed, kept for the
// next pair of names.
type distanceRows [3][]int

// distance is that of [Distance]. Above limit it stops counting and returns limit+1.
func (rows *distanceRows) distance(a, b []rune, limit int) int {
	for i := range rows {
		rows[i] = slices.Grow(rows[i][:0], len(b)+1)[:len(b)+1]
	}
	before, previous, current := rows[0], rows[1], rows[2]
	for j := range previous {
		previous[j] = j
	}
	for i := 1; i <= len(a); i++ {
		current[0] = i
		least := i
		for j := 1; j <= len(b); j++ {
			replace := previous[j-1]
			if a[i-1] != b[j-1] {
				replace++
			}
			current[j] = min(replace, previous[j]+1, current[j-1]+1)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				current[j] = min(current[j], before[j-2]+1)
			}
			least = min(least, current[j])
		}
		// A swap reaches back one row more, and costs one more than it.
		if least > limit+1 {
			return limit + 1
		}
		before, previous, current = previous, current, before
	}
	return previous[len(b)]
}
