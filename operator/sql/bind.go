package sql

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"math/big"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgtype"

	"github.com/dingdag/dingdag/yamlvalue"
)

// parameters are the values for the placeholders of statements that belong together.
type parameters struct {
	// given is false for null, and for empty ones as in Airflow; then placeholders stay what they are.
	given  bool
	list   []any
	byName map[string]any
	// used is how many of the list have found their placeholder.
	used int
}

// readParameters takes a list, a mapping, either of them as JSON text, or null.
func readParameters(value any) (*parameters, error) {
	if text, ok := value.(string); ok {
		decoder := json.NewDecoder(strings.NewReader(text))
		decoder.UseNumber()
		value = nil
		if err := decoder.Decode(&value); err != nil || value == nil || decoder.More() {
			return nil, errors.New("parameters must be a list or a mapping, or a template that gives one of them as JSON")
		}
	}
	switch v := value.(type) {
	case nil:
		return &parameters{}, nil
	case []any:
		return &parameters{given: len(v) > 0, list: v}, nil
	case map[string]any:
		return &parameters{given: len(v) > 0, byName: v}, nil
	default:
		return nil, fmt.Errorf("parameters must be a list or a mapping, not %T", value)
	}
}

// finish reports elements of the list that have found no placeholder.
func (p *parameters) finish(d dialect) error {
	if p.used < len(p.list) {
		return fmt.Errorf("the SQL has %d placeholders %s outside of quotes, but parameters has %d elements",
			p.used, d.marks()[0], len(p.list))
	}
	return nil
}

// marks are how a placeholder is written: for a list and for a mapping.
func (d dialect) marks() [2]string {
	if d == sqlite {
		return [2]string{"?", ":name"}
	}
	return [2]string{"%s", "%(name)s"}
}

// bound is a statement as the driver takes it.
type bound struct {
	text string
	args []any
}

// bind turns Airflow's placeholders into those of the driver, and the parameters into
// what it binds to them. With parameters, %% stands for a percent sign in PostgreSQL
// and MySQL, as it does in Airflow.
func (p *parameters) bind(d dialect, statement string) (bound, error) {
	if !p.given {
		return bound{text: statement}, nil
	}
	l := &lexer{dialect: d, text: statement}
	var text strings.Builder
	var b bound
	for {
		piece, ok, err := l.next()
		switch {
		case err != nil:
			return bound{}, err
		case !ok:
			b.text = text.String()
			return b, nil
		case piece.kind == quoted:
			unescaped, err := unescape(d, piece.text)
			if err != nil {
				return bound{}, err
			}
			text.WriteString(unescaped)
			continue
		case piece.kind != symbol:
			text.WriteString(piece.text)
			continue
		}
		name, length, found := placeholder(d, statement[l.pos-1:])
		l.pos += length - 1
		if !found {
			text.WriteString(piece.text)
			continue
		}
		value, err := p.value(d, name)
		if err != nil {
			return bound{}, err
		}
		if err := b.add(d, &text, value); err != nil {
			return bound{}, fmt.Errorf("parameter %s: %w", nameOf(name, p.used), err)
		}
	}
}

// nameOf names a parameter in messages: by its name or by its number in the list.
func nameOf(name string, number int) string {
	if name == "" {
		return "number " + strconv.Itoa(number)
	}
	return strconv.Quote(name)
}

// maxName is how long the name of a placeholder may be, with the end of the placeholder.
const maxName = 200

// placeholder reads the placeholder that text begins with, if it does. Its name is empty
// for an element of the list. When found is false, length is what to take as it stands.
func placeholder(d dialect, text string) (name string, length int, found bool) {
	if d == sqlite {
		switch text[0] {
		case '?':
			return "", 1, true
		case ':', '@', '$':
			n := leading(text[1:], isWord)
			return text[1 : 1+n], 1 + n, n > 0
		}
		return "", 1, false
	}
	inner, named := strings.CutPrefix(text, "%(")
	switch {
	case named:
		end := strings.Index(inner[:min(len(inner), maxName)], ")s")
		if end < 1 {
			return "", 1, false
		}
		return inner[:end], len("%()s") + end, true
	case strings.HasPrefix(text, "%s"):
		return "", 2, true
	case strings.HasPrefix(text, "%%"):
		return "", 2, false
	}
	return "", 1, false
}

// unescape reads a quoted text, in which there can be no placeholder.
func unescape(d dialect, text string) (string, error) {
	if d == sqlite {
		return text, nil
	}
	plain := strings.ReplaceAll(text, "%%", "")
	_, _, named := placeholder(d, plain[max(0, strings.Index(plain, "%(")):])
	if named || strings.Contains(plain, "%s") {
		return "", errors.New("the SQL has a placeholder in quotes: leave the quotes away, or write %% for a percent sign")
	}
	return strings.ReplaceAll(text, "%%", "%"), nil
}

