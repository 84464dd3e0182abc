// Package reference has the commands that tell what DAG files may hold, and bring files of older
// versions up to date.
package reference

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/jedib0t/go-pretty/v6/text"
	"github.com/spf13/cobra"

	"github.com/dingdag/dingdag/callbacks"
	"github.com/dingdag/dingdag/cli/internal/app"
	"github.com/dingdag/dingdag/cli/internal/command"
	"github.com/dingdag/dingdag/cli/internal/show"
	"github.com/dingdag/dingdag/operator"
	"github.com/dingdag/dingdag/params"
	"github.com/dingdag/dingdag/params/declare"
	"github.com/dingdag/dingdag/trigger"
)

// NewOperators makes the command operators.
func NewOperators(a *app.App) *cobra.Command {
	cmd := &cobra.Command{
		Use: "operators", Short: "List and describe the operators, notifiers and triggers that DAG files may name",
		Example: "  dingdag operators list\n  dingdag operators show dingding",
	}
	cmd.AddCommand(newCmdOperatorsList(a), newCmdOperatorsShow(a), newCmdOperatorsDocs(a))
	return cmd
}

// described is what people are told about an operator, a notifier or a trigger.
type described struct {
	Name     string             `json:"name"`
	Summary  string             `json:"summary"`
	Doc      string             `json:"doc"`
	Aliases  []string           `json:"aliases"`
	Sensor   bool               `json:"sensor"`
	Params   []describedParam   `json:"params"`
	Examples []describedExample `json:"examples"`
	// Definition is that of one which a file defines.
	Definition *describedExample `json:"definition,omitempty"`
}

type describedParam struct {
	Name      string   `json:"name"`
	Type      string   `json:"type"`
	Default   string   `json:"default"`
	Enum      []string `json:"enum,omitempty"`
	Required  bool     `json:"required"`
	Templated bool     `json:"templated"`
	Files     []string `json:"template_ext,omitempty"`
	Secret    bool     `json:"secret"`
	Doc       string   `json:"doc"`
}

type describedExample struct {
	Title string `json:"title"`
	YAML  string `json:"yaml"`
}

// describe describes a spec. Examples become whole: key is what a DAG file names it under.
func describe[I any](key string, s declare.Spec[I]) described {
	d := described{
		Name: s.Name, Summary: s.Summary(), Doc: s.Doc(), Sensor: s.Sensor,
		Aliases: []string{}, Params: describeParams("", s.Fields()), Examples: []describedExample{},
	}
	for _, alias := range s.Aliases {
		d.Aliases = append(d.Aliases, alias.Path)
	}
	for _, e := range s.Examples {
		whole := key + ": " + s.Name
		if own := strings.TrimSpace(e.YAML); own != "{}" {
			whole += "\n" + own
		}
		d.Examples = append(d.Examples, describedExample{e.Title, whole})
	}
	return d
}

// describeParams lists parameters and, behind each, those that are nested in it.
func describeParams(prefix string, fields []params.Field) []describedParam {
	list := []describedParam{}
	for _, f := range fields {
		list = append(list, describedParam{prefix + f.Name, f.Type, f.Default, f.Enum, f.Required, f.Template || f.Late, f.Files, f.Secret, f.Doc})
		list = append(list, describeParams(prefix+f.Name+".", f.Fields)...)
	}
	return list
}

// kind is what a DAG file may name.
type kind struct {
	// name is what people call it.
	name string
	// describe describes all that there are, by name.
	describe func(a *app.App) ([]described, error)
	// find finds one by any of its names.
	find func(a *app.App, name string) (described, error)
}

func operators() kind {
	ofProgram := describeAll("operator", (*app.App).Operators)
	return kind{"operator", func(a *app.App) ([]described, error) {
		list, err := ofProgram(a)
		if err != nil {
			return nil, err
		}
		own, err := customOperators(a)
		if err != nil {
			return nil, err
		}
		for _, o := range own {
			d, err := describeCustom(o)
			if err != nil {
				return nil, err
			}
			list = append(list, d)
		}
		return list, nil
	}, findOperator}
}

func notifiers() kind {
	return kind{"notifier", describeAll("callback", (*app.App).Notifiers), findNotifier}
}

func triggers() kind {
	all := func(*app.App) (*trigger.Registry, error) { return app.Triggers() }
	return kind{"trigger", describeAll("trigger", all), findTrigger}
}

