package program

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"math"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/dingdag/dingdag/connections"
)

// The bounds of frames. A frame holds at least what an XCom may, in any way of writing it.
const (
	MaxFrame    = 4 << 20
	MaxProgress = 4 << 10
	MaxWait     = 7 * 24 * time.Hour
)

// Kind is what a frame says. It is the key of its JSON object.
type Kind string

// The kinds of frames. The last four end what a program says.
const (
	Log        Kind = "log"
	XCom       Kind = "xcom"
	Progress   Kind = "progress"
	Result     Kind = "result"
	Skip       Kind = "skip"
	Fail       Kind = "fail"
	Reschedule Kind = "reschedule"
)

// Ends reports whether no frame may follow.
func (k Kind) Ends() bool {
	return slices.Contains([]Kind{Result, Skip, Fail, Reschedule}, k)
}

// kinds are all kinds, with the further keys of their frames.
var kinds = map[Kind][]string{ //nolint:gochecknoglobals // a constant table
	Log: {"level"}, XCom: nil, Progress: nil, Result: nil, Skip: nil, Fail: nil, Reschedule: {"reason"},
}

const kindList = "log, xcom, progress, result, skip, fail and reschedule"

// Frame is one line of what a program says.
type Frame struct {
	// Line counts from 1.
	Line int
	Kind Kind
	// Text is what is logged, or the reason.
	Text  string
	Level slog.Level
	// Key is that of an XCom.
	Key string
	// Value is the result, an XCom or the progress.
	Value json.RawMessage
	// Wait is the time until the program is to run again.
	Wait time.Duration
}

// FrameError is a mistake of a program in what it says.
type FrameError struct {
	Line int
	Err  error
	// Half says that the output ended within the line.
	Half bool
}

func (e *FrameError) Error() string { return fmt.Sprintf("line %d of its output: %v", e.Line, e.Err) }
func (e *FrameError) Unwrap() error { return e.Err }

// errHeld says that the output was still open when nobody waited for it any longer.
var errHeld = errors.New("a process that the program left running holds its output open")

// reader reads frames, one a line.
type reader struct {
	mask *connections.Masker
	// take is given each frame. Its error ends the reading.
	take func(Frame) error
	// wrong is given each mistake. Its error ends the reading.
	wrong func(*FrameError) error

	line int
	// last is the frame after which none may follow.
	last *Frame
}

// read reads to the end.
func (r *reader) read(from io.Reader) error {
	in := bufio.NewReaderSize(from, 64<<10)
	for {
		text, err := r.next(in)
		if whole := err == nil; whole || len(bytes.TrimSpace(text)) > 0 && !errors.Is(err, os.ErrClosed) {
			if err := r.frame(text, !whole); err != nil {
				return err
			}
		}
		switch {
		case err == nil:
		case errors.Is(err, io.EOF):
			return nil
		case errors.Is(err, os.ErrClosed):
			return errHeld
		default:
			return fmt.Errorf("read its output: %w", err)
		}
	}
}

// next is a line without its end. Of one that is too long it is a part, longer than [MaxFrame].
func (r *reader) next(in *bufio.Reader) ([]byte, error) {
	var text []byte
	r.line++
	for {
		part, err := in.ReadSlice('\n')
		text = append(text, part[:min(len(part), MaxFrame+2-len(text))]...)
		if !errors.Is(err, bufio.ErrBufferFull) {
			return bytes.TrimSuffix(text, []byte("\n")), err
		}
		if len(text) > MaxFrame {
			return text, nil // nobody need see the rest
		}
	}
}

func (r *reader) frame(text []byte, atEnd bool) error {
	if len(text) > MaxFrame {
		// What follows is the rest of the line, so the reading ends here in any case.
		mistake := &FrameError{Line: r.line, Err: fmt.Errorf("it is longer than %d bytes: write large data to a file or a database and say where it is", MaxFrame)}
		return errors.Join(r.wrong(mistake), errTooLong)
	}
	if len(bytes.TrimSpace(text)) == 0 {
		return nil
	}
	f, err := parse(text)
	if err == nil && r.last != nil {
		err = fmt.Errorf("%s comes after the %s of line %d, which has to be the last frame; write logs to standard error", f.Kind, r.last.Kind, r.last.Line)
	}
	if err != nil {
		_, syntax := errors.AsType[*json.SyntaxError](err)
		half := atEnd && (syntax || errors.Is(err, io.ErrUnexpectedEOF))
		if half {
			err = errors.New("the output ends within a frame")
		}
		return r.wrong(&FrameError{Line: r.line, Half: half, Err: fmt.Errorf("%w: %s", err, r.excerpt(text))})
	}
	f.Line = r.line
	if f.Kind.Ends() {
		r.last = &f
	}
	return r.take(f)
}

