package process

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/simplifiedchinese"
	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/transform"

	"github.com/dingdag/dingdag/connections"
	"github.com/dingdag/dingdag/operator"
)

const (
	maxLogLine  = 16 << 10 // longer lines are split in the log
	maxResult   = 1 << 20  // a longer last line is no result
	tailLines   = 5
	maxTailLine = 300
)

// Output takes the lines of a command's standard output and standard error: it logs
// them, keeps the last ones for an error, and the last of standard output as result.
type Output struct {
	ctx      context.Context //nolint:containedctx // of one run of one command, for its log lines
	log      *slog.Logger
	mask     *connections.Masker
	encoding encoding.Encoding

	mu   sync.Mutex
	last []string

	// current grows while the parts of a long line arrive; complete is the last whole line.
	current, complete []byte
}

// NewOutput logs to the log of tc. The encoding is that of output_encoding of the operator bash;
// one that is not known is UTF-8.
func NewOutput(ctx context.Context, tc *operator.TaskContext, encoding string) *Output {
	return &Output{ctx: ctx, log: tc.Log, mask: maskerOf(tc), encoding: encodingOf(encoding)}
}

// maskerOf is the masker of a task, or one that knows nothing.
func maskerOf(tc *operator.TaskContext) *connections.Masker {
	if tc.Masker == nil {
		return connections.NewMasker()
	}
	return tc.Masker
}

// Result is the last line of standard output without trailing space.
func (o *Output) Result() string {
	if len(o.complete) > maxResult {
		o.log.WarnContext(o.ctx, "the last line of the output is too long and is not kept as result", "max_bytes", maxResult)
		return ""
	}
	return strings.TrimRight(string(o.complete), " \t\r\n\v\f")
}

// Tail is the end of an error message: the last lines of both outputs.
func (o *Output) Tail() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.last) == 0 {
		return ""
	}
	return "; its last lines:\n" + strings.Join(o.last, "\n")
}

// line takes one line, or a part of one that is too long for the log. Secrets are masked
// before anything is cut off: what is left of one would not be known.
func (o *Output) line(raw []byte) {
	text := o.mask.Mask(strings.TrimSuffix(string(raw), "\r"))
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
func (o *Output) keep(part []byte, whole bool) {
	if len(o.current) <= maxResult {
		o.current = append(o.current, part...)
	}
	if whole {
		o.complete, o.current = o.current, o.complete[:0]
	}
}

// lineReader cuts one of the outputs into lines.
type lineReader struct {
	out    *Output
	stdout bool
}

func (o *Output) reader(stdout bool) *lineReader { return &lineReader{out: o, stdout: stdout} }

// copy reads until the end, or until the reader is closed.
func (l *lineReader) copy(r io.Reader) {
	text := transform.NewReader(r, l.out.encoding.NewDecoder())
	buffer := make([]byte, 0, maxLogLine)
	for {
		n, err := text.Read(buffer[len(buffer):cap(buffer)])
		buffer = l.cut(buffer[:len(buffer)+n])
		if err != nil { // the end of the pipe, however it came
			if len(buffer) > 0 {
				l.emit(buffer, true)
			}
			return
		}
	}
}

// cut emits the whole lines of buffer, and a part of a line that fills it, and returns the
// rest, moved to its start. There is room in what it returns.
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
		part = part[:l.out.mask.SafeCut(string(part))]
		if len(part) == 0 { // a secret may have begun that is longer than the buffer
			return slices.Grow(buffer, maxLogLine)
		}
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

// encodingOf returns an encoding by its name. Bytes that do not fit it become U+FFFD.
func encodingOf(name string) encoding.Encoding {
	switch name {
	case "gbk":
		return simplifiedchinese.GBK
	case "gb18030":
		return simplifiedchinese.GB18030
	case "latin-1":
		return charmap.ISO8859_1
	default: // ASCII is UTF-8
		return unicode.UTF8
	}
}
