package connections

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// ParseValue reads a connection as it stands in an environment variable or an
// .env file: JSON when the trimmed text starts with "{", else a URI.
func ParseValue(id, text string) (*Connection, error) {
	text = strings.TrimSpace(text)
	if strings.HasPrefix(text, "{") {
		return ParseJSON(id, []byte(text))
	}
	return ParseURI(id, text)
}

// ParseJSON reads a connection from Airflow's JSON form: an object with any of
// the keys that [FromAttributes] takes. An unknown key is an error.
func ParseJSON(id string, data []byte) (*Connection, error) {
	if err := ValidateID(id); err != nil {
		return nil, err
	}
	attrs, err := decodeAttributes(data)
	if err != nil {
		return nil, fmt.Errorf("connection %q: %w", id, err)
	}
	return FromAttributes(id, attrs)
}

func decodeAttributes(data []byte) (map[string]any, error) {
	var members map[string]json.RawMessage
	if err := decodeJSON(data, &members); err != nil {
		return nil, err
	}
	if members == nil {
		return nil, errors.New("not a JSON object but null")
	}
	attrs := make(map[string]any, len(members))
	for key, raw := range members {
		if key == "extra" && raw[0] == '{' {
			attrs[key] = raw // as it is written, in its own order
			continue
		}
		var value any
		if err := decodeJSON(raw, &value); err != nil {
			return nil, err
		}
		attrs[key] = value
	}
	return attrs, nil
}

// FromAttributes makes a connection of Airflow's attribute names: conn_type,
// description, host, login, password, schema (text), port (a number, or digits
// as text), extra (text, a map or a [json.RawMessage]), or uri (text, beside
// which only description may stand). A nil value is null; an empty password,
// extra, port or uri counts as null too. Every mistake is reported at once, and
// no value is shown.
func FromAttributes(id string, attrs map[string]any) (*Connection, error) {
	if err := ValidateID(id); err != nil {
		return nil, err
	}
	if attrs["uri"] != nil && attrs["uri"] != "" {
		return fromURIAttribute(id, attrs)
	}
	c := &Connection{ID: id}
	var errs []error
	for _, key := range slices.Sorted(maps.Keys(attrs)) {
		errs = append(errs, c.setAttribute(key, attrs[key]))
	}
	c.Type = NormalizeType(c.Type)
	if err := joinLine(append(errs, c.validateFields())...); err != nil {
		return nil, fmt.Errorf("connection %q: %w", id, err)
	}
	return c, nil
}

func fromURIAttribute(id string, attrs map[string]any) (*Connection, error) {
	var described Connection
	var errs []error
	for _, key := range slices.Sorted(maps.Keys(attrs)) {
		switch value := attrs[key]; {
		case key == "uri" || value == nil:
		case key == "description":
			errs = append(errs, described.setAttribute(key, value))
		default:
			errs = append(errs, fmt.Errorf("uri and %s together; give the uri or the single attributes", key))
		}
	}
	uri, err := textAttribute("uri", attrs["uri"])
	if err := joinLine(append(errs, err)...); err != nil {
		return nil, fmt.Errorf("connection %q: %w", id, err)
	}
	c, err := ParseURI(id, *uri)
	if err != nil {
		return nil, err
	}
	c.Description = described.Description
	return c, nil
}

func (c *Connection) setAttribute(key string, value any) (err error) {
	switch key {
	case "conn_type":
		var connType *string
		connType, err = textAttribute(key, value)
		c.Type = valueOf(connType)
	case "description":
		c.Description, err = textAttribute(key, value)
	case "host":
		c.Host, err = textAttribute(key, value)
	case "login":
		c.Login, err = textAttribute(key, value)
	case "password":
		var password *string
		password, err = textAttribute(key, value)
		c.Password = secretOf(valueOf(password))
	case "schema":
		c.Schema, err = textAttribute(key, value)
	case "port":
		c.Port, err = portAttribute(value)
	case "extra":
		c.Extra, err = extraAttribute(value)
	case "uri": // empty here, which counts as not given
	default:
		err = fmt.Errorf("unknown key %q; the keys are conn_type, description, host, login, password, schema, port, extra and uri", key)
	}
	return err
}

func textAttribute(key string, value any) (*string, error) {
	switch v := value.(type) {
	case nil:
		return nil, nil
	case string:
		return &v, nil
	default:
		return nil, fmt.Errorf("%s: want text, got %s; put it in quotes", key, kindOf(value))
	}
}

func portAttribute(value any) (*int, error) {
	switch v := value.(type) {
	case nil:
		return nil, nil
	case int:
		return &v, nil
	case string:
		if v == "" {
			return nil, nil // Airflow reads empty text as null
		}
		return parsePort(strings.TrimSpace(v))
	case json.Number:
		return parsePort(v.String())
	default:
		return nil, fmt.Errorf("port: want an integer, got %s", kindOf(value))
	}
}

func parsePort(text string) (*int, error) {
	port, err := strconv.Atoi(text)
	if err != nil {
		return nil, errors.New("port: want an integer, got other text")
	}
	return &port, nil
}

func extraAttribute(value any) (*Secret, error) {
	switch v := value.(type) {
	case nil:
		return nil, nil
	case string:
		return secretOf(v), nil
	case json.RawMessage:
		var b bytes.Buffer
		if err := json.Compact(&b, v); err != nil {
			return nil, errors.New("extra: not JSON")
		}
		return objectSecret(b.String()), nil
	case map[string]any:
		data, err := json.Marshal(v)
		if err != nil {
			return nil, errors.New("extra: a value in it cannot be written as JSON")
		}
		return objectSecret(string(data)), nil
	default:
		return nil, fmt.Errorf("extra: want an object or its JSON text, got %s", kindOf(value))
	}
}

// objectSecret returns null for an empty object, as Airflow does.
func objectSecret(object string) *Secret {
	if object == "{}" {
		return nil
	}
	return secretOf(object)
}

func kindOf(value any) string {
	switch value.(type) {
	case bool:
		return "true or false"
	case json.Number, int, int64, uint64, float64:
		return "a number"
	case []any:
		return "a list"
	default:
		return "an object"
	}
}

// JSON returns the connection in Airflow's JSON form on one line, the password
// and the extra in clear. Null fields and an empty extra are left out, empty
// texts are kept, and the id is never in it. [ParseJSON] reads it back.
func (c *Connection) JSON() []byte {
	form := struct {
		Type        string          `json:"conn_type,omitempty"`
		Description *string         `json:"description,omitempty"`
		Host        *string         `json:"host,omitempty"`
		Login       *string         `json:"login,omitempty"`
		Password    string          `json:"password,omitempty"`
		Schema      *string         `json:"schema,omitempty"`
		Port        *int            `json:"port,omitempty"`
		Extra       json.RawMessage `json:"extra,omitempty"`
	}{c.Type, c.Description, c.Host, c.Login, c.GetPassword().Reveal(), c.Schema, c.Port, c.extraJSON()}
	return bytes.TrimSuffix(encodeJSON(form), []byte("\n"))
}

// extraJSON returns the extra as an object, or as text if it is not one.
func (c *Connection) extraJSON() json.RawMessage {
	extra := c.GetExtra().Reveal()
	object, err := decodeExtra(extra)
	switch {
	case extra == "" || err == nil && len(object) == 0:
		return nil
	case err != nil:
		return json.RawMessage(jsonText(extra))
	default:
		return json.RawMessage(extra)
	}
}
