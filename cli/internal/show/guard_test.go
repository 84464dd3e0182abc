package show_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/cli/internal/show"
	"github.com/dingdag/dingdag/connections"
)

// terminal is one that a test reads.
type terminal struct{ bytes.Buffer }

// Console implements [show.Consoler].
func (*terminal) Console() show.Console { return show.Console{Terminal: true, Width: 80} }

func TestGuard(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ text, want string }{
		"text":                 {"a\tb\n日本\r\n", "a\tb\n日本\r\n"},
		"colours":              {"\x1b[1;31mred\x1b[0m \x1b[38:5:9mx\x1b[m", "\x1b[1;31mred\x1b[0m \x1b[38:5:9mx\x1b[m"},
		"a line written over":  {"\r\x1b[Krunning", "\r\x1b[Krunning"},
		"title":                {"\x1b]0;owned\a", "^[]0;owned^G"},
		"clipboard":            {"\x1b]52;c;ZXZpbA==\x1b\\", "^[]52;c;ZXZpbA==^[\\"},
		"cursor":               {"\x1b[2Jx\x1b[1;1Hy\x1b[Az", "^[[2Jx^[[1;1Hy^[[Az"},
		"a line removed":       {"\x1b[Kx", "^[[Kx"},
		"device report":        {"\x1b[c\x1b[6n\x1b[>0q\x1bP+q544e\x1b\\", "^[[c^[[6n^[[>0q^[P+q544e^[\\"},
		"colours with a catch": {"\x1b[>4;1m\x1b[?5m", "^[[>4;1m^[[?5m"},
		"8-bit controls":       {"\u009b2J\u009d0;t\u009c \x9b2J", "<U+009B>2J<U+009D>0;t<U+009C> <9B>2J"},
		"another encoding":     {"\xc4\xe3\n", "\xc4\xe3\n"},
		"direction":            {"a\u202eb\u2066c", "a<U+202E>b<U+2066>c"},
		"backspace and return": {"safe\b\b\rx\x7f", "safe^H^H^Mx^?"},
		"reset":                {"\x1bc\x0e", "^[c^N"},
		"a colour for ever":    {"\x1b[" + strings.Repeat("1;", 40) + "mx", "^[[" + strings.Repeat("1;", 40) + "mx"},
		"no end":               {"x\x1b[31", "x^[[31"},
		"half a character":     {"x\xe6\x97", "x\xe6<97>"},
	} {
		for way, size := range map[string]int{"at once": len(c.text), "byte by byte": 1, "in threes": 3} {
			t.Run(name+" "+way, func(t *testing.T) {
				t.Parallel()
				var to terminal
				w := show.Guarded(&to)
				for rest := c.text; rest != ""; {
					n := min(size, len(rest))
					got, err := w.Write([]byte(rest[:n]))
					require.NoError(t, err)
					require.Equal(t, n, got)
					rest = rest[n:]
				}
				require.NoError(t, w.(*show.Guard).Flush())
				assert.Equal(t, c.want, to.String())
				assert.Equal(t, c.want, show.Tame(&to, c.text))
			})
		}
	}
}

// What is written is there at once, but for what may be the beginning of a sequence.
func TestGuardHoldsNothingBack(t *testing.T) {
	t.Parallel()
	var to terminal
	w := show.Guarded(&to)
	for _, step := range []struct{ write, want string }{
		{"password: ", "password: "}, {"50%\r", "50%"}, {"\x1b[K60%", "\r\x1b[K60%"}, {"\x1b[3", ""}, {"1mred", "\x1b[31mred"}, {"\xe6\x97", ""}, {"\xa5", "日"},
	} {
		to.Reset()
		_, err := w.Write([]byte(step.write))
		require.NoError(t, err)
		assert.Equal(t, step.want, to.String(), "after %q", step.write)
	}
}

// A file and a pipe get what is written as it is; what knows about a terminal still does behind a guard.
func TestGuardIsForTerminals(t *testing.T) {
	t.Parallel()
	var pipe bytes.Buffer
	assert.Same(t, &pipe, show.Guarded(&pipe))
	assert.Equal(t, "\x1b]0;t\a", show.Tame(&pipe, "\x1b]0;t\a"))
	var to terminal
	w := show.Guarded(&to)
	assert.Same(t, w, show.Guarded(w), "once is enough")
	masked := show.Mask(w, connections.NewMasker())
	for _, end := range []any{w, masked} {
		assert.Equal(t, show.Console{Terminal: true, Width: 80}, show.ConsoleOf(end))
	}
	done := show.Drawing(masked)
	_, err := w.Write([]byte("\x1b[2A"))
	require.NoError(t, err)
	done()
	done()
	_, err = w.Write([]byte("\x1b[2A"))
	require.NoError(t, err)
	assert.Equal(t, "\x1b[2A^[[2A", to.String(), "what draws moves the cursor, until it is done")
}
