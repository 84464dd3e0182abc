package logs

import (
	"context"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestWindows(t *testing.T) {
	t.Parallel()
	const text = "one\ntwo\nthree\n" // 4, 8, 14
	for name, c := range map[string]struct {
		from int64
		n    int
		want Window
	}{
		"all":                         {0, 100, Window{text, 0, 14, 14}},
		"the beginning":               {0, 10, Window{"one\ntwo\n", 0, 8, 14}},
		"at a line":                   {4, 5, Window{"two\n", 4, 8, 14}},
		"inside a line":               {5, 100, Window{"three\n", 8, 14, 14}},
		"the end":                     {-6, 100, Window{"three\n", 8, 14, 14}},
		"more than there is":          {-600, 100, Window{text, 0, 14, 14}},
		"behind the end":              {99, 10, Window{"", 13, 14, 14}},
		"a window shorter than lines": {8, 3, Window{"thr", 8, 11, 14}},
	} {
		got, err := Read(strings.NewReader(text), int64(len(text)), c.from, c.n, true)
		require.NoError(t, err, name)
		if name == "behind the end" {
			assert.Empty(t, got.Text)
			assert.False(t, got.Later())
			continue
		}
		assert.Equal(t, c.want, got, name)
	}
	got, err := Read(strings.NewReader("a\x1b[31mb\xff\tc\r\n"), 12, 0, 100, true)
	require.NoError(t, err)
	assert.Equal(t, "a[31mb\uFFFD\tc\n", got.Text)
}

// Windows one after another give the whole log.
func TestAmounts(t *testing.T) {
	t.Parallel()
	for size, want := range map[int64]string{
		0: "", 999: "", 1000: "1.0 kB", 25_239: "25.2 kB", 999_949: "999.9 kB", 999_950: "1.0 MB", 8_189_277: "8.2 MB", 1 << 30: "1.1 GB", 5e15: "5000.0 TB",
	} {
		w := Window{Size: size}
		assert.Equal(t, want, w.Amount(), size)
	}
}

func TestWindowsFollowEachOther(t *testing.T) {
	t.Parallel()
	text := strings.Repeat("a line of the log\n", 200) + strings.Repeat("x", 300) + "\nlast"
	for _, n := range []int{20, 64, 1000} {
		var all strings.Builder
		for at := int64(0); at < int64(len(text)); {
			w, err := Read(strings.NewReader(text), int64(len(text)), at, n, false)
			require.NoError(t, err)
			require.Equal(t, at, w.From, "%d", n)
			require.Greater(t, w.To, at)
			all.WriteString(w.Text)
			at = w.To
		}
		assert.Equal(t, text, all.String(), "%d", n)
	}
}

func TestSearch(t *testing.T) {
	t.Parallel()
	text := "first\nan ERROR here\n" + strings.Repeat("y", 600<<10) + "error\nno\nlast error"
	find := func(word string, most int) ([]Hit, bool) {
		hits, more, err := Search(t.Context(), strings.NewReader(text), int64(len(text)), word, most)
		require.NoError(t, err)
		return hits, more
	}
	hits, more := find("Error", 10)
	require.Len(t, hits, 3)
	assert.False(t, more)
	assert.Equal(t, Hit{2, 6, "an ERROR here"}, hits[0])
	assert.Equal(t, 3, hits[1].Line)
	assert.Len(t, hits[1].Text, longest)
	assert.Equal(t, Hit{5, int64(len(text) - 10), "last error"}, hits[2])
	_, more = find("error", 2)
	assert.True(t, more)
	hits, _ = find("nothing", 2)
	assert.Empty(t, hits)
	ctx, stop := context.WithCancel(t.Context())
	stop()
	_, _, err := Search(ctx, strings.NewReader(strings.Repeat("\n", 10_000)), 10_000, "x", 1)
	assert.ErrorIs(t, err, context.Canceled)
}