// describeAll describes all that a registry has.
func describeAll[I any, R interface{ Specs() []declare.Spec[I] }](key string, registry func(*app.App) (R, error)) func(*app.App) ([]described, error) {
	return func(a *app.App) ([]described, error) {
		reg, err := registry(a)
		if err != nil {
			return nil, err
		}
		var list []described
		for _, s := range reg.Specs() {
			list = append(list, describe(key, s))
		}
		return list, nil
	}
}

// kindFlags say of what kind is meant.
type kindFlags struct{ callbacks, triggers bool }

func (f *kindFlags) add(cmd *cobra.Command) {
	cmd.Flags().BoolVar(&f.callbacks, "callbacks", false, "the notifiers that on_failure_callback and the like may name, instead of operators")
	cmd.Flags().BoolVar(&f.triggers, "triggers", false, "the triggers that watchers of assets may name, instead of operators")
}

func (f *kindFlags) kind() (kind, error) {
	switch {
	case f.callbacks && f.triggers:
		return kind{}, command.Usagef("--callbacks and --triggers exclude each other: leave one out")
	case f.callbacks:
		return notifiers(), nil
	case f.triggers:
		return triggers(), nil
	}
	return operators(), nil
}

func newCmdOperatorsList(a *app.App) *cobra.Command {
	var (
		output string
		of     kindFlags
	)
	cmd := &cobra.Command{
		Use: "list", Short: "List the operators, or with --callbacks the notifiers, with --triggers the triggers",
		Example: "  dingdag operators list\n  dingdag operators list --callbacks -o json", Args: command.NoArgs,
		RunE: func(*cobra.Command, []string) error { return runOperatorsList(a, of, output) },
	}
	of.add(cmd)
	show.OutputFlag(cmd, &output)
	return cmd
}

func runOperatorsList(a *app.App, of kindFlags, output string) error {
	if err := show.CheckOutput(output); err != nil {
		return err
	}
	k, err := of.kind()
	if err != nil {
		return err
	}
	list, err := k.describe(a)
	if err != nil {
		return err
	}
	l := show.List{Columns: []string{strings.ToUpper(k.name[:1]) + k.name[1:], "What it does"}}
	for _, d := range list {
		l.Add(d, d.Name, d.Summary)
	}
	return l.Print(a.Out, output)
}

func newCmdOperatorsShow(a *app.App) *cobra.Command {
	var (
		output string
		of     kindFlags
	)
	cmd := &cobra.Command{
		Use: "show NAME", Short: "Describe an operator by its short name or Airflow's dotted path",
		Example: `  dingdag operators show bash
  dingdag operators show airflow.providers.dingding.operators.dingding.DingdingOperator -o yaml
  dingdag operators show dingding --callbacks
  dingdag operators show dingtalk --triggers`,
		Args: command.ExactArgs("NAME"),
		ValidArgsFunction: func(_ *cobra.Command, args []string, prefix string) ([]string, cobra.ShellCompDirective) {
			return completeOperators(a, args, prefix, of)
		},
		RunE: func(_ *cobra.Command, args []string) error { return runOperatorsShow(a, args[0], of, output) },
	}
	of.add(cmd)
	show.OutputFlag(cmd, &output)
	return cmd
}

func completeOperators(a *app.App, args []string, prefix string, of kindFlags) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	k, err := of.kind()
	if err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	list, err := k.describe(a)
	if err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	var out []string
	for _, d := range list {
		if strings.HasPrefix(d.Name, prefix) {
			out = append(out, d.Name+"\t"+d.Summary)
		}
	}
	return out, cobra.ShellCompDirectiveNoFileComp
}

func runOperatorsShow(a *app.App, name string, of kindFlags, output string) error {
	if err := show.CheckOutput(output); err != nil {
		return err
	}
	k, err := of.kind()
	if err != nil {
		return err
	}
	d, err := k.find(a, name)
	if err != nil {
		return err
	}
	switch output {
	case "json":
		return show.JSON(a.Out, d)
	case "yaml":
		return show.YAML(a.Out, d)
	case "plain":
		l := show.List{}
		for _, p := range d.Params {
			l.Add(p, p.Name, p.Type, p.Default, strconv.FormatBool(p.Required), strconv.FormatBool(p.Templated), show.OneLine(p.Doc))
		}
		return l.Print(a.Out, output)
	}
	_, err = fmt.Fprint(a.Out, manual(d))
	return err
}

