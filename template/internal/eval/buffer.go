package eval

import (
	"errors"
	"fmt"
	"strings"

	"github.com/dingdag/dingdag/template/internal/pyconv"
	"github.com/dingdag/dingdag/template/internal/pyval"
)

// buffer takes what is written: text, or with native rendering values.
type buffer struct {
	written strings.Builder
	pieces  []any
	size    int
}

func (b *buffer) text(s string, native bool) {
	b.size += len(s)
	if native {
		b.pieces = append(b.pieces, s)
		return
	}
	b.written.WriteString(s)
}

// maxPieces bounds the values of a native template.
const maxPieces = 100_000

// value writes a value with native rendering.
func (x *exec) value(v any) error {
	if len(x.out.pieces) >= maxPieces {
		return fmt.Errorf("a native template writes more than %d values", maxPieces)
	}
	if s, ok := v.(string); ok {
		return x.text(s)
	}
	x.out.pieces = append(x.out.pieces, v)
	return nil
}

// capture runs something and returns what it writes.
func (x *exec) capture(run func() error) (any, error) {
	outer := x.out
	x.out = &buffer{}
	err := run()
	inner := x.out
	x.out = outer
	if err != nil {
		return nil, err
	}
	if x.values {
		v, _, err := x.native(inner.pieces)
		return v, err
	}
	return inner.written.String(), nil
}

// native is what native rendering makes of what was written (native_concat), and its text.
func (x *exec) native(pieces []any) (v any, text string, err error) {
	if text, err = x.textOf(pieces); err != nil {
		return nil, "", err
	}
	switch len(pieces) {
	case 0:
		return nil, "", nil
	case 1:
		v := pyval.Plain(pieces[0])
		if _, ok := v.(pyval.Range); ok {
			return nil, "", errors.New("a range has no value here: add | list")
		}
		if _, isText := v.(string); !isText {
			return v, text, nil
		}
	}
	v, err = Literal(x.Budget, text)
	return v, text, err
}

func (x *exec) textOf(pieces []any) (string, error) {
	var text strings.Builder
	for _, p := range pieces {
		s, err := pyval.Str(x.Budget, p)
		if err != nil {
			return "", err
		}
		if text.WriteString(s); text.Len() > x.MaxOutput {
			return "", x.tooLong()
		}
	}
	return text.String(), nil
}

// Literal is the value of a text that is a literal of Python, else the text.
func Literal(b *pyval.Budget, text string) (any, error) {
	v, ok, err := pyconv.ParseLiteral(b, text)
	if err != nil || ok {
		return v, err
	}
	return text, nil
}
