package draw_test

import (
	"fmt"
	"html"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/dingdag/dingdag/web/pages/draw"
)

// Text never becomes markup, neither between elements nor in an attribute.
func TestTextIsNoMarkup(t *testing.T) {
	t.Parallel()
	w := &draw.Writer{}
	w.Raw(`<a title="`).Text(`"><script>'&amp;`).Raw(`">`).Text("日报 & \x00").Raw(`</a>`)
	assert.Equal(t, `<a title="&#34;&gt;&lt;script&gt;&#39;&amp;amp;">日报 &amp; `+"\uFFFD"+`</a>`, w.Done().String())
	assert.Equal(t, `"><script>'&amp;`, html.UnescapeString("&#34;&gt;&lt;script&gt;&#39;&amp;amp;"))
}

// What is wrong comes first in a sum, whatever the order of a map, and a state that nobody knows is none.
func TestSums(t *testing.T) {
	t.Parallel()
	n := map[string]int{"success": 3, "failed": 2, "none": 1, "odd": 7}
	assert.Equal(t, "2 ✕  3 ✓  1", draw.Signs(n))
	assert.Equal(t, "2 failed, 3 success, 1 none", draw.Sum(n, ", ", func(n int, state string) string { return fmt.Sprint(n, " ", state) }))
	assert.Empty(t, draw.Signs(nil))
	assert.Equal(t, "none", draw.Known("odd"))
	assert.Equal(t, "✕", draw.Sign("failed"))
	for _, s := range draw.States() {
		assert.Equal(t, s, draw.Known(s))
		assert.NotEmpty(t, draw.Sign(s), s)
	}
}
