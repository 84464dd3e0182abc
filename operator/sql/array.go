package sql

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgtype"

	"github.com/dingdag/dingdag/params"
)

// array reads an array of PostgreSQL into lists, one within the other for each dimension.
// Its elements are what the same values are outside of one.
func array(elementType, text string) (any, error) {
	var list pgtype.Array[*string]
	if err := pgtype.NewMap().Scan(pgtype.TextArrayOID, pgtype.TextFormatCode, []byte(text), &list); err != nil {
		return nil, fmt.Errorf("the array %s cannot be read: %w", text, err)
	}
	values := make([]any, len(list.Elements))
	for i, element := range list.Elements {
		if element == nil {
			continue
		}
		value, err := arrayElement(elementType, *element)
		if err != nil {
			return nil, err
		}
		values[i] = value
	}
	for i := len(list.Dims) - 1; i > 0; i-- {
		values = chunks(values, int(list.Dims[i].Length))
	}
	return values, nil
}

// chunks groups a list into lists of a length.
func chunks(values []any, length int) []any {
	var groups []any
	for ; len(values) > 0; values = values[length:] {
		groups = append(groups, values[:length:length])
	}
	return groups
}

func arrayElement(typeName, text string) (any, error) {
	switch typeName {
	case "BOOL":
		return text == "t", nil
	case "INT2", "INT4", "INT8", "OID":
		return json.Number(text), nil
	case "NUMERIC":
		return decimalValue(text), nil
	case "FLOAT4", "FLOAT8":
		return floatElement(text), nil
	case "JSON", "JSONB":
		return jsonValue([]byte(text)), nil
	case "BYTEA":
		raw, err := hex.DecodeString(strings.TrimPrefix(text, `\x`))
		if err != nil {
			return nil, fmt.Errorf("bytes in an array cannot be read: set bytea_output to hex: %w", err)
		}
		return base64.StdEncoding.EncodeToString(raw), nil
	case "DATE", "TIMESTAMP", "TIMESTAMPTZ":
		return momentElement(typeName, text)
	}
	return text, nil
}

// floatElement is a float as the server writes it, in Python's form.
func floatElement(text string) any {
	f, err := json.Number(text).Float64()
	if err != nil {
		return strings.ToLower(strings.Replace(text, "Infinity", "inf", 1))
	}
	return params.FloatNumber(f)
}

// momentElement reads a date or time as the server writes it with its DateStyle ISO.
func momentElement(typeName, text string) (any, error) {
	if strings.HasSuffix(text, "infinity") {
		return text, nil
	}
	for _, form := range []string{dateForm, timeForm, timeForm + "-07", timeForm + "-07:00", timeForm + "-07:00:00"} {
		if t, err := time.Parse(form, text); err == nil {
			return columnType{postgres, typeName}.moment(t)
		}
	}
	return nil, fmt.Errorf("the %s %s in an array cannot be read: only the years 1 to 9999 in the DateStyle ISO can; cast it to text in the SQL",
		strings.ToLower(typeName), text)
}
