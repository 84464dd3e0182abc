package file

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/dingdag/dingdag/yamlvalue"
)

// parseEnv reads ID=value lines. Nothing is trimmed or unquoted, as in Airflow;
// blank lines and lines whose first visible character is # are left out.
func parseEnv(name string, data []byte) ([]entry, error) {
	var entries []entry
	var errs []error
	line := 0
	for text := range strings.Lines(string(data)) {
		line++
		text = strings.TrimSuffix(strings.TrimSuffix(text, "\n"), "\r")
		if trimmed := strings.TrimSpace(text); trimmed == "" || trimmed[0] == '#' {
			continue
		}
		id, value, ok := strings.Cut(text, "=")
		switch {
		case !ok:
			errs = append(errs, fmt.Errorf(`%s:%d: no "=" in the line; want ID=value`, name, line))
		case id == "":
			errs = append(errs, fmt.Errorf(`%s:%d: no id before "="`, name, line))
		case value == "":
			errs = append(errs, fmt.Errorf(`%s:%d: %q has no value behind "="`, name, line, id))
		default:
			entries = append(entries, entry{id, line, value})
		}
	}
	return entries, errors.Join(errs...)
}

// parseJSON walks the members of the outer object, so that each has its line.
func parseJSON(name string, data []byte) ([]entry, error) {
	if len(bytes.TrimSpace(data)) == 0 {
		return nil, fmt.Errorf("%s:1: the file is empty; want a JSON object", name)
	}
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.UseNumber()
	fail := func(err error) error {
		at, text := dec.InputOffset(), "the file ends too early"
		if syntax, ok := errors.AsType[*json.SyntaxError](err); ok {
			at, text = syntax.Offset, "JSON syntax error"
		}
		return fmt.Errorf("%s:%d: %s", name, lineAt(data, at), text)
	}
	start, err := dec.Token()
	if err != nil {
		return nil, fail(err)
	}
	if start != json.Delim('{') {
		return nil, fmt.Errorf("%s:%d: want a JSON object of ids", name, lineAt(data, dec.InputOffset()))
	}
	var entries []entry
	for dec.More() {
		key, err := dec.Token()
		if err != nil {
			return nil, fail(err)
		}
		e := entry{id: fmt.Sprint(key), line: lineAt(data, dec.InputOffset())}
		if err := dec.Decode(&e.value); err != nil {
			return nil, fail(err)
		}
		entries = append(entries, e)
	}
	if _, err := dec.Token(); err != nil {
		return nil, fail(err)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("%s:%d: text after the end of the JSON object", name, lineAt(data, dec.InputOffset()))
	}
	return entries, nil
}

func lineAt(data []byte, offset int64) int {
	return 1 + bytes.Count(data[:min(int(offset), len(data))], []byte("\n"))
}

func parseYAML(name string, data []byte) ([]entry, error) {
	dec := yaml.NewDecoder(bytes.NewReader(data))
	var doc yaml.Node
	if err := dec.Decode(&doc); errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("%s:1: the file is empty; want a mapping of ids", name)
	} else if err != nil {
		return nil, syntaxError(name, data, err)
	}
	var next yaml.Node
	if err := dec.Decode(&next); err == nil {
		return nil, fmt.Errorf("%s:%d: a second YAML document; want one mapping of ids", name, next.Line)
	} else if !errors.Is(err, io.EOF) {
		return nil, syntaxError(name, data, err)
	}
	root := doc.Content[0]
	if root.Kind == yaml.ScalarNode && root.Tag == "!!null" {
		return nil, fmt.Errorf("%s:%d: the file is empty; want a mapping of ids", name, root.Line)
	}
	if root.Kind != yaml.MappingNode {
		return nil, fmt.Errorf("%s:%d: want a YAML mapping of ids", name, root.Line)
	}
	yamlvalue.ResolveScalars(root)
	var entries []entry
	for i := 0; i+1 < len(root.Content); i += 2 {
		key, value := root.Content[i], root.Content[i+1]
		if key.Kind != yaml.ScalarNode {
			return nil, fmt.Errorf("%s:%d: want text for an id", name, key.Line)
		}
		e := entry{id: key.Value, line: key.Line}
		if err := value.Decode(&e.value); err != nil {
			return nil, yamlError(name, key.Line, err)
		}
		entries = append(entries, e)
	}
	return entries, nil
}

var (
	yamlLine   = regexp.MustCompile(`line (\d+): `)
	yamlAnchor = regexp.MustCompile(`unknown anchor ".*"`)
	yamlQuoted = regexp.MustCompile("'.*'|\".*\"|`.*`")
)

// syntaxError tells where the YAML is wrong, and not what stands there.
func syntaxError(name string, data []byte, err error) error {
	at, text := yamlvalue.Explain(data, err)
	return fmt.Errorf("%s:%d:%d: YAML: %s", name, at.Line, at.Column, yamlAnchor.ReplaceAllString(text, "unknown anchor"))
}

// yamlError gives the error its place, line if it has none itself, and takes out
// quoted pieces of the file, which may be secrets.
func yamlError(name string, line int, err error) error {
	text := strings.TrimPrefix(err.Error(), "yaml: ")
	place := strconv.Itoa(line)
	if m := yamlLine.FindStringSubmatch(text); m != nil {
		place = m[1]
		_, text, _ = strings.Cut(text, m[0])
	}
	return fmt.Errorf("%s:%s: YAML: %s", name, place, yamlQuoted.ReplaceAllString(text, "…"))
}
