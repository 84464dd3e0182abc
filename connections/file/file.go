// Package file reads connections and variables from .env, .json and .yaml files
// by the rules of Airflow's local filesystem backend, and writes connections to
// them for export.
//
// An .env file has one ID=value a line. JSON and YAML files hold one object of
// ids; a connection is a URI, an attribute object as
// [connections.FromAttributes] takes it, or a list with one of these.
package file

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/dingdag/dingdag/connections"
)

// Format is the form of a file, named by its extension.
type Format string

// The formats. Files that end in .yml are YAML too.
const (
	Env  Format = ".env"
	JSON Format = ".json"
	YAML Format = ".yaml"
)

// FormatOf returns the format that a path's extension names, in any case.
func FormatOf(path string) (Format, error) {
	switch ext := strings.ToLower(filepath.Ext(path)); ext {
	case ".env", ".json", ".yaml":
		return Format(ext), nil
	case ".yml":
		return YAML, nil
	default:
		return "", fmt.Errorf("%s: unsupported file format %q; use .env, .json, .yaml or .yml", path, ext)
	}
}

// Source finds connections and variables in files. It reads the file at each
// lookup, so edits count at once, and is safe for concurrent use.
type Source struct {
	// Connections is the path of the connections file. Without one, none is found.
	Connections string
	// Variables is the path of the variables file. Without one, none is found.
	Variables string
}

var (
	_ connections.Source         = Source{}
	_ connections.VariableSource = Source{}
)

// Connection implements [connections.Source]. A missing file, or a mistake
// anywhere in it, is an error and not a missing connection.
func (s Source) Connection(_ context.Context, id string) (*connections.Connection, error) {
	if s.Connections == "" {
		return nil, connections.NotFound(id)
	}
	all, err := ReadConnections(s.Connections)
	if err != nil {
		return nil, err
	}
	for _, c := range all {
		if c.ID == id {
			return c, nil
		}
	}
	return nil, connections.NotFound(id)
}

// Variable implements [connections.VariableSource]; errors are as for Connection.
func (s Source) Variable(_ context.Context, key string) (string, error) {
	if s.Variables == "" {
		return "", connections.VariableNotFound(key)
	}
	all, err := ReadVariables(s.Variables)
	if err != nil {
		return "", err
	}
	text, ok := all[key]
	if !ok {
		return "", connections.VariableNotFound(key)
	}
	return text, nil
}

// ReadConnections reads the connections of a file in the order they stand there.
// Every mistake is reported at once as "path:line: text", no value shown.
func ReadConnections(path string) ([]*connections.Connection, error) {
	return readFile(path, ParseConnections)
}

// ReadVariables reads the variables of a file. Values that are not text become
// JSON text; null is no entry. Errors are as for [ReadConnections].
func ReadVariables(path string) (map[string]string, error) {
	return readFile(path, ParseVariables)
}

func readFile[T any](path string, parse func(string, Format, []byte) (T, error)) (none T, err error) {
	format, err := FormatOf(path)
	if err != nil {
		return none, err
	}
	data, err := os.ReadFile(path) //nolint:gosec // the person running dingdag names the file
	if err != nil {
		return none, fmt.Errorf("read file: %w", err)
	}
	return parse(path, format, data)
}
