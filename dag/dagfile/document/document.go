package document

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"gopkg.in/yaml.v3"

	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/dag/dagfile/reading"
	"github.com/dingdag/dingdag/yamlvalue"
)

// MaxSize is the size in bytes up to which a file is read.
const MaxSize = 4 << 20

// Options says how a file is resolved.
type Options struct {
	// LookupEnv gives the environment variables that $NAME stands for; nil for none, so that
	// the text stays.
	LookupEnv func(name string) (string, bool)
	// Secret is told each value of an environment variable that is a secret by its name; nil
	// for nobody.
	Secret func(value string)
	// AnySize lifts the limits of size. The canonical form needs it: defaults that are applied
	// to every task make it longer than the file was.
	AnySize bool
}

// Read parses a file and returns its top-level mapping with aliases, merge
// keys, environment variables and joins resolved, or nil when the file is in error.
func Read(s reading.Scope, data []byte, opts Options) *yaml.Node {
	root, ok := Parse(s, data, opts.AnySize)
	if !ok {
		return nil
	}
	if root == nil {
		s.Errorf(nil, "the file is empty: write a mapping from DAG ids to DAGs")
		return nil
	}
	if root = Expand(s, root, opts); root == nil {
		return nil
	}
	if root.Kind != yaml.MappingNode {
		s.Errorf(root, "the file must be a mapping from DAG ids to DAGs, not %s", reading.Show(root))
		return nil
	}
	return root
}

// Parse returns the root of the only document as it stands in the file, nil when
// there is none; ok is false when the file is in error.
func Parse(s reading.Scope, data []byte, anySize bool) (root *yaml.Node, ok bool) {
	if data, ok = checkBytes(s, data, anySize); !ok {
		return nil, false
	}
	root, err := Decode(data)
	var second *secondDocumentError
	switch {
	case errors.As(err, &second):
		s.Errorf(second.node, "a second document starts here: a file holds one document, use one file for each")
		return nil, false
	case err != nil && strings.HasSuffix(err.Error(), "found unknown escape character"):
		if again, err := yamlvalue.Decode(data); err == nil {
			return again, true
		}
		fallthrough
	case err != nil:
		at, text := yamlvalue.Explain(data, err)
		s.Report(dag.Error, dag.Position{File: s.File, Line: at.Line, Column: at.Column}, text)
		return nil, false
	}
	return root, true
}

// checkBytes checks size and encoding and drops a byte order mark.
func checkBytes(s reading.Scope, data []byte, anySize bool) ([]byte, bool) {
	if len(data) > MaxSize && !anySize {
		s.Errorf(nil, "the file has %d bytes, more than %d: split it", len(data), MaxSize)
		return nil, false
	}
	data = bytes.TrimPrefix(data, []byte("\ufeff"))
	if utf8.Valid(data) {
		return data, true
	}
	bad := 0
	for bad < len(data) {
		r, size := utf8.DecodeRune(data[bad:])
		if r == utf8.RuneError && size == 1 {
			break
		}
		bad += size
	}
	at := yamlvalue.Offset(data, bad)
	s.Report(dag.Error, dag.Position{File: s.File, Line: at.Line, Column: at.Column}, "the file is not UTF-8 text: save it as UTF-8")
	return nil, false
}

// secondDocumentError says that a file holds more than one document.
type secondDocumentError struct{ node *yaml.Node }

func (e *secondDocumentError) Error() string { return "more than one document" }

// Decode returns the root node of the only document, nil for an empty file.
func Decode(data []byte) (root *yaml.Node, err error) {
	// The decoder panics on some malformed input; a stranger's file must not end the program.
	defer func() {
		if p := recover(); p != nil {
			root, err = nil, fmt.Errorf("yaml: the parser gave up: %v", p)
		}
	}()
	decoder := yaml.NewDecoder(bytes.NewReader(data))
	var document, next yaml.Node
	if err := decoder.Decode(&document); err != nil {
		if errors.Is(err, io.EOF) {
			return nil, nil
		}
		return nil, err
	}
	switch err := decoder.Decode(&next); {
	case err == nil:
		return nil, &secondDocumentError{&next}
	case !errors.Is(err, io.EOF):
		return nil, err
	}
	return document.Content[0], nil
}
