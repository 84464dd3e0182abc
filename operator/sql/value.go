package sql

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math/big"
	"strconv"
	"strings"
	"time"

	"github.com/dingdag/dingdag/params"
	"github.com/dingdag/dingdag/yamlvalue"
)

// The forms of dates and times: those of Python's str, which templates show in Airflow.
const (
	dateForm   = "2006-01-02"
	timeForm   = "2006-01-02 15:04:05"
	microsForm = "2006-01-02 15:04:05.000000"
	zoneForm   = "-07:00"
)

// columnType is the name that the driver has for the type of a column.
type columnType struct {
	dialect dialect
	name    string
}

// value turns what the driver gives into what encodes to JSON: nil, bool, int64, uint64,
// string, [json.Number] for floats and decimals, [json.RawMessage] for JSON, and lists of
// those.
func (c columnType) value(v any) (any, error) {
	switch v := v.(type) {
	case float64:
		if c.name == "FLOAT4" { // the driver made a float64 of it
			return params.FloatNumber(shortFloat(v)), nil
		}
		return params.FloatNumber(v), nil
	case float32:
		return params.FloatNumber(shortFloat(float64(v))), nil
	case time.Time:
		return c.moment(v)
	case []byte:
		return c.bytes(v)
	case string:
		return c.text(v)
	default: // nil, bool, int64 and uint64
		return v, nil
	}
}

// shortFloat is the float64 that is written like v in 32 bits.
func shortFloat(v float64) float64 {
	v, _ = strconv.ParseFloat(strconv.FormatFloat(v, 'g', -1, 32), 64)
	return v
}

// moment writes a date or time. Python has none outside of the years 1 to 9999.
func (c columnType) moment(t time.Time) (any, error) {
	if t.Year() < 1 || t.Year() > 9999 {
		return nil, fmt.Errorf("the %s is in the year %d, but only 1 to 9999 can be read: cast it to text in the SQL", strings.ToLower(c.name), t.Year())
	}
	form := timeForm
	if t.Nanosecond() >= int(time.Microsecond) {
		form = microsForm
	}
	switch c.name {
	case "TIMESTAMPTZ":
		return t.UTC().Format(form + zoneForm), nil
	case "DATE":
		return t.Format(dateForm), nil
	}
	return t.Format(form), nil
}

// bytes reads what is text, JSON or bytes, by the type of the column.
func (c columnType) bytes(v []byte) (any, error) {
	switch {
	case c.dialect == postgres && (c.name == "JSON" || c.name == "JSONB"):
		return jsonValue(v), nil
	case c.name == "BIT":
		return new(big.Int).SetBytes(v).Uint64(), nil // at most 64 bits
	case c.name == "BYTEA" || c.dialect == sqlite, strings.HasSuffix(c.name, "BLOB"),
		strings.HasSuffix(c.name, "BINARY"), c.name == "GEOMETRY", c.name == "VECTOR":
		return base64.StdEncoding.EncodeToString(v), nil
	default:
		return c.text(string(v))
	}
}

// jsonValue is JSON with its keys in their order and its numbers with their digits.
func jsonValue(v []byte) any {
	if !json.Valid(v) {
		return strings.ToValidUTF8(string(v), "\uFFFD")
	}
	return json.RawMessage(bytes.Clone(v))
}

// text reads what the driver gives as text.
func (c columnType) text(v string) (any, error) {
	v = strings.ToValidUTF8(v, "\uFFFD")
	switch {
	case (c.name == "NUMERIC" || c.name == "DECIMAL") && c.dialect != sqlite:
		return decimalValue(v), nil
	case c.dialect == mysql && c.name == "UNSIGNED BIGINT": // those that no int64 holds, with parameters
		return json.Number(v), nil
	case c.dialect == mysql && (c.name == "DATE" || c.name == "DATETIME" || c.name == "TIMESTAMP"):
		return mysqlMoment(v), nil
	case c.dialect == postgres && strings.HasPrefix(c.name, "_"):
		return array(strings.TrimPrefix(c.name, "_"), v)
	default:
		return v, nil
	}
}

// decimalValue is a number, or what JSON has no number for (NaN, Infinity and -Infinity)
// as the server and Python's Decimal write it.
func decimalValue(text string) any {
	if json.Valid([]byte(text)) {
		return json.Number(text)
	}
	return text
}

// mysqlMoment is a date or time of MySQL in Python's form. One without a month or a day,
// such as 0000-00-00, is null as in Airflow's driver.
func mysqlMoment(text string) any {
	for _, form := range []string{dateForm, timeForm} { // reading takes fractions as well
		t, err := time.Parse(form, text)
		switch {
		case err != nil || t.Year() < 1:
			continue
		case form == dateForm:
			return t.Format(dateForm)
		case t.Nanosecond() == 0:
			return t.Format(timeForm)
		default:
			return t.Format(microsForm)
		}
	}
	return nil
}

// truthy is Python's truth of a value.
func truthy(value any) bool {
	switch v := value.(type) {
	case nil:
		return false
	case bool:
		return v
	case string:
		return v != ""
	case []any:
		return len(v) > 0
	case map[string]any:
		return len(v) > 0
	case json.RawMessage:
		return truthy(decodedJSON(v))
	}
	f, ok := floatOf(value)
	return !ok || f != 0
}

// floatOf is Python's float of a value.
func floatOf(value any) (float64, bool) {
	switch v := value.(type) {
	case bool:
		if v {
			return 1, true
		}
		return 0, true
	case int64:
		return float64(v), true
	case int:
		return float64(v), true
	case uint64:
		return float64(v), true
	case float64:
		return v, true
	case json.Number:
		f, err := v.Float64()
		return f, err == nil
	case string:
		f, err := strconv.ParseFloat(strings.TrimSpace(v), 64)
		return f, err == nil
	case json.RawMessage:
		return floatOf(decodedJSON(v))
	default:
		return 0, false
	}
}

// pythonText is Python's str of a value.
func pythonText(value any) string {
	switch v := value.(type) {
	case nil:
		return "None"
	case bool:
		if v {
			return "True"
		}
		return "False"
	case float64:
		return yamlvalue.PythonFloat(v)
	case json.RawMessage:
		return pythonText(decodedJSON(v))
	default:
		return fmt.Sprint(v)
	}
}

// decodedJSON is the value that JSON holds.
func decodedJSON(v json.RawMessage) any {
	decoder := json.NewDecoder(bytes.NewReader(v))
	decoder.UseNumber()
	var value any
	if err := decoder.Decode(&value); err != nil {
		return string(v)
	}
	return value
}

// jsonText shows values in logs and messages.
func jsonText(value any) string {
	var b strings.Builder
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(value); err != nil {
		return fmt.Sprint(value)
	}
	return strings.TrimSuffix(b.String(), "\n")
}
