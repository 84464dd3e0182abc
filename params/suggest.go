package params

import (
	"fmt"
	"slices"
)

// Nearest returns the candidate with the least edit distance to name, at most a third
// of its length, or "". Ties go to the name that sorts first.
func Nearest(name string, candidates []string) string {
	const longest = 100
	if len(name) > longest {
		return ""
	}
	best, limit := "", len([]rune(name))/3
	for _, candidate := range slices.Sorted(slices.Values(candidates)) {
		d := Distance(name, candidate)
		if d < limit || (d == limit && best == "") {
			best, limit = candidate, d
		}
	}
	return best
}

// Distance counts the insertions, deletions, replacements and swaps of neighbours that
// turn a into b.
func Distance(a, b string) int {
	from, to := []rune(a), []rune(b)
	before, previous, current := make([]int, len(to)+1), make([]int, len(to)+1), make([]int, len(to)+1)
	for j := range previous {
		previous[j] = j
	}
	for i := 1; i <= len(from); i++ {
		current[0] = i
		for j := 1; j <= len(to); j++ {
			replace := previous[j-1]
			if from[i-1] != to[j-1] {
				replace++
			}
			current[j] = min(replace, previous[j]+1, current[j-1]+1)
			if i > 1 && j > 1 && from[i-1] == to[j-2] && from[i-2] == to[j-1] {
				current[j] = min(current[j], before[j-2]+1)
			}
		}
		before, previous, current = previous, current, before
	}
	return previous[len(to)]
}

// didYouMean ends a message about an unknown name.
func didYouMean(name string, candidates []string) string {
	if near := Nearest(name, candidates); near != "" {
		return fmt.Sprintf("; did you mean %q?", near)
	}
	return ""
}
