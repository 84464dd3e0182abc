// Package lenient decodes answers of DingTalk that are not quite as documented.
package lenient

import (
	"bytes"
	"encoding/json"
	"reflect"
	"strconv"
	"strings"
)

// Decode decodes answers whose values are spelled in another JSON type than
// documented: numbers and booleans as text, numbers for text, one element for a list.
// DingTalk's own examples have all of these.
func Decode(data []byte, into any) error {
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.UseNumber()
	var value any
	if err := dec.Decode(&value); err != nil {
		return err
	}
	fitted, err := json.Marshal(fit(value, reflect.TypeOf(into).Elem()))
	if err != nil {
		return err
	}
	return json.Unmarshal(fitted, into)
}

// fit returns value in the JSON type that t decodes from, where it has a value of t.
func fit(value any, t reflect.Type) any {
	switch t.Kind() {
	case reflect.Pointer:
		return fit(value, t.Elem())
	case reflect.Struct:
		return fitFields(value, t)
	case reflect.Slice:
		list, ok := value.([]any)
		if !ok && value != nil && value != "" {
			list = []any{value}
		}
		for i := range list {
			list[i] = fit(list[i], t.Elem())
		}
		return list
	case reflect.Map:
		fields, _ := value.(map[string]any)
		for key := range fields {
			fields[key] = fit(fields[key], t.Elem())
		}
		return fields
	default:
		return fitScalar(value, t.Kind())
	}
}

func fitFields(value any, t reflect.Type) any {
	fields, ok := value.(map[string]any)
	if !ok {
		return nil
	}
	for _, f := range reflect.VisibleFields(t) {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if v, found := fields[name]; found {
			fields[name] = fit(v, f.Type)
		}
	}
	return fields
}

func fitScalar(value any, kind reflect.Kind) any {
	switch v := value.(type) {
	case string:
		return fitText(v, kind)
	case json.Number:
		if kind == reflect.String {
			return v.String()
		}
	case bool:
		if kind == reflect.String {
			return strconv.FormatBool(v)
		}
	}
	return value
}

// fitText leaves text that is no number or boolean as it is, for the decoder to refuse.
func fitText(text string, kind reflect.Kind) any {
	isNumber := kind >= reflect.Int && kind <= reflect.Float64
	switch {
	case text == "" && (isNumber || kind == reflect.Bool):
		return nil
	case isNumber:
		if _, err := strconv.ParseFloat(text, 64); err == nil {
			return json.Number(text)
		}
	case kind == reflect.Bool:
		if b, err := strconv.ParseBool(text); err == nil {
			return b
		}
	}
	return text
}
