package sql

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math"
	"math/big"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgtype"
)

// The forms of dates and times: those of Python's str, which templates show in Airflow.
const (
	dateForm = "2006-01-02"
	timeForm = "2006-01-02 15:04:05.999999"
	zoneForm = "-07:00"
)

// columnType is the name that the driver has for the type of a column.
type columnType struct {
	dialect dialect
	name    string
}

// value turns what the driver gives into what encodes to JSON: nil, bool, int64, uint64,
// float64, string, [json.Number] for decimals, and lists and maps of those.
func (c columnType) value(v any) any {
	switch v := v.(type) {
	case float64:
		if c.name == "FLOAT4" { // the driver made a float64 of it
			return number(v, 32)
		}
		return number(v, 64)
	case float32:
		return number(float64(v), 32)
	case time.Time:
		return c.moment(v)
	case []byte:
		return c.bytes(v)
	case string:
		return c.text(v)
	default: // nil, bool, int64 and uint64
		return v
	}
}

// number is a number, or text for what JSON has no number for.
func number(v float64, bits int) any {
	switch {
	case math.IsNaN(v):
		return "nan"
	case math.IsInf(v, 1):
		return "inf"
	case math.IsInf(v, -1):
		return "-inf"
	case bits == 32:
		v, _ = strconv.ParseFloat(strconv.FormatFloat(v, 'g', -1, 32), 64)
	}
	return v
}

func (c columnType) moment(t time.Time) string {
	switch {
	case c.name == "TIMESTAMPTZ":
		return t.UTC().Format(timeForm + zoneForm)
	case c.name == "DATE" && t.Equal(t.Truncate(24*time.Hour)):
		return t.Format(dateForm)
	case t.Location() != time.UTC: // a text with an offset in SQLite
		return t.Format(timeForm + zoneForm)
	default:
		return t.Format(timeForm)
	}
}

// bytes reads what is text, JSON or bytes, by the type of the column.
func (c columnType) bytes(v []byte) any {
	switch {
	case c.dialect == postgres && (c.name == "JSON" || c.name == "JSONB"):
		decoder := json.NewDecoder(bytes.NewReader(v))
		decoder.UseNumber()
		var decoded any
		if err := decoder.Decode(&decoded); err == nil {
			return decoded
		}
		return string(v)
	case c.name == "BIT":
		return new(big.Int).SetBytes(v).Uint64() // at most 64 bits
	case c.name == "BYTEA" || c.dialect == sqlite, strings.HasSuffix(c.name, "BLOB"),
		strings.HasSuffix(c.name, "BINARY"), c.name == "GEOMETRY", c.name == "VECTOR":
		return base64.StdEncoding.EncodeToString(v)
	default:
		return c.text(string(v))
	}
}

// text reads what the driver gives as text.
func (c columnType) text(v string) any {
	v = strings.ToValidUTF8(v, "\uFFFD")
	switch {
	case (c.name == "NUMERIC" || c.name == "DECIMAL") && c.dialect != sqlite:
		if json.Valid([]byte(v)) {
			return json.Number(v)
		}
		return strings.ToLower(strings.Replace(v, "Infinity", "inf", 1))
	case c.dialect == postgres && strings.HasPrefix(c.name, "_"):
		return array(c.name, v)
	default:
		return v
	}
}

// array reads an array of PostgreSQL, or leaves it text.
func array(typeName, text string) any {
	elements := strings.TrimPrefix(typeName, "_")
	var list pgtype.Array[*string]
	err := pgtype.NewMap().Scan(pgtype.TextArrayOID, pgtype.TextFormatCode, []byte(text), &list)
	if err != nil || len(list.Dims) > 1 {
		return text
	}
	values := make([]any, len(list.Elements))
	for i, element := range list.Elements {
		if element != nil {
			values[i] = arrayElement(elements, *element)
		}
	}
	return values
}

func arrayElement(typeName, text string) any {
	switch typeName {
	case "BOOL":
		return text == "t"
	case "INT2", "INT4", "INT8", "FLOAT4", "FLOAT8", "NUMERIC":
		if json.Valid([]byte(text)) {
			return json.Number(text)
		}
	}
	return text
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
		text := strconv.FormatFloat(v, 'g', -1, 64)
		if v == math.Trunc(v) && math.Abs(v) < 1e16 {
			text = strconv.FormatFloat(v, 'f', 1, 64)
		}
		return text
	default:
		return fmt.Sprint(v)
	}
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
