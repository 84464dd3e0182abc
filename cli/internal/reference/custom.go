package reference

import (
	"strings"

	"github.com/dingdag/dingdag/cli/internal/app"
	"github.com/dingdag/dingdag/dag/dagfile"
	"github.com/dingdag/dingdag/dag/dagfile/custom"
	"github.com/dingdag/dingdag/yamlvalue"
)

// customOperators are the operators that come with the program as YAML, and those that a file of the DAGs folder itself defines. What is wrong with
// such a file is what dags validate tells.
func customOperators(a *app.App) ([]*custom.Operator, error) {
	if _, err := a.ReadSettings(); err != nil {
		return nil, err
	}
	c, err := a.Catalog()
	if err != nil {
		return nil, err
	}
	own, _ := dagfile.NewLoader(c, dagfile.Options{}).Custom(a.Settings.DAGsFolder)
	return own, nil
}

// describeCustom describes an operator that a file defines, with its definition.
func describeCustom(o *custom.Operator) (described, error) {
	definition, err := o.Definition()
	if err != nil {
		return described{}, err
	}
	d := described{
		Name: o.Name, Doc: o.Doc, Aliases: append([]string{}, o.Aliases...), Params: []describedParam{},
		Examples: []describedExample{}, Definition: &describedExample{"How it is defined, in " + o.File, "operators:\n" + indent(definition, 2)},
	}
	d.Summary, _, _ = strings.Cut(o.Doc, "\n")
	for _, p := range o.Params {
		param := describedParam{Name: p.Name, Type: string(p.Type), Enum: p.Enum, Required: p.Required, Templated: p.Template, Doc: p.Doc}
		if p.Default != nil && yamlvalue.KindOf(p.Default) != yamlvalue.Null {
			param.Default = p.Default.Value
		}
		d.Params = append(d.Params, param)
	}
	return d, nil
}
