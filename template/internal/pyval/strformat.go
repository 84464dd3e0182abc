package pyval

import (
	"errors"
	"fmt"
	"strings"

	"github.com/cockroachdb/apd/v3"

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
	if n, ok := ParseInt(name, 10); ok {
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
	if n, ok := ParseInt(name, 10); ok {
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
	f, err := parseSpec(text)
	if err != nil {
		return "", err
	}
	if s, ok := Plain(v).(string); ok {
		return formatText(b, s, f, text)
	}
	if f.zero && f.fill == "" {
		f.fill = "0"
		if f.align == 0 {
			f.align = '='
		}
	}
	if _, ok := ToFloat(v); !ok {
		return "", fmt.Errorf("format: %q does not understand %q", TypeName(v), text)
	}
	return formatNumber(b, v, f)
}

func formatText(b *Budget, s string, f *spec, text string) (string, error) {
	if f.verb != 0 && f.verb != 's' || f.sign != 0 || f.align == '=' || f.group != "" || f.alternate {
		return "", fmt.Errorf("format: a text does not understand %q", text)
	}
	if f.precision >= 0 {
		s = firstRunes(s, f.precision)
	}
	if f.zero && f.fill == "" {
		f.fill = "0"
	}
	return f.pad(b, "", s, '<')
}

func formatNumber(b *Budget, v any, f *spec) (string, error) {
	if f.verb == 0 {
		if d, isDecimal := v.(Decimal); isDecimal {
			return formatPlainDecimal(b, d, f)
		}
		if _, isFloat := v.(float64); !isFloat {
			f.verb = 'd'
		} else if f.precision < 0 {
			return formatPlainFloat(b, v, f)
		} else {
			f.verb = 'g'
		}
	}
	switch f.verb {
	case 'd', 'x', 'X', 'o', 'b', 'e', 'E', 'f', 'F', 'g', 'G', 'n', '%':
	case 'c':
		s, err := character(v)
		if err != nil {
			return "", err
		}
		return f.pad(b, "", s, '<')
	default:
		return "", fmt.Errorf("format: unknown letter %q", f.verb)
	}
	if d, isDecimal := v.(Decimal); isDecimal && strings.IndexByte("eEgGn", f.verb) >= 0 {
		return formatDecimalDigits(b, d, f)
	}
	if f.precision >= 0 && strings.IndexByte("dxXob", f.verb) >= 0 {
		return "", errors.New("format: a whole number takes no precision")
	}
	sign, digits, err := f.number(b, v)
	if err != nil {
		return "", err
	}
	return f.pad(b, sign, digits, '>')
}

func formatPlainDecimal(b *Budget, d Decimal, f *spec) (string, error) {
	if f.precision >= 0 {
		f.verb = 'g'
		return formatDecimalDigits(b, d, f)
	}
	s := d.Str()
	sign := ""
	if rest, neg := strings.CutPrefix(s, "-"); neg {
		sign, s = "-", rest
	} else if f.sign != 0 {
		sign = string(f.sign)
	}
	f.before = len(sign)
	return f.pad(b, sign, f.grouped(s), '>')
}

// formatDecimalDigits is e and g, which keep the digits that a decimal has.
func formatDecimalDigits(b *Budget, d Decimal, f *spec) (string, error) {
	digits := int64(len(d.d.Coeff.String()))
	if f.precision >= 0 {
		digits = int64(f.precision)
		if f.verb == 'e' || f.verb == 'E' {
			digits++
		}
	}
	c := exactly
	c.Precision = uint32(max(digits, 1)) //nolint:gosec // a precision is at most 1000
	var r apd.Decimal
	if _, err := c.Round(&r, &d.d); err != nil {
		return "", fmt.Errorf("format: %w", err)
	}
	var s string
	switch f.verb {
	case 'e', 'E':
		s = r.Text(f.verb)
	default:
		s = Decimal{r}.Str()
	}
	sign := ""
	if rest, neg := strings.CutPrefix(s, "-"); neg {
		sign, s = "-", rest
	} else if f.sign != 0 {
		sign = string(f.sign)
	}
	f.before = len(sign)
	return f.pad(b, sign, f.grouped(s), '>')
}

func formatPlainFloat(b *Budget, v any, f *spec) (string, error) {
	s, err := Str(b, v)
	if err != nil {
		return "", err
	}
	sign := ""
	if rest, neg := strings.CutPrefix(s, "-"); neg {
		sign, s = "-", rest
	} else if f.sign != 0 {
		sign = string(f.sign)
	}
	f.before = len(sign)
	return f.pad(b, sign, f.grouped(s), '>')
}

func parseSpec(text string) (*spec, error) {
	f := &spec{precision: -1}
	rest := text
	if r := []rune(text); len(r) > 1 && strings.ContainsRune("<>^=", r[1]) {
		f.fill, f.align = string(r[0]), r[1]
		rest = string(r[2:])
	} else if strings.ContainsRune("<>^=", r[0]) {
		f.align, rest = r[0], string(r[1:])
	}
	for rest != "" && strings.IndexByte("+- ", rest[0]) >= 0 {
		if rest[0] != '-' {
			f.sign = rune(rest[0])
		}
		rest = rest[1:]
	}
	if after, ok := strings.CutPrefix(rest, "#"); ok {
		f.alternate, rest = true, after
	}
	f.zero = strings.HasPrefix(rest, "0")
	f.width = number(&rest)
	if rest != "" && (rest[0] == ',' || rest[0] == '_') {
		f.group, rest = rest[:1], rest[1:]
	}
	if after, ok := strings.CutPrefix(rest, "."); ok {
		rest = after
		f.precision = number(&rest)
	}
	if len(rest) == 1 {
		f.verb, rest = rest[0], ""
	}
	if rest != "" {
		return nil, fmt.Errorf("format: %q is not understood", text)
	}
	return f, nil
}
