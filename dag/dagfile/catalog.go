package dagfile

import (
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/dingdag/dingdag/dag/templatefile"
	"github.com/dingdag/dingdag/yamlvalue"
)

// Catalog tells the loader which operators, callbacks and triggers exist and checks their
// parameters. The loader knows none of them itself.
type Catalog interface {
	// Operator resolves a short name or a dotted path. found is false for an
	// unknown name; hint then says what to use instead or which name is near,
	// and may be empty.
	Operator(name string) (entry Entry, found bool, hint string)
	// Callback does the same for callbacks.
	Callback(name string) (entry Entry, found bool, hint string)
	// Trigger does the same for the triggers of asset watchers.
	Trigger(name string) (entry Entry, found bool, hint string)
	// OperatorParams lists every parameter name of every operator, for default_args.
	OperatorParams() []string
	// Refused says what to do instead of a parameter that some operator refuses, and is
	// empty for any other.
	Refused(param string) string
}

// Entry is one operator, callback or trigger as the loader sees it.
type Entry interface {
	// Name is the registered short name.
	Name() string
	// Params lists the names of its own parameters.
	Params() []string
	// Refused says what to do instead of a parameter that it refuses, and is empty for any
	// other.
	Refused(param string) string
	// Schema is the JSON Schema of one of its parameters, nil when any value may fit.
	Schema(param string) map[string]any
	// Sensor reports whether the common sensor parameters apply.
	Sensor() bool
	// Check decodes args (a mapping node) strictly and reports every problem: unknown and
	// missing keys, wrong types and values, template syntax.
	Check(args *yaml.Node) []Problem
}

// FileChecker is implemented by an [Entry] whose parameters may name or include template
// files.
type FileChecker interface {
	// CheckFiles reports what is wrong with those files, and reads them through files, which takes them for the version of
	// the DAG.
	CheckFiles(args *yaml.Node, files *templatefile.Collector) []Problem
}

// Chooser is implemented by an [Entry] of an operator that chooses among the tasks after
// it.
type Chooser interface {
	// Targets lists the ids that the parameters name, without those of templates, and is
	// nil for an operator that chooses nothing.
	Targets(args *yaml.Node) []string
}

// Asker is implemented by an [Entry] of an operator that asks people.
type Asker interface {
	// Asks reports whether the operator does so.
	Asks() bool
}

// Problem is one finding about a node.
type Problem struct {
	// Line and Column are those of the node; 0 means the task as a whole.
	Line, Column int
	// Field is the parameter that it is about, empty for none in particular.
	Field   string
	Warning bool
	Text    string
	// Near leads to a place inside of the node, the best text first. Where it is found
	// in the file, Said stands for Text.
	Near []Near
	Said string
}

// excerptName shortens the name of an operator or notifier and leaves its class whole: of
// a dotted path that is the last part.
func excerptName(s string) string {
	const most, longest = 60, 200
	runes := []rune(s)
	dot := strings.LastIndexByte(s, '.')
	class := []rune(s[dot+1:])
	if len(runes) <= most || dot < 0 || len(class) > longest {
		return yamlvalue.Excerpt(s)
	}
	start := max(most-len(class), 10)
	return string(runes[:min(start, len(runes)-len(class)-1)]) + "…." + string(class)
}
