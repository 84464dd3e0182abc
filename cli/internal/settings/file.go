package settings

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/dingdag/dingdag/yamlvalue"
)

// fileName is the name of the configuration file in the home folder.
const fileName = "dingdag.yaml"

// readFile reads dingdag.yaml; an unknown key is an error with its place.
func readFile(path string) (map[string]value, error) {
	b, err := os.ReadFile(path) //nolint:gosec // the user's own configuration
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read configuration: %w", err)
	}
	var doc yaml.Node
	if err := yaml.Unmarshal(b, &doc); err != nil {
		at, text := yamlvalue.Explain(b, err)
		return nil, fmt.Errorf("%s:%d:%d: %s", path, at.Line, at.Column, text)
	}
	if doc.Kind == 0 {
		return nil, nil
	}
	root := doc.Content[0]
	if root.Kind != yaml.MappingNode {
		return nil, fmt.Errorf("%s: must be a mapping of settings", place(path, root))
	}
	values := map[string]value{}
	return values, errors.Join(readSection(path, "", root, values)...)
}

// readSection takes the settings of a mapping in, whose keys stand behind those of a section, "" for
// the whole file.
func readSection(path, section string, m *yaml.Node, into map[string]value) (errs []error) {
	for i := 0; i+1 < len(m.Content); i += 2 {
		key, v := section+m.Content[i].Value, m.Content[i+1]
		if len(keysBelow(key+".")) > 0 && v.Kind == yaml.MappingNode {
			errs = append(errs, readSection(path, key+".", v, into)...)
			continue
		}
		if err := checkEntry(section, m.Content[i], v); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", place(path, err.at), err))
			continue
		}
		into[key] = value{text: v.Value, from: place(path, v) + ": " + key, node: v, path: path}
	}
	return errs
}

// keysBelow are the keys that a section has, "" for the whole file, in the order of the docs.
func keysBelow(section string) (keys []string) {
	for _, s := range settings() {
		rest, ok := strings.CutPrefix(s.key, section)
		if key, _, _ := strings.Cut(rest, "."); ok && !slices.Contains(keys, key) {
			keys = append(keys, key)
		}
	}
	return keys
}

// place is that of a node, as compilers write it.
func place(path string, n *yaml.Node) string {
	return fmt.Sprintf("%s:%d:%d", path, n.Line, n.Column)
}

// entryError is what is wrong with an entry, and where.
type entryError struct {
	at   *yaml.Node
	text string
}

func (e *entryError) Error() string { return e.text }

// checkEntry refuses what no setting of a section is called, and a value that the setting can't have.
func checkEntry(section string, key, v *yaml.Node) *entryError {
	all, name := settings(), section+key.Value
	i := slices.IndexFunc(all, func(s setting) bool { return s.key == name })
	switch below := keysBelow(name + "."); {
	case len(below) > 0:
		return &entryError{v, name + " must be a mapping of " + strings.Join(below, ", ")}
	case i < 0:
		known := keysBelow(section)
		return &entryError{key, fmt.Sprintf("unknown setting %q%s; known are %s", name, yamlvalue.DidYouMean(key.Value, slices.Values(known)), strings.Join(known, ", "))}
	case v.Kind != yaml.ScalarNode && !all[i].structured:
		return &entryError{v, name + " must be a single value"}
	}
	return nil
}
