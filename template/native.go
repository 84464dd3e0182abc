package template

import (
	"errors"
	"regexp"
	"strconv"
	"strings"

	"github.com/dingdag/dingdag/template/internal/pyval"
)

// A native template writes a mark for each value, so that a value that stands alone can
// be told from its text.
var marks = regexp.MustCompile("\x00([0-9]+)\x00")

// maxValues bounds the values of a native template.
const maxValues = 100_000

func (r *render) mark(v any) (any, error) {
	if len(r.values) >= maxValues {
		return nil, errors.New("a native template writes more than 100000 values")
	}
	r.values = append(r.values, v)
	return "\x00" + strconv.Itoa(len(r.values)-1) + "\x00", nil
}

// nativeValue is what native rendering makes of what was written (jinja2.nativetypes,
// native_concat), and its text.
func (r *render) nativeValue(written string) (v any, text string, err error) {
	at := marks.FindAllStringSubmatchIndex(written, -1)
	if text, err = r.plainText(written, at); err != nil {
		return nil, "", err
	}
	if written == "" {
		return nil, text, nil
	}
	if len(at) == 1 && at[0][0] == 0 && at[0][1] == len(written) {
		if v := pyval.Plain(r.marked(written, at[0])); !isText(v) {
			if _, ok := v.(pyval.Range); ok {
				return nil, "", errors.New("a range has no value here: add | list")
			}
			return v, text, nil
		}
	}
	v, err = literal(r.budget, text)
	return v, text, err
}

// plainText puts the texts of the values in the place of their marks.
func (r *render) plainText(written string, at [][]int) (string, error) {
	var text strings.Builder
	end := 0
	for _, m := range at {
		s, err := pyval.Str(r.budget, r.marked(written, m))
		if err != nil {
			return "", err
		}
		text.WriteString(written[end:m[0]] + s)
		if end = m[1]; text.Len() > r.env.opts.MaxOutput {
			return "", r.tooLong()
		}
	}
	return text.String() + written[end:], nil
}

// literal is the value of a text that is a literal of Python, else the text.
func literal(b *pyval.Budget, text string) (any, error) {
	v, ok, err := pyval.ParseLiteral(b, text)
	if err != nil || ok {
		return v, err
	}
	return text, nil
}

func isText(v any) bool {
	_, ok := v.(string)
	return ok
}

// marked is the value of a mark; a text that looks like one stands for itself.
func (r *render) marked(written string, m []int) any {
	if i, err := strconv.Atoi(written[m[2]:m[3]]); err == nil && i < len(r.values) {
		return r.values[i]
	}
	return written[m[0]:m[1]]
}
