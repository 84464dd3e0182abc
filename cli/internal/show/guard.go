package show

import (
	"fmt"
	"io"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"unicode/utf8"
)

// Guard stands before a terminal. It lets text, line ends and colours (SGR) through, and the line that is written over
// ([LiveLine]); all other escape sequences and control characters are shown instead of obeyed, as by [Harmless]. So nothing that a
// task, a service or a server has written sets titles, moves the cursor, clears the screen, fills the clipboard or has the
// terminal answer. It is safe for concurrent use.
type Guard struct {
	to      io.Writer
	drawing atomic.Int32

	mu   sync.Mutex
	held []byte // the beginning of a character or of a sequence
}

// Guarded is w behind a [Guard] when a terminal is there, and otherwise w itself.
func Guarded(w io.Writer) io.Writer {
	if _, done := w.(*Guard); done || !IsTerminal(w) {
		return w
	}
	return &Guard{to: w}
}

// passes are what a guard lets through of that which is no text: the end of a line, colours, and what begins a line anew.
var passes = regexp.MustCompile("^(?:\r\n|" + colour.String() + "|" + regexp.QuoteMeta(lineAnew) + ")")

// maxColour is how long a sequence may be, in bytes, to count as a colour.
const maxColour = 64

// Write implements [io.Writer].
func (g *Guard) Write(p []byte) (int, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.drawing.Load() > 0 {
		return g.to.Write(p)
	}
	text := string(append(g.held, p...))
	whole := len(text) - begun(text)
	g.held = []byte(text[whole:])
	if whole == 0 {
		return len(p), nil
	}
	if _, err := io.WriteString(g.to, tame(text[:whole])); err != nil {
		return 0, err
	}
	return len(p), nil
}

// Flush shows what is the beginning of something that has not come.
func (g *Guard) Flush() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if len(g.held) == 0 {
		return nil
	}
	_, err := io.WriteString(g.to, tame(string(g.held)))
	g.held = nil
	return err
}

// Drawing lets all through that is written to w until done is called: for progress lines, which move the cursor. Text of others among
// them is for [Tame].
func Drawing(w io.Writer) (done func()) {
	switch g := w.(type) {
	case *Masked:
		return Drawing(g.to)
	case *Guard:
		g.drawing.Add(1)
		return sync.OnceFunc(func() { g.drawing.Add(-1) })
	}
	return func() {}
}

// Tame is text as a [Guard] lets it through, for w; w that is no terminal gets it as it is.
func Tame(w io.Writer, text string) string {
	if !IsTerminal(w) {
		return text
	}
	return tame(text)
}

func tame(text string) string {
	if strings.IndexFunc(text, suspect) < 0 {
		return text
	}
	var b strings.Builder
	for text != "" {
		r, n := utf8.DecodeRuneInString(text)
		switch {
		case r == utf8.RuneError && n == 1:
			b.WriteString(hidden(text[0]))
		case !controls(r):
			b.WriteString(text[:n])
		default:
			if is := passes.FindString(text); is != "" && len(is) <= maxColour {
				n = len(is)
				b.WriteString(is)
			} else {
				b.WriteString(caret(r))
			}
		}
		text = text[n:]
	}
	return b.String()
}

// suspect reports whether a character may be one that a terminal obeys.
func suspect(r rune) bool { return r == utf8.RuneError || controls(r) }

// hidden is a byte that is no UTF-8: it stays, unless a terminal that expects another encoding would obey it.
func hidden(b byte) string {
	if b >= 0x80 && b < 0xa0 {
		return fmt.Sprintf("<%02X>", b)
	}
	return string([]byte{b})
}

// begun is how many bytes at the end of a text are the beginning of a character or of a sequence that may go on.
func begun(text string) int {
	last := text[max(0, len(text)-maxColour):]
	if i := strings.LastIndexByte(last, '\r'); i >= 0 && strings.HasPrefix(lineAnew, last[i:]) && last[i:] != lineAnew {
		return len(last) - i
	}
	if i := strings.LastIndexByte(last, 0x1b); i >= 0 && (i == len(last)-1 || parameters.MatchString(last[i:])) {
		return len(last) - i
	}
	for i := len(last) - 1; i >= max(0, len(last)-utf8.UTFMax); i-- {
		if utf8.RuneStart(last[i]) {
			if !utf8.FullRuneInString(last[i:]) {
				return len(last) - i
			}
			break
		}
	}
	return 0
}

// parameters is the beginning of a colour.
var parameters = regexp.MustCompile("^\x1b\\[[0-9;:]*$")
