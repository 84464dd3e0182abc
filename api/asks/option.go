package asks

import "strings"

// option is the option that a word means: the one called so, or the only one that differs from it in
// upper and lower case alone.
func (a *Ask) option(word string) string {
	var same []string
	for _, o := range a.Options {
		if o == word {
			return o
		}
		if strings.EqualFold(o, word) {
			same = append(same, o)
		}
	}
	if len(same) == 1 {
		return same[0]
	}
	return word
}