// errTooLong ends the reading of an output with a line that is too long.
var errTooLong = errors.New("nothing is read behind it")

// excerpt is the beginning of a line. Secrets are masked before it is cut.
func (r *reader) excerpt(text []byte) string {
	const most = 120
	shown := r.mask.Mask(strings.ToValidUTF8(string(text), "\uFFFD"))
	if len(shown) > most {
		shown = strings.ToValidUTF8(shown[:most], "") + "…"
	}
	return shown
}

// parse reads the JSON object of a frame.
func parse(text []byte) (Frame, error) {
	var members map[string]json.RawMessage
	if err := json.Unmarshal(text, &members); err != nil {
		if syntax, ok := errors.AsType[*json.SyntaxError](err); ok {
			return Frame{}, fmt.Errorf("not JSON at column %d, %w (standard output is for frames, print to standard error)", syntax.Offset, err)
		}
		return Frame{}, errors.New("a frame is a JSON object")
	}
	kind, err := kindOf(members)
	if err != nil {
		return Frame{}, err
	}
	f := Frame{Kind: kind}
	return f, f.fill(members)
}

// kindOf finds the kind of a frame and checks its keys.
func kindOf(members map[string]json.RawMessage) (kind Kind, err error) {
	for _, name := range slices.Sorted(maps.Keys(members)) {
		if _, known := kinds[Kind(name)]; !known {
			continue
		}
		if kind != "" {
			return "", fmt.Errorf("a frame says one thing, not %s and %s: write two lines", kind, name)
		}
		kind = Kind(name)
	}
	if kind == "" {
		return "", fmt.Errorf("an unknown kind of frame: the kinds are %s", kindList)
	}
	for _, name := range slices.Sorted(maps.Keys(members)) {
		if Kind(name) != kind && !slices.Contains(kinds[kind], name) {
			return "", fmt.Errorf("unknown key %q in a frame %s", name, kind)
		}
	}
	return kind, nil
}

func (f *Frame) fill(members map[string]json.RawMessage) (err error) {
	value := members[string(f.Kind)]
	switch f.Kind {
	case Log:
		if f.Text, err = textOf("log", value); err == nil {
			f.Level, err = levelOf(members["level"])
		}
	case Skip, Fail:
		f.Text, err = textOf(string(f.Kind), value)
	case XCom:
		f.Key, f.Value, err = xcomOf(value)
	case Result:
		f.Value = value
	case Progress:
		if f.Value = value; len(value) > MaxProgress {
			err = fmt.Errorf("the progress has %d bytes, it may have %d: keep it in a file or a database and say where it is", len(value), MaxProgress)
		}
	case Reschedule:
		if f.Wait, err = waitOf(value); err == nil && members["reason"] != nil {
			f.Text, err = textOf("reason", members["reason"])
		}
	}
	return err
}

func textOf(name string, value json.RawMessage) (text string, err error) {
	if string(value) == "null" || json.Unmarshal(value, &text) != nil {
		return "", fmt.Errorf("%s has to be text", name)
	}
	return text, nil
}

func levelOf(value json.RawMessage) (slog.Level, error) {
	if value == nil {
		return slog.LevelInfo, nil
	}
	var name string
	_ = json.Unmarshal(value, &name) // what is no text is no level
	switch name {
	case "debug":
		return slog.LevelDebug, nil
	case "info":
		return slog.LevelInfo, nil
	case "warning":
		return slog.LevelWarn, nil
	case "error":
		return slog.LevelError, nil
	}
	return 0, errors.New("level has to be debug, info, warning or error")
}

func xcomOf(value json.RawMessage) (string, json.RawMessage, error) {
	var x struct {
		Key   *string         `json:"key"`
		Value json.RawMessage `json:"value"`
	}
	d := json.NewDecoder(bytes.NewReader(value))
	d.DisallowUnknownFields()
	err := d.Decode(&x)
	switch {
	case err != nil || x.Key == nil || x.Value == nil:
		return "", nil, errors.New(`xcom has to be an object with key and value, such as {"xcom": {"key": "rows", "value": 12}}`)
	case *x.Key == "":
		return "", nil, errors.New("the key of the XCom is empty")
	case *x.Key == "return_value":
		return "", nil, errors.New("the XCom return_value is the result: write a frame result")
	}
	return *x.Key, x.Value, nil
}

func waitOf(value json.RawMessage) (time.Duration, error) {
	var seconds *float64
	if json.Unmarshal(value, &seconds) != nil || seconds == nil || *seconds <= 0 || *seconds > MaxWait.Seconds() {
		return 0, fmt.Errorf("reschedule has to be a number of seconds, more than 0 and at most %.0f", MaxWait.Seconds())
	}
	return time.Duration(math.Ceil(*seconds * float64(time.Second))), nil
}
