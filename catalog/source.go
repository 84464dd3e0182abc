package catalog

import (
	"fmt"
	"slices"

	"gopkg.in/yaml.v3"

	"github.com/dingdag/dingdag/dag/dagfile"
	"github.com/dingdag/dingdag/dag/templatefile"
	"github.com/dingdag/dingdag/operator"
	"github.com/dingdag/dingdag/params"
	"github.com/dingdag/dingdag/yamlvalue"
)

// checkSources takes the files for the version of the DAG whose code an operator runs.
func (e entry[I]) checkSources(args *yaml.Node, files *templatefile.Collector) []dagfile.Problem {
	if _, ok := any(e.spec.New()).(operator.Sourcer); !ok {
		return nil
	}
	op, problems := e.spec.Decode(args)
	if params.Failed(problems) {
		return nil // told already
	}
	code := any(op).(operator.Sourcer) //nolint:forcetypeassert // seen a moment ago
	own := files.Folders()
	defer files.In(own)
	folders := slices.Clone(own)
	for _, folder := range code.SourceFolders() {
		if !slices.Contains(folders, folder) {
			folders = append(folders, folder)
		}
	}
	files.In(folders)
	files.Use()
	var out []dagfile.Problem
	for _, p := range params.Findings(code.Sources(folders, files.Read)) {
		out = append(out, placed(args, p))
	}
	if left := files.LeftOut(); left != "" {
		out = append(out, dagfile.Problem{Warning: true, Text: fmt.Sprintf("Python files: left out of the version of the DAG: %s; %s. "+
			"The task can use these only on a machine that has the folder", left, templatefile.Bound())})
	}
	return out
}

// placed is a finding at the parameter that it is about.
func placed(args *yaml.Node, p params.Problem) dagfile.Problem {
	out := dagfile.Problem{Field: p.Field, Warning: p.Warning, Text: p.Text}
	if _, value := yamlvalue.Lookup(args, p.Field); value != nil {
		out.Line, out.Column = value.Line, value.Column
	}
	return out
}
