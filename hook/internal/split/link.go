package split

import (
	"regexp"
	"sync"
)

// address is one that clients make a link of by themselves.
const address = `https?://[!-~]+`

var addresses = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(address) })

// spans are links and images of Markdown, an image in a link too, and addresses.
var spans = sync.OnceValue(func() *regexp.Regexp {
	const (
		text   = `\[(?:\\.|[^\[\]\\\n]|\[[^\[\]\n]*\])*\]`
		target = `\((?:\\.|[^()\\\n]|\([^()\n]*\))*\)`
	)
	return regexp.MustCompile(`!?` + text + target + `|<[A-Za-z][A-Za-z0-9+.-]*:[^<> \t\n]*>|` + address)
})

// spanAround returns where the link or the image begins that a cut would go through, and its
// size, 0 without one. It is looked for between two borders.
func spanAround(text string, low, high, cut int, markdown bool) (begin, size int) {
	form := addresses()
	if markdown {
		form = spans()
	}
	for _, s := range form.FindAllStringIndex(text[low:high], -1) {
		if begin, end := low+s[0], low+s[1]; begin < cut && cut < end {
			return begin, end - begin
		}
	}
	return 0, 0
}