func findOperator(a *app.App, name string) (described, error) {
	reg, err := a.Operators()
	if err != nil {
		return described{}, err
	}
	s, ok := reg.Lookup(name)
	if ok {
		return describe("operator", s), nil
	}
	own, err := customOperators(a)
	if err != nil {
		return described{}, err
	}
	for _, o := range own {
		if o.Name == name || slices.Contains(o.Aliases, name) {
			return describeCustom(o)
		}
	}
	why, rejected := operator.Rejected(name)
	return described{}, unknownSpec("operator", name, why, rejected, reg.Suggest(name))
}

func findNotifier(a *app.App, name string) (described, error) {
	reg, err := a.Notifiers()
	if err != nil {
		return described{}, err
	}
	s, ok := reg.Lookup(name)
	if ok {
		return describe("callback", s), nil
	}
	why, rejected := callbacks.Rejected(name)
	return described{}, unknownSpec("notifier", name, why, rejected, reg.Suggest(name))
}

func findTrigger(_ *app.App, name string) (described, error) {
	reg, err := app.Triggers()
	if err != nil {
		return described{}, err
	}
	s, ok := reg.Lookup(name)
	if ok {
		return describe("trigger", s), nil
	}
	return described{}, unknownSpec("trigger", name, "", false, reg.Suggest(name))
}

// unknownSpec is the error about a name that no registry has.
func unknownSpec(kind, name, why string, rejected bool, near string) error {
	switch {
	case rejected:
		return fmt.Errorf("no %s %q: %s", kind, name, why)
	case near != "":
		return fmt.Errorf("no %s %q; did you mean %q?", kind, name, near)
	}
	return fmt.Errorf("no %s %q", kind, name)
}

// sensorNote stands on the pages of sensors.
const sensorNote = "The parameters of every sensor apply too: poke_interval, timeout, mode and others."

// manual is the page about an operator, notifier or trigger for a terminal.
func manual(d described) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n\n%s\n", d.Name, indent(wrap(d.Doc), 2))
	if len(d.Params) > 0 {
		b.WriteString("\nParameters\n")
	}
	for _, p := range d.Params {
		fmt.Fprintf(&b, "\n  %s  %s\n", p.Name, strings.Join(append(traits(p), defaultOf(p)...), ", "))
		if p.Doc != "" {
			fmt.Fprintln(&b, indent(wrap(p.Doc), 4))
		}
	}
	if d.Sensor {
		fmt.Fprintf(&b, "\n%s\n", indent(sensorNote, 2))
	}
	if e := d.Definition; e != nil {
		fmt.Fprintf(&b, "\n%s\n\n%s\n", e.Title, indent(e.YAML, 2))
	}
	for _, e := range d.Examples {
		fmt.Fprintf(&b, "\nExample: %s\n\n%s\n", e.Title, indent(e.YAML, 2))
	}
	if len(d.Aliases) > 0 {
		fmt.Fprintf(&b, "\nAlso known as\n\n%s\n", indent(strings.Join(d.Aliases, "\n"), 2))
	}
	return b.String()
}

// traits says in words what the tags of a parameter say about its values.
func traits(p describedParam) []string {
	list := []string{p.Type}
	if len(p.Enum) > 0 {
		list = append(list, "one of "+strings.Join(p.Enum, " | "))
	}
	if p.Templated {
		list = append(list, "templated")
	}
	if len(p.Files) > 0 {
		list = append(list, "or the name of a file that ends in "+strings.Join(p.Files, " or "))
	}
	if p.Secret {
		list = append(list, "secret")
	}
	return list
}

func defaultOf(p describedParam) []string {
	switch {
	case p.Required:
		return []string{"required"}
	case p.Default == "":
		return nil
	}
	return []string{"default " + p.Default}
}

// textWidth is the width of paragraphs on a terminal.
const textWidth = 88

func wrap(paragraphs string) string { return text.WrapSoft(paragraphs, textWidth) }

// indent puts spaces before each line that is not empty, and none at its end.
func indent(block string, spaces int) string {
	lines := strings.Split(strings.TrimSpace(block), "\n")
	for i, line := range lines {
		lines[i] = strings.TrimRight(strings.Repeat(" ", spaces)+line, " ")
	}
	return strings.Join(lines, "\n")
}
