package pyval

import (
	"errors"
	"fmt"
	"strings"

	"github.com/cockroachdb/apd/v3"

	"github.com/dingdag/dingdag/template/internal/pynum"
	"github.com/dingdag/dingdag/template/internal/pytext"
)

// Format is str.format.
func Format(b *Budget, s string, a *Args) (any, error) {
	f := &formatter{budget: b, args: a.More(), named: a.Rest()}
	if err := a.Done(); err != nil {
		return nil, err
	}
	return f.run(s, 0)
}

type formatter struct {
	budget *Budget
	args   []any
	named  *Dict
	next   int
	// numbered says that a place gave its number, so that {} cannot follow.
	numbered bool
}

// run expands the places of s. Places may hold places in their specification, one level deep.
func (f *formatter) run(s string, depth int) (string, error) {
	var out strings.Builder
	for s != "" {
		piece, rest, err := f.piece(s, depth)
		if err != nil {
			return "", err
		}
		if err := f.budget.Fits(out.Len() + len(piece)); err != nil {
			return "", err
		}
		out.WriteString(piece)
		s = rest
	}
	return out.String(), nil
}

func (f *formatter) piece(s string, depth int) (piece, rest string, err error) {
	i := strings.IndexAny(s, "{}")
	switch {
	case i < 0:
		return s, "", nil
	case i > 0:
		return s[:i], s[i:], nil
	case strings.HasPrefix(s, "{{"), strings.HasPrefix(s, "}}"):
		return s[:1], s[2:], nil
	case s[0] == '}':
		return "", "", errors.New("format: a single } (write }})")
	}
	end, open := 0, 0
	for j, r := range s {
		switch r {
		case '{':
			open++
		case '}':
			open--
		}
		if open == 0 {
			end = j
			break
		}
	}
	if end == 0 {
		return "", "", errors.New("format: a { without } (write {{)")
	}
	piece, err = f.place(s[1:end], depth)
	return piece, s[end+1:], err
}

func (f *formatter) place(s string, depth int) (string, error) {
	if depth > 1 {
		return "", errors.New("format: places are nested too deeply")
	}
	field, specText := s, ""
	if i := fieldEnd(s); i >= 0 {
		field, specText = s[:i], s[i:]
	}
	v, err := f.field(field)
	if err != nil {
		return "", err
	}
	if conv, ok := strings.CutPrefix(specText, "!"); ok {
		var text string
		switch {
		case strings.HasPrefix(conv, "s"):
			text, err = Str(f.budget, v)
		case strings.HasPrefix(conv, "r"), strings.HasPrefix(conv, "a"):
			text, err = Repr(f.budget, v)
			if conv[0] == 'a' {
				text = pytext.ASCII(text)
			}
		default:
			err = fmt.Errorf("format: unknown conversion in {%s}", s)
		}
		if err != nil {
			return "", err
		}
		v, specText = text, conv[1:]
	}
	if specText != "" && specText[0] != ':' {
		return "", fmt.Errorf("format: {%s} is not understood", s)
	}
	specText, err = f.run(strings.TrimPrefix(specText, ":"), depth+1)
	if err != nil {
		return "", err
	}
	return FormatValue(f.budget, v, specText)
}

// fieldEnd finds the ! or : that ends the field name, outside brackets.
func fieldEnd(s string) int {
	in := false
	for i, r := range s {
		switch {
		case r == '[':
			in = true
		case r == ']':
			in = false
		case !in && (r == '!' || r == ':'):
			return i
		}
	}
	return -1
}

// field looks up a name such as 0, name, name.attr or name[key].
func (f *formatter) field(s string) (any, error) {
	end := strings.IndexAny(s, ".[")
	if end < 0 {
		end = len(s)
	}
	v, err := f.argument(s[:end])
	if err != nil {
		return nil, err
	}
	for rest := s[end:]; rest != ""; {
		var name string
		var isItem bool
		if isItem = rest[0] == '['; isItem {
			var found bool
			if name, rest, found = strings.Cut(rest[1:], "]"); !found {
				return nil, fmt.Errorf("format: missing ] in {%s}", s)
			}
		} else {
			rest = strings.TrimPrefix(rest, ".")
			n := strings.IndexAny(rest, ".[")
			if n < 0 {
				n = len(rest)
			}
			name, rest = rest[:n], rest[n:]
		}
		if v, err = f.step(v, name, isItem); err != nil {
			return nil, err
		}
		if IsUndefined(v) {
			return nil, fmt.Errorf("format: {%s} is undefined", s)
		}
	}
	return v, nil
}

func (f *formatter) step(v any, name string, isItem bool) (any, error) {
	if name == "" || strings.HasPrefix(name, "__") {
		return nil, fmt.Errorf("format: the name %q is not allowed", name)
	}
	if !isItem {
		return Attr(v, name)
	}
	if n, ok := pynum.ParseInt(name, 10); ok {
		return Item(f.budget, v, n)
	}
	return Item(f.budget, v, name)
}

