package runs

import (
	"bufio"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/dingdag/dingdag/web/rest"
)

// The types of an answer with a log.
const (
	typeJSON  = "application/json"
	typeLines = "application/x-ndjson"
)

// logType chooses by the beginning of the header Accept, as Airflow does.
func logType(accept string) (string, error) {
	switch {
	case accept == "", strings.HasPrefix(accept, "*/*"), strings.HasPrefix(accept, typeJSON):
		return typeJSON, nil
	case strings.HasPrefix(accept, typeLines):
		return typeLines, nil
	default:
		return "", rest.Errorf(http.StatusNotAcceptable, "Only application/json or application/x-ndjson is supported")
	}
}

// position is the offset in a log that a token has.
func position(token string) (int64, error) {
	if token == "" {
		return 0, nil
	}
	b, err := base64.RawURLEncoding.DecodeString(token)
	text, ok := strings.CutPrefix(string(b), "offset ")
	n, nerr := strconv.ParseInt(text, 10, 64)
	if err != nil || !ok || nerr != nil || n < 0 {
		return 0, rest.BadRequest("Bad Signature. Please use only the tokens provided by the API.")
	}
	return n, nil
}

func tokenOf(n int64) string {
	return base64.RawURLEncoding.EncodeToString([]byte("offset " + strconv.FormatInt(n, 10)))
}

func (c *calls) log(ctx context.Context, in *struct {
	namedTask

	Try      int    `path:"try_number" minimum:"0"`
	MapIndex int    `query:"map_index" default:"-1"`
	Full     bool   `query:"full_content" default:"false"`
	Token    string `query:"token"`
	Accept   string `header:"Accept"`
},
) (*rest.Raw, error) {
	kind, err := logType(in.Accept)
	if err != nil {
		return nil, err
	}
	from, err := position(in.Token)
	if err != nil {
		return nil, err
	}
	found, err := c.browse.Log(ctx, in.DAGID, in.DagRunID, in.TaskID, in.MapIndex, in.Try)
	if err != nil {
		return nil, err
	}
	if found.Size < from {
		return nil, errors.Join(rest.BadRequest("Bad Signature. Please use only the tokens provided by the API."), found.Close())
	}
	if from > 0 {
		if _, err := found.Seek(from, io.SeekStart); err != nil {
			return nil, errors.Join(err, found.Close())
		}
	}
	end := found.Size
	if !found.Complete { // what is not a whole line yet comes with the next answer
		if end, err = found.LastLine(from); err != nil {
			return nil, errors.Join(err, found.Close())
		}
	}
	token := ""
	if !found.Complete {
		token = tokenOf(end)
	}
	return &rest.Raw{Write: func(w http.ResponseWriter) {
		defer func() { _ = found.Close() }() // it was only read
		w.Header().Set("Content-Type", kind)
		if token != "" && kind == typeLines {
			w.Header().Set("Airflow-Continuation-Token", token)
		}
		w.WriteHeader(http.StatusOK)
		_ = writeLog(w, kind, found.Source, io.LimitReader(found, end-from), from == 0, token, c.clock) // nobody is left to tell
	}}, nil
}

// LogLine is a line of a log.
type LogLine struct {
	Event     string   `json:"event"`
	Timestamp string   `json:"timestamp,omitempty"`
	Level     string   `json:"level,omitempty"`
	Sources   []string `json:"sources,omitempty"`
}

var linePattern = regexp.MustCompile(`^\[(\d{4}-\d\d-\d\dT[0-9:.]+Z)\] ([A-Z]+) - (.*)$`)

// lineOf reads a line; one that goes on the line before has a text alone.
func lineOf(text string) LogLine {
	m := linePattern.FindStringSubmatch(text)
	if m == nil {
		return LogLine{Event: text}
	}
	l := LogLine{Event: m[3], Level: strings.ToLower(m[2])}
	if t, err := time.Parse(time.RFC3339Nano, m[1]); err == nil {
		l.Timestamp = rest.At(t).String()
	}
	return l
}

// slowLine is how long a reader may take for one piece of an answer.
const slowLine = 30 * time.Second

// writeLog writes the lines as they are read: a log may be longer than the memory.
func writeLog(w http.ResponseWriter, kind, source string, log io.Reader, head bool, token string, clock func() time.Time) error {
	out := bufio.NewWriterSize(w, 64<<10)
	control := http.NewResponseController(w)
	first := true
	put := func(l LogLine) error {
		b, err := json.Marshal(l)
		if err != nil {
			return err
		}
		switch {
		case kind == typeLines:
			b = append(b, '\n')
		case !first:
			b = append([]byte{','}, b...)
		}
		first = false
		if out.Available() < len(b) {
			// Where no deadline can be set, the server's own holds.
			if err := control.SetWriteDeadline(clock().Add(slowLine)); err != nil && !errors.Is(err, http.ErrNotSupported) {
				return err
			}
		}
		_, err = out.Write(b)
		return err
	}
	if kind == typeJSON {
		if _, err := out.WriteString(`{"content":[`); err != nil {
			return err
		}
	}
	if head {
		for _, l := range []LogLine{{Event: "::group::Log message source details", Sources: []string{source}}, {Event: "::endgroup::"}} {
			if err := put(l); err != nil {
				return err
			}
		}
	}
	if err := eachLine(log, func(text string) error { return put(lineOf(text)) }); err != nil {
		return err
	}
	if kind == typeJSON {
		b, err := json.Marshal(map[string]*string{"continuation_token": optional(token)})
		if err != nil {
			return err
		}
		if _, err := out.WriteString("]," + string(b[1:])); err != nil {
			return err
		}
	}
	return out.Flush()
}

// longestLine is how many bytes of a line are read at once. What is longer comes in pieces.
const longestLine = 64 << 10

// eachLine hands on the lines of a log, without their ends.
func eachLine(log io.Reader, use func(string) error) error {
	lines := bufio.NewReaderSize(log, longestLine)
	rest := "" // the beginning of a character at the end of a piece
	for {
		b, err := lines.ReadSlice('\n')
		text := rest + string(b)
		rest = ""
		whole := !errors.Is(err, bufio.ErrBufferFull)
		if whole {
			text = strings.TrimRight(text, "\r\n")
		} else if i := cutRune(text); i < len(text) {
			text, rest = text[:i], text[i:]
		}
		if len(b) > 0 {
			if uerr := use(text); uerr != nil {
				return uerr
			}
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil && whole {
			return err
		}
	}
}

// cutRune is how much of a text is whole characters: all of it, but for one at its end that lacks bytes.
func cutRune(text string) int {
	for i := len(text) - 1; i >= max(0, len(text)-utf8.UTFMax); i-- {
		if utf8.RuneStart(text[i]) {
			if utf8.FullRuneInString(text[i:]) {
				return len(text)
			}
			return i
		}
	}
	return len(text)
}

func optional(text string) *string {
	if text == "" {
		return nil
	}
	return &text
}
