package markup_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/dingdag/dingdag/sandbox/internal/markup"
)

func TestFormat(t *testing.T) {
	t.Parallel()
	const evil = `"><script>'&`
	inner := markup.Format(`<b>{}</b>`, evil)
	assert.Equal(t, `<b>&#34;&gt;&lt;script&gt;&#39;&amp;</b>`, inner.String())
	assert.Equal(t, `<p title="&#34;&gt;&lt;script&gt;&#39;&amp;">3 <b>&#34;&gt;&lt;script&gt;&#39;&amp;</b></p>`, markup.Format(`<p title="{}">{} {}</p>`, evil, 3, inner).String())
	assert.Equal(t, "{}", markup.Format("{}", "{}").String(), "a value has no places")
}

func TestFormatPanics(t *testing.T) {
	t.Parallel()
	assert.PanicsWithValue(t, `markup: 0 values for 1 places in "<p>{}"`, func() { markup.Format("<p>{}") })
	assert.PanicsWithValue(t, `markup: a value of type bool in "<p>{}"`, func() { markup.Format("<p>{}", true) })
}

func TestParts(t *testing.T) {
	t.Parallel()
	assert.Empty(t, markup.If(false, "<p>{}", "x").String())
	assert.Equal(t, "<p>x", markup.If(true, "<p>{}", "x").String())
	assert.Empty(t, markup.With("", "<p>{}").String())
	assert.Equal(t, "<p>&lt;", markup.With("<", "<p>{}").String())
	assert.Equal(t, "<i>1</i><i>2</i>", markup.Each([]int{1, 2}, func(i int) markup.HTML { return markup.Format("<i>{}</i>", i) }).String())
}
