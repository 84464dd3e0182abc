package standard

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"strings"
	"sync"
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/simplifiedchinese"
)

const (
	maxLogLine  = 16 << 10 // longer lines are split in the log
	maxResult   = 1 << 20  // a longer last line is no result
	tailLines   = 5
	maxTailLine = 300
)

// output takes the lines of a command's standard output and standard error: it logs
// them, keeps the last ones for an error, and the last of standard output as result.
type output struct {
	ctx    context.Context //nolint:containedctx // of one run of one command, for its log lines
	log    *slog.Logger
	decode func([]byte) string

	mu   sync.Mutex
	last []string

	// current grows while the parts of a long line arrive; complete is the last whole line.
	current, complete []byte
}

func newOutput(ctx context.Context, log *slog.Logger, decode func([]byte) string) *output {
	return &output{ctx: ctx, log: log, decode: decode}
}

// result is the last line of standard output without trailing space.
func (o *output) result() string {
	if len(o.complete) > maxResult {
		o.log.WarnContext(o.ctx, "the last line of the output is too long and is not kept as result", "max_bytes", maxResult)
		return ""
	}
	return strings.TrimRight(o.decode(o.complete), " \t\r\n\v\f")
}

// tail is the end of an error message: the last lines of both outputs.
func (o *output) tail() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.last) == 0 {
		return ""
	}
	return "; its last lines:\n" + strings.Join(o.last, "\n")
}

// line takes one line, or a part of one that is too long for the log.
func (o *output) line(raw []byte) {
	text := strings.TrimSuffix(o.decode(raw), "\r")
	o.log.InfoContext(o.ctx, text) //nolint:sloglint // the line is the message
	if strings.TrimSpace(text) == "" {
		return
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.last) == tailLines {
		o.last = append(o.last[:0], o.last[1:]...)
	}
	o.last = append(o.last, shorten(text))
}

func shorten(text string) string {
	if len(text) <= maxTailLine {
		return text
	}
	return strings.ToValidUTF8(text[:maxTailLine], "") + "…"
}

// keep remembers a part of a line of standard output.
func (o *output) keep(part []byte, whole bool) {
	if len(o.current) <= maxResult {
		o.current = append(o.current, part...)
	}
	if whole {
		o.complete, o.current = o.current, o.complete[:0]
	}
}

// lineReader cuts one of the outputs into lines.
type lineReader struct {
	out    *output
	stdout bool
}

func (o *output) reader(stdout bool) *lineReader { return &lineReader{out: o, stdout: stdout} }

// copy reads until the end, or until the reader is closed.
func (l *lineReader) copy(r io.Reader) {
	buffer := make([]byte, 0, maxLogLine)
	for {
		n, err := r.Read(buffer[len(buffer):cap(buffer)])
		buffer = l.cut(buffer[:len(buffer)+n])
		if err != nil { // the end of the pipe, however it came
			if len(buffer) > 0 {
				l.emit(buffer, true)
			}
			return
		}
	}
}

// cut emits the whole lines of buffer and returns the rest, moved to its start.
func (l *lineReader) cut(buffer []byte) []byte {
	rest := buffer
	for {
		i := bytes.IndexByte(rest, '\n')
		if i < 0 {
			break
		}
		l.emit(rest[:i], true)
		rest = rest[i+1:]
	}
	if len(rest) == cap(buffer) {
		part := wholeRunes(rest)
		l.emit(part, false)
		rest = rest[len(part):]
	}
	return buffer[:copy(buffer, rest)]
}

func (l *lineReader) emit(line []byte, whole bool) {
	l.out.line(line)
	if l.stdout {
		l.out.keep(line, whole)
	}
}

// wholeRunes is text without the beginning of a UTF-8 character at its end.
func wholeRunes(text []byte) []byte {
	for cut := len(text) - 1; cut >= len(text)-utf8.UTFMax; cut-- {
		if utf8.RuneStart(text[cut]) {
			if !utf8.FullRune(text[cut:]) {
				return text[:cut]
			}
			break
		}
	}
	return text
}

// decoderOf returns what turns bytes of an encoding into text. Bytes that do not fit
// become U+FFFD.
func decoderOf(name string) func([]byte) string {
	var charset encoding.Encoding
	switch name {
	case "gbk":
		charset = simplifiedchinese.GBK
	case "gb18030":
		charset = simplifiedchinese.GB18030
	case "latin-1":
		charset = charmap.ISO8859_1
	default: // ASCII is UTF-8
		return func(raw []byte) string { return strings.ToValidUTF8(string(raw), "\uFFFD") }
	}
	return func(raw []byte) string {
		text, err := charset.NewDecoder().Bytes(raw)
		if err != nil {
			return strings.ToValidUTF8(string(raw), "\uFFFD")
		}
		return string(text)
	}
}
