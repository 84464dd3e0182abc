package file

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"

	"github.com/dingdag/dingdag/connections"
)

// entry is one id of a file, not yet judged: value is a string, bool, number,
// nil, []any or map[string]any.
type entry struct {
	id    string
	line  int
	value any
}

// ParseConnections is [ReadConnections] for text at hand; errors call it name.
func ParseConnections(name string, format Format, data []byte) ([]*connections.Connection, error) {
	entries, err := parseEntries(name, format, data)
	if err != nil {
		return nil, err
	}
	all := make([]*connections.Connection, 0, len(entries))
	var errs []error
	for _, e := range entries {
		c, err := connectionOf(e.id, e.value)
		if err != nil {
			errs = append(errs, fmt.Errorf("%s:%d: %w", name, e.line, err))
			continue
		}
		all = append(all, c)
	}
	if errs != nil {
		return nil, errors.Join(errs...)
	}
	return all, nil
}

// ParseVariables is [ReadVariables] for text at hand; errors call it name.
func ParseVariables(name string, format Format, data []byte) (map[string]string, error) {
	entries, err := parseEntries(name, format, data)
	if err != nil {
		return nil, err
	}
	all := make(map[string]string, len(entries))
	var errs []error
	for _, e := range entries {
		switch v := e.value.(type) {
		case nil:
		case string:
			all[e.id] = v
		default:
			text, err := json.Marshal(v)
			if err != nil {
				errs = append(errs, fmt.Errorf("%s:%d: variable %q: the value cannot be written as JSON", name, e.line, e.id))
			}
			all[e.id] = string(text)
		}
	}
	if errs != nil {
		return nil, errors.Join(errs...)
	}
	return all, nil
}

// parseEntries reads the ids of a file, refuses those that stand there twice and
// unwraps lists of one value.
func parseEntries(name string, format Format, data []byte) ([]entry, error) {
	var raw []entry
	var err error
	switch format {
	case Env:
		raw, err = parseEnv(name, data)
	case JSON:
		raw, err = parseJSON(name, data)
	case YAML:
		raw, err = parseYAML(name, data)
	default:
		return nil, fmt.Errorf("%s: unsupported file format %q; use .env, .json, .yaml or .yml", name, format)
	}
	errs := []error{err}
	entries := make([]entry, 0, len(raw))
	seen := make(map[string]int, len(raw))
	for _, e := range raw {
		if line, ok := seen[e.id]; ok {
			errs = append(errs, fmt.Errorf("%s:%d: %q appears twice, first on line %d", name, e.line, e.id, line))
			continue
		}
		seen[e.id] = e.line
		if list, ok := e.value.([]any); ok {
			switch len(list) {
			case 0: // no entry, as in Airflow
				continue
			case 1:
				e.value = list[0]
			default:
				errs = append(errs, fmt.Errorf("%s:%d: %q has %d values; one is allowed", name, e.line, e.id, len(list)))
			}
		}
		entries = append(entries, e)
	}
	return entries, errors.Join(errs...)
}

func connectionOf(id string, value any) (*connections.Connection, error) {
	switch v := value.(type) {
	case string:
		return connections.ParseValue(id, v)
	case map[string]any:
		attrs, err := plainAttributes(id, v)
		if err != nil {
			return nil, fmt.Errorf("connection %q: %w", id, err)
		}
		return connections.FromAttributes(id, attrs)
	default:
		return nil, fmt.Errorf("connection %q: want a URI in quotes or an object of attributes", id)
	}
}

// plainAttributes resolves the two keys that only files may have: conn_id, which
// repeats the id, and extra_dejson, which is the extra as an object.
func plainAttributes(id string, attrs map[string]any) (map[string]any, error) {
	plain := maps.Clone(attrs)
	if inner, ok := plain["conn_id"]; ok {
		if inner != id {
			return nil, errors.New("conn_id differs from the id above it")
		}
		delete(plain, "conn_id")
	}
	if object, ok := plain["extra_dejson"]; ok {
		if plain["extra"] != nil {
			return nil, errors.New("extra and extra_dejson together; give one")
		}
		plain["extra"] = object
		delete(plain, "extra_dejson")
	}
	return plain, nil
}
