package yamlvalue

import (
	"regexp"
	"sync"
)

// Pattern is a regular expression of the program that is compiled when it is first used: most
// commands use few. Using it panics when it is broken.
func Pattern(text string) func() *regexp.Regexp {
	return sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(text) })
}