// value returns the parameter for a placeholder.
func (p *parameters) value(d dialect, name string) (any, error) {
	marks := d.marks()
	switch {
	case name == "" && p.byName != nil:
		return nil, fmt.Errorf("the SQL has a placeholder %s, but parameters is a mapping: write %s", marks[0], marks[1])
	case name != "" && p.byName == nil:
		return nil, fmt.Errorf("the SQL has a placeholder with the name %q, but parameters is a list: write %s", name, marks[0])
	case name == "" && p.used == len(p.list):
		return nil, fmt.Errorf("the SQL has more placeholders %s than the %d elements of parameters", marks[0], len(p.list))
	case name == "":
		p.used++
		return p.list[p.used-1], nil
	}
	value, known := p.byName[name]
	if !known {
		return nil, fmt.Errorf("the SQL has a placeholder %q that parameters does not have%s", name, yamlvalue.DidYouMean(name, maps.Keys(p.byName)))
	}
	return value, nil
}

// add writes the driver's placeholder and keeps the value for it.
func (b *bound) add(d dialect, text *strings.Builder, value any) error {
	list, isList := value.([]any)
	switch {
	case isList && d == postgres:
		array, err := arrayText(list)
		if err != nil {
			return err
		}
		b.args = append(b.args, array)
		text.WriteString("$" + strconv.Itoa(len(b.args)))
		return nil
	case isList && d == mysql && len(list) > 0:
		return b.addTuple(text, list)
	case isList:
		return fmt.Errorf("a list cannot be bound in %s", d)
	}
	value, err := scalar(value)
	if err != nil {
		return err
	}
	if d != postgres {
		return b.addTo(d, text, value)
	}
	value, cast := postgresText(value)
	b.args = append(b.args, value)
	text.WriteString("$" + strconv.Itoa(len(b.args)) + cast)
	return nil
}

// addTo writes the placeholder of MySQL or SQLite. MySQL gets a number of many digits as it
// is written, which the driver could only send as text; SQLite has no such numbers.
func (b *bound) addTo(d dialect, text *strings.Builder, value any) error {
	digits, isDigits := value.(json.Number)
	switch {
	case isDigits && d == mysql:
		text.WriteString(digits.String())
		return nil
	case isDigits:
		return fmt.Errorf("SQLite cannot hold all digits of the number %s: bind it as text", digits)
	}
	b.args = append(b.args, value)
	text.WriteString("?")
	return nil
}

// addTuple writes a list for IN, as Airflow's driver does.
func (b *bound) addTuple(text *strings.Builder, list []any) error {
	for i, element := range list {
		value, err := scalar(element)
		if err != nil {
			return err
		}
		text.WriteString([2]string{"(", ", "}[min(i, 1)])
		if err := b.addTo(mysql, text, value); err != nil {
			return err
		}
	}
	text.WriteString(")")
	return nil
}

// scalar returns a value as database/sql takes it. A number that has more digits than an
// int64 or a float64 holds stays a [json.Number].
func scalar(value any) (any, error) {
	switch v := value.(type) {
	case nil, bool, string, int64, float64, time.Time:
		return v, nil
	case int:
		return int64(v), nil
	case uint64:
		return scalar(json.Number(strconv.FormatUint(v, 10)))
	case json.Number:
		return numberScalar(v), nil
	case json.RawMessage:
		return scalar(decodedJSON(v))
	case map[string]any, []any:
		return nil, errors.New("only a list of texts and numbers, a text, a number, true, false or null can be bound")
	default:
		return nil, fmt.Errorf("a value of type %T cannot be bound", value)
	}
}

// numberScalar is an int64 or a float64 where that has all digits.
func numberScalar(v json.Number) any {
	if n, err := v.Int64(); err == nil {
		return n
	}
	exact, ok := new(big.Rat).SetString(v.String())
	f, err := v.Float64()
	if !ok || err != nil {
		return v
	}
	if shortest, _ := new(big.Rat).SetString(strconv.FormatFloat(f, 'g', -1, 64)); shortest.Cmp(exact) == 0 && strings.ContainsAny(v.String(), ".eE") {
		return f
	}
	return v
}

// postgresText returns a value as text, and the cast that gives it the type which the
// same value has when it is written into the SQL. Text has the type that its place asks for.
func postgresText(value any) (text any, cast string) {
	switch v := value.(type) {
	case bool:
		return strconv.FormatBool(v), "::boolean"
	case int64:
		if v < math.MinInt32 || v > math.MaxInt32 {
			return strconv.FormatInt(v, 10), "::bigint"
		}
		return strconv.FormatInt(v, 10), "::integer"
	case float64:
		if math.IsInf(v, 0) || math.IsNaN(v) {
			return strconv.FormatFloat(v, 'g', -1, 64), "::double precision"
		}
		return strconv.FormatFloat(v, 'g', -1, 64), "::numeric"
	case json.Number:
		return v.String(), "::numeric"
	case time.Time:
		return v.Format(time.RFC3339Nano), "::timestamptz"
	default:
		return value, ""
	}
}

// arrayText returns a list as PostgreSQL writes an array.
func arrayText(list []any) (string, error) {
	elements := make([]*string, len(list))
	for i, element := range list {
		value, err := scalar(element)
		if err != nil {
			return "", err
		}
		if value, _ = postgresText(value); value != nil {
			elements[i] = new(value.(string)) //nolint:forcetypeassert // postgresText gives text or nil
		}
	}
	text, err := pgtype.NewMap().Encode(pgtype.TextArrayOID, pgtype.TextFormatCode, elements, nil)
	if err != nil {
		return "", fmt.Errorf("write the array: %w", err)
	}
	return string(text), nil
}