func (f *formatter) argument(name string) (any, error) {
	if name == "" {
		if f.numbered {
			return nil, errors.New("format: {} cannot follow {0}")
		}
		f.next++
		if f.next > len(f.args) {
			return nil, errors.New("format has fewer values than the text has places")
		}
		return f.args[f.next-1], nil
	}
	if n, ok := pynum.ParseInt(name, 10); ok {
		if f.next > 0 {
			return nil, errors.New("format: {0} cannot follow {}")
		}
		f.numbered = true
		i, small := n.(int64)
		if !small || i < 0 || i >= int64(len(f.args)) {
			return nil, fmt.Errorf("format: there is no value {%s}", name)
		}
		return f.args[i], nil
	}
	if v, ok := f.named.Get(name); ok {
		return v, nil
	}
	return nil, fmt.Errorf("format: there is no value {%s}", name)
}

// FormatValue is format(v, spec).
func FormatValue(b *Budget, v any, text string) (string, error) {
	if text == "" {
		return Str(b, v)
	}
	if t, ok := v.(Formatted); ok {
		return t.FormatSpec(text)
	}
	f, err := pynum.ParseFormat(text)
	if err != nil {
		return "", err
	}
	if s, ok := Plain(v).(string); ok {
		return formatText(b, s, f, text)
	}
	if f.Zero && f.Fill == "" {
		f.Fill = "0"
		if f.Align == 0 {
			f.Align = '='
		}
	}
	if _, ok := ToFloat(v); !ok {
		return "", fmt.Errorf("format: %q does not understand %q", TypeName(v), text)
	}
	return formatNumber(b, v, f)
}

func formatText(b *Budget, s string, f *pynum.Format, text string) (string, error) {
	if f.Verb != 0 && f.Verb != 's' || f.Sign != 0 || f.Align == '=' || f.Group != "" || f.Alternate {
		return "", fmt.Errorf("format: a text does not understand %q", text)
	}
	if f.Precision >= 0 {
		s = firstRunes(s, f.Precision)
	}
	if f.Zero && f.Fill == "" {
		f.Fill = "0"
	}
	return padded(b, f, "", s, '<')
}

func formatNumber(b *Budget, v any, f *pynum.Format) (string, error) {
	if f.Verb == 0 {
		if d, isDecimal := v.(Decimal); isDecimal {
			return formatPlainDecimal(b, d, f)
		}
		if _, isFloat := v.(float64); !isFloat {
			f.Verb = 'd'
		} else if f.Precision < 0 {
			return formatPlainFloat(b, v, f)
		} else {
			f.Verb = 'g'
		}
	}
	switch f.Verb {
	case 'd', 'x', 'X', 'o', 'b', 'e', 'E', 'f', 'F', 'g', 'G', 'n', '%':
	case 'c':
		s, err := character(v)
		if err != nil {
			return "", err
		}
		return padded(b, f, "", s, '<')
	default:
		return "", fmt.Errorf("format: unknown letter %q", f.Verb)
	}
	if d, isDecimal := v.(Decimal); isDecimal && strings.IndexByte("eEgGn", f.Verb) >= 0 {
		return formatDecimalDigits(b, d, f)
	}
	if f.Precision >= 0 && strings.IndexByte("dxXob", f.Verb) >= 0 {
		return "", errors.New("format: a whole number takes no precision")
	}
	sign, digits, err := formatted(b, f, v)
	if err != nil {
		return "", err
	}
	return padded(b, f, sign, digits, '>')
}

func formatPlainDecimal(b *Budget, d Decimal, f *pynum.Format) (string, error) {
	if f.Precision >= 0 {
		f.Verb = 'g'
		return formatDecimalDigits(b, d, f)
	}
	return paddedNumber(b, f, d.Str())
}

// formatDecimalDigits is e and g, which keep the digits that a decimal has.
func formatDecimalDigits(b *Budget, d Decimal, f *pynum.Format) (string, error) {
	digits := int64(len(d.d.Coeff.String()))
	if f.Precision >= 0 {
		digits = int64(f.Precision)
		if f.Verb == 'e' || f.Verb == 'E' {
			digits++
		}
	}
	c := exactly
	c.Precision = uint32(max(digits, 1)) //nolint:gosec // a precision is at most 1000
	var r apd.Decimal
	if _, err := c.Round(&r, &d.d); err != nil {
		return "", fmt.Errorf("format: %w", err)
	}
	if f.Verb == 'e' || f.Verb == 'E' {
		return paddedNumber(b, f, r.Text(f.Verb))
	}
	return paddedNumber(b, f, Decimal{r}.Str())
}

func formatPlainFloat(b *Budget, v any, f *pynum.Format) (string, error) {
	s, err := Str(b, v)
	if err != nil {
		return "", err
	}
	return paddedNumber(b, f, s)
}
