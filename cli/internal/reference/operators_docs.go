package reference

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/dingdag/dingdag/cli/internal/app"
	"github.com/dingdag/dingdag/cli/internal/command"
	"github.com/dingdag/dingdag/cli/internal/show"
)

// newCmdOperatorsDocs makes the command that go generate runs.
func newCmdOperatorsDocs(a *app.App) *cobra.Command {
	return &cobra.Command{
		Use: "docs DIR", Short: "Write a page about each operator, notifier and trigger", Example: "  dingdag operators docs docs/operators",
		Hidden: true, Args: command.ExactArgs("DIR"),
		RunE: func(_ *cobra.Command, args []string) error { return runOperatorsDocs(a, args[0]) },
	}
}

func runOperatorsDocs(a *app.App, dir string) error {
	all := map[string][]described{} // by the names of the kinds
	for _, k := range []kind{operators(), notifiers(), triggers()} {
		list, err := k.describe(a)
		if err != nil {
			return err
		}
		all[k.name] = list
	}
	if err := os.MkdirAll(dir, 0o755); err != nil { //nolint:gosec // docs are for everyone to read
		return fmt.Errorf("write pages: %w", command.WithoutOp(err))
	}
	pages := map[string]string{"README.md": docsIndex(all["operator"], all["notifier"], all["trigger"])}
	for name, list := range all {
		for _, d := range list {
			pages[d.page(prefixes[name])] = markdown(d)
		}
	}
	for name, text := range pages {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil { //nolint:gosec // as above
			return fmt.Errorf("write pages: %w", command.WithoutOp(err))
		}
	}
	return nil
}

// prefixes begin the names of pages, by the name of the kind: an operator, a notifier and a trigger may have one name.
var prefixes = map[string]string{"notifier": "notifier_", "trigger": "trigger_"} //nolint:gochecknoglobals // never changed

func (d described) page(prefix string) string { return prefix + d.Name + ".md" }

const generated = "<!-- Written by go generate from the code: change the comments there. -->\n\n"

// docsIndex lists the pages.
func docsIndex(ops, notifiers, triggers []described) string {
	var b strings.Builder
	b.WriteString(generated + "# Operators\n\nWhat a task may name as its `operator`. Examples with ids of DingTalk's own pages run in the\n[sandbox](../sandbox.md#what-it-holds-at-the-start) with ids that it knows.\n\n| operator | what it does |\n| --- | --- |\n")
	for _, d := range ops {
		fmt.Fprintf(&b, "| [`%s`](%s) | %s |\n", d.Name, d.page(""), cell(d.Summary))
	}
	b.WriteString("\n# Notifiers\n\nWhat `on_failure_callback` and its kin may name.\n\n| notifier | what it does |\n| --- | --- |\n")
	for _, d := range notifiers {
		fmt.Fprintf(&b, "| [`%s`](%s) | %s |\n", d.Name, d.page(prefixes["notifier"]), cell(d.Summary))
	}
	b.WriteString("\n# Triggers\n\nWhat the `watchers` of an asset may name: see [Messages that start DAGs](../chat.md#messages-that-start-dags).\n\n| trigger | what it waits for |\n| --- | --- |\n")
	for _, d := range triggers {
		fmt.Fprintf(&b, "| [`%s`](%s) | %s |\n", d.Name, d.page(prefixes["trigger"]), cell(d.Summary))
	}
	return b.String()
}

// markdown is the page about an operator, notifier or trigger.
func markdown(d described) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s# %s\n\n%s\n", generated, d.Name, d.Doc)
	if len(d.Params) > 0 {
		b.WriteString("\n## Parameters\n\n| parameter | type | default | meaning |\n| --- | --- | --- | --- |\n")
	}
	for _, p := range d.Params {
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", p.Name, cell(strings.Join(traits(p), ", ")), defaultCell(p), cell(p.Doc))
	}
	if d.Sensor {
		b.WriteString("\n" + sensorNote + "\n")
	}
	if e := d.Definition; e != nil {
		fmt.Fprintf(&b, "\n## Definition\n\n%s:\n\n```yaml\n%s\n```\n", e.Title, strings.TrimSpace(e.YAML))
	}
	if len(d.Examples) > 0 {
		b.WriteString("\n## Examples\n")
	}
	for _, e := range d.Examples {
		fmt.Fprintf(&b, "\n%s:\n\n```yaml\n%s\n```\n", e.Title, e.YAML)
	}
	if len(d.Aliases) > 0 {
		b.WriteString("\n## Also known as\n\n")
	}
	for _, path := range d.Aliases {
		fmt.Fprintf(&b, "- `%s`\n", path)
	}
	return b.String()
}

func defaultCell(p describedParam) string {
	switch {
	case p.Required:
		return "required"
	case p.Default == "":
		return ""
	}
	return "`" + cell(p.Default) + "`"
}

// cell fits text into a cell of a Markdown table.
func cell(text string) string { return strings.ReplaceAll(show.OneLine(text), "|", `\|`) }
