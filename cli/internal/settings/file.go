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
	var errs []error
	for i := 0; i+1 < len(root.Content); i += 2 {
		key, v := root.Content[i], root.Content[i+1]
		if err := checkEntry(key, v); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", place(path, err.at), err))
			continue
		}
		values[key.Value] = value{text: v.Value, from: place(path, v) + ": " + key.Value, node: v, path: path}
	}
	return values, errors.Join(errs...)
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

// checkEntry refuses what no setting is called, and more than one value where a setting has one.
func checkEntry(key, v *yaml.Node) *entryError {
	all := settings()
	i := slices.IndexFunc(all, func(s setting) bool { return s.key == key.Value })
	switch {
	case i < 0:
		known := keys()
		return &entryError{key, fmt.Sprintf("unknown setting %q%s; known are %s", key.Value, yamlvalue.DidYouMean(key.Value, slices.Values(known)), strings.Join(known, ", "))}
	case v.Kind != yaml.ScalarNode && !all[i].structured:
		return &entryError{v, key.Value + " must be a single value"}
	}
	return nil
}
