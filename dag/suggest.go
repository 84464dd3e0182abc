package dag

import (
	"fmt"
	"iter"
	"slices"
)

// didYouMean returns "; did you mean …?" for the name nearest to the given one, or "".
func didYouMean(name string, known iter.Seq[string]) string {
	if near := nearest(name, known); near != "" {
		return fmt.Sprintf("; did you mean %q?", near)
	}
	return ""
}

// nearest returns the known name with the least edit distance, at most a third of the
// length of name, or "". Ties go to the name that sorts first.
func nearest(name string, known iter.Seq[string]) string {
	a := []rune(name)
	if len(a) > 100 {
		return ""
	}
	best, limit := "", len(a)/3
	if limit == 0 {
		return ""
	}
	var rows distanceRows
	for candidate := range known {
		b := []rune(candidate)
		if len(b) > len(a)+limit || len(a) > len(b)+limit {
			continue
		}
		d := rows.distance(a, b, limit)
		if d < limit || (d == limit && d > 0 && (best == "" || candidate < best)) {
			best, limit = candidate, d
		}
	}
	return best
}

// distanceRows are the rows of the edit distance table that are still needed, kept for
// the next pair of names.
type distanceRows [3][]int

// distance counts insertions, deletions, replacements and swaps of neighbours between
// a and b. Above limit it stops counting and returns limit+1.
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
