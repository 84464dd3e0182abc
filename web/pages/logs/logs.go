// Package logs reads pieces of logs, whose size may be anything: no more than a window is ever held.
package logs

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// Text is a log as it lies in its file.
type Text interface {
	io.ReaderAt
}

// Window is a piece of a log.
type Window struct {
	// Text are whole lines, but where one is longer than the window.
	Text string
	// From and To are where it begins and ends, in bytes. Size is how long the log is.
	From, To, Size int64
}

// Earlier reports whether there is more before it.
func (w *Window) Earlier() bool { return w.From > 0 }

// Later reports whether there is more behind it.
func (w *Window) Later() bool { return w.To < w.Size }

// Amount is how long the log is in a unit that suits it, such as "8.2 MB"; empty for less than a kilobyte.
func (w *Window) Amount() string {
	const units = "kMGT"
	n := float64(w.Size) / 1000
	if n < 1 {
		return ""
	}
	unit := 0
	for ; n >= 999.95 && unit < len(units)-1; unit++ { // what would be printed as 1000.0
		n /= 1000
	}
	return fmt.Sprintf("%.1f %cB", n, units[unit])
}

// Read reads at most n bytes of a log of a size from a place on. A negative place is that long before the end. A line that
// is cut off at the end of the window, unless the log ends there, is left out, and so is one that is cut off at its beginning if
// only whole lines are wanted.
func Read(t Text, size, from int64, n int, whole bool) (Window, error) {
	if from < 0 {
		from += size
	}
	from = min(max(from, 0), size)
	begin := max(from-1, 0) // whether a line begins there is told by what is before
	buf := make([]byte, min(int64(n)+from-begin, size-begin))
	got, err := t.ReadAt(buf, begin)
	if err != nil && !errors.Is(err, io.EOF) {
		return Window{}, err
	}
	buf = buf[:got]
	w := Window{From: begin, To: begin + int64(got), Size: size}
	if from > begin && len(buf) > 0 {
		if i := bytes.IndexByte(buf, '\n'); whole && i >= 0 && i+1 < len(buf) {
			buf, w.From = buf[i+1:], w.From+int64(i)+1
		} else {
			buf, w.From = buf[1:], from
		}
	}
	if w.To < size {
		if i := bytes.LastIndexByte(buf, '\n'); i >= 0 {
			w.To -= int64(len(buf) - i - 1)
			buf = buf[:i+1]
		}
	}
	w.Text = clean(buf)
	return w, nil
}

// clean makes a text of bytes that may be anything: what is not UTF-8, or would move the cursor of a terminal, shows as such.
func clean(b []byte) string {
	text := strings.ToValidUTF8(string(b), string(utf8.RuneError))
	return strings.Map(func(r rune) rune {
		if r < ' ' && r != '\n' && r != '\t' {
			return -1
		}
		return r
	}, text)
}

// Hit is a line in which something was found.
type Hit struct {
	// Line is its number from 1, At where it begins, in bytes.
	Line int
	At   int64
	Text string
}

const (
	// longest is how much of a line a hit has.
	longest = 1 << 10
	// look is how often a search looks whether anybody still waits for it, in lines.
	look = 4096
)

// Search finds the lines that have a text, in whatever case, at most so many: more says that there are others. It ends
// with ctx.
func Search(ctx context.Context, t Text, size int64, text string, most int) (hits []Hit, more bool, err error) {
	want := bytes.ToLower([]byte(text))
	r := bufio.NewReaderSize(io.NewSectionReader(t, 0, size), 256<<10)
	for at, n := int64(0), 1; ; n++ {
		if n%look == 0 && ctx.Err() != nil {
			return nil, false, context.Cause(ctx)
		}
		begin, found := at, false
		var shown []byte
		for {
			piece, rerr := r.ReadSlice('\n')
			at += int64(len(piece))
			found = found || bytes.Contains(bytes.ToLower(piece), want)
			if len(shown) < longest {
				shown = append(shown, piece[:min(len(piece), longest-len(shown))]...)
			}
			if errors.Is(rerr, bufio.ErrBufferFull) {
				continue // the rest of a very long line
			}
			if err = rerr; err == nil || errors.Is(err, io.EOF) {
				break
			}
			return nil, false, err
		}
		if found {
			if len(hits) == most {
				return hits, true, nil
			}
			hits = append(hits, Hit{n, begin, clean(bytes.TrimRight(shown, "\r\n"))})
		}
		if err != nil { // the end
			return hits, false, nil //nolint:nilerr // it is the end
		}
	}
}
