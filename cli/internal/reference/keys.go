package reference

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/dingdag/dingdag/cli/internal/app"
	"github.com/dingdag/dingdag/cli/internal/command"
	"github.com/dingdag/dingdag/cli/internal/show"
	"github.com/dingdag/dingdag/dag/dagfile/keys"
	"github.com/dingdag/dingdag/yamlvalue"
)

// keyTable is one of the lists of keys in a DAG file.
type keyTable struct {
	// of is the word for the command line.
	of, title, doc string
	keys           func() []keys.Description
}

func keyTables() []keyTable {
	return []keyTable{
		{"dag", "DAGs", "The keys of a DAG, and of the `default` block, which is merged into every DAG of a file.", keys.OfDAGs},
		{"group", "Task groups", "The keys of an entry of `task_groups`.", keys.OfGroups},
		{"task", "Tasks", "The keys of every task, whatever its operator. The parameters of the operator stand beside them.", keys.OfTasks},
		{"sensor", "Sensors", "The keys that a task takes besides when its operator is a sensor.", keys.OfSensors},
	}
}

// keyRow is one key as the command tells it.
type keyRow struct {
	Of string `json:"of"`
	keys.Description
}

// NewKeys makes the command keys.
func NewKeys(a *app.App) *cobra.Command {
	var output string
	tables := keyTables()
	words := make([]string, len(tables))
	for i, t := range tables {
		words[i] = t.of
	}
	cmd := &cobra.Command{
		Use:   "keys [" + strings.Join(words, " | ") + "]",
		Short: "List the keys that DAGs, groups, tasks and sensors take, with their defaults",
		Long: `Lists the keys of DAG files with type, default and meaning: those of DAGs, of task groups, of
every task, and of every sensor. The parameters of an operator are in operators show.`,
		Example:   "  dingdag keys\n  dingdag keys sensor\n  dingdag keys task -o json",
		Args:      command.RangeArgs(0, "dag, group, task or sensor"),
		ValidArgs: words,
		RunE: func(_ *cobra.Command, args []string) error {
			if err := show.CheckOutput(output); err != nil {
				return err
			}
			if len(args) == 1 && !slices.Contains(words, args[0]) {
				return command.Usagef("no keys of %q%s: there are those of %s", args[0], yamlvalue.DidYouMean(args[0], slices.Values(words)), strings.Join(words, ", "))
			}
			l := show.List{Columns: []string{"Of", "Key", "Type", "Default", "What it means"}, Once: "Of", Wrap: []string{"What it means"}, Drop: []string{"Type"}}
			for _, t := range tables {
				if len(args) == 1 && args[0] != t.of {
					continue
				}
				for _, k := range t.keys() {
					l.Add(keyRow{t.of, k}, t.of, k.Name, shortType(k), keyDefault(k), k.Doc)
				}
			}
			return l.Print(a.Out, output)
		},
	}
	show.OutputFlag(cmd, &output)
	return cmd
}

// keyType is the type of a key, with the words that may stand there.
func keyType(k keys.Description) string {
	if len(k.Enum) == 0 {
		return k.Type
	}
	return "one of " + strings.Join(k.Enum, ", ")
}

// shownWords is how many of the words of a key a table shows, and all of one or two more.
const shownWords = 3

// shortType is the type of a key for a table: the page of the keys, JSON and YAML have all words.
func shortType(k keys.Description) string {
	more := len(k.Enum) - shownWords
	if more < 3 {
		return keyType(k)
	}
	return fmt.Sprintf("one of %s and %d more", strings.Join(k.Enum[:shownWords], ", "), more)
}

// keyDefault is the default as a file would have it.
func keyDefault(k keys.Description) string {
	switch v := k.Default.(type) {
	case nil:
		return ""
	case string:
		return v
	default:
		text, err := json.Marshal(v)
		if err != nil {
			return fmt.Sprint(v)
		}
		return string(text)
	}
}

// keysPage is docs/keys.md.
func keysPage() string {
	var b strings.Builder
	b.WriteString(generated + `# Keys of DAG files

What may stand in a DAG file, with defaults. ` + "`dingdag keys`" + ` prints the same, and ` + "`dingdag schema`" + ` gives it to an editor.
The parameters of each operator and notifier are on [pages of their own](operators/README.md); [DAG files](dags.md) says how
all of it works together.

A duration is a number of seconds, a text such as ` + "`90s`, `5m`, `1h30m`, `1d` or `PT5M`" + `, or a typed timedelta. Null stands for the
default. Keys marked with * may stand in ` + "`default_args`" + ` of a DAG or a group too, for all of its tasks.
`)
	for _, t := range keyTables() {
		fmt.Fprintf(&b, "\n## %s\n\n%s\n\n| key | type | default | meaning |\n| --- | --- | --- | --- |\n", t.title, t.doc)
		for _, k := range t.keys() {
			mark, def := "", ""
			if k.InDefaultArgs {
				mark = " *"
			}
			if text := keyDefault(k); text != "" {
				def = "`" + cell(text) + "`"
			}
			fmt.Fprintf(&b, "| `%s`%s | %s | %s | %s |\n", k.Name, mark, cell(keyType(k)), def, cell(k.Doc))
		}
	}
	return b.String()
}
