package cli

import (
	"flag"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/cli/internal/app"
	"github.com/dingdag/dingdag/cli/internal/pagetest"
	"github.com/dingdag/dingdag/cli/internal/reach"
	"github.com/dingdag/dingdag/cli/internal/show"
)

// tree has the commands of the program that do something, by their paths.
func tree() map[string]*cobra.Command {
	root := newRoot(app.New(show.IO{In: strings.NewReader(""), Out: io.Discard, Err: io.Discard, LookupEnv: func(string) (string, bool) { return "", false }}, clock, parts(Extensions{})))
	all := map[string]*cobra.Command{}
	var walk func(*cobra.Command)
	walk = func(cmd *cobra.Command) {
		for _, sub := range cmd.Commands() {
			walk(sub)
		}
		if cmd.RunE != nil && (!cmd.HasSubCommands() || slices.Contains(reach.Paths(), reach.Path(cmd))) {
			all[reach.Path(cmd)] = cmd
		}
	}
	walk(root)
	return all
}

// Each command and each flag of it has been thought about: one that is new is in no row, or changes the file that the tests compare.
func TestReachOfEachCommand(t *testing.T) {
	t.Parallel()
	all := tree()
	var lines []string
	for _, path := range slices.Sorted(maps.Keys(all)) {
		cmd, r := all[path], reach.Of(all[path])
		assert.NotEqual(t, reach.Unknown, r.Class, "%s: give it a row in cli/internal/reach", path)
		var flags []string
		cmd.LocalNonPersistentFlags().VisitAll(func(f *pflag.Flag) {
			if f.Name != "help" {
				flags = append(flags, f.Name)
			}
		})
		for _, name := range slices.Concat(slices.Collect(maps.Keys(r.Refused)), slices.Collect(maps.Keys(r.More)), r.Wide, []string{r.DAGFlag}) {
			assert.True(t, name == "" || slices.Contains(flags, name), "%s has no flag --%s", path, name)
		}
		assert.Equal(t, r.Class == reach.Remote, r.Action != 0, path)
		assert.Nil(t, cmd.PersistentPreRunE, "%s would not ask who may call it", path)
		assert.Nil(t, cmd.PersistentPreRun, "%s would not ask who may call it", path)
		lines = append(lines, strings.TrimSpace(fmt.Sprintf("%s: %s: %s", path, describe(&r), strings.Join(flags, " "))))
	}
	for _, path := range reach.Paths() {
		assert.NotNil(t, all[path], "%s: there is no such command: remove its row", path)
	}
	text, golden := strings.Join(lines, "\n")+"\n", filepath.Join("testdata", "reach.txt")
	if flag.Lookup("update").Value.String() == "true" {
		require.NoError(t, os.WriteFile(golden, []byte(text), 0o600))
	}
	want, err := os.ReadFile(golden)
	require.NoError(t, err)
	assert.Equal(t, string(want), text, "look who may use what is new over a connection, then run go test ./cli -run TestReach -update")
}

// describe says how a command goes with a server.
func describe(r *reach.Reach) string {
	if r.Class != reach.Remote {
		return r.Class.String()
	}
	about := "argument 1"
	switch {
	case r.About == reach.NoDAG:
		about = "no DAG"
	case r.About == reach.AllDAGs:
		about = "all DAGs"
	case r.Numbered:
		about = "the caller's DAGs, by numbers"
	case r.Args < 0:
		about = "--" + r.DAGFlag
	case r.Args > 1:
		about = fmt.Sprintf("argument 1 of %d", r.Args)
	case r.DAGFlag != "":
		about = "argument 1 or --" + r.DAGFlag
	}
	out := []string{r.Action.String() + " of " + about}
	if r.About == reach.OwnDAGs && !r.Numbered {
		out = append(out, "or else the caller's DAGs")
	}
	for _, f := range r.Wide {
		out = append(out, "--"+f+" of all DAGs")
	}
	for _, f := range slices.Sorted(maps.Keys(r.More)) {
		out = append(out, "--"+f+" "+r.More[f].String())
	}
	for _, f := range slices.Sorted(maps.Keys(r.Refused)) {
		out = append(out, "--"+f+" refused")
	}
	if r.Reads {
		out = append(out, strings.TrimSpace("reads "+r.FileFlag))
	}
	if r.Writes {
		out = append(out, "writes")
	}
	if r.Edits {
		out = append(out, "edits")
	}
	return strings.Join(out, ", ")
}

// The page says who may call what.
func TestReachPage(t *testing.T) {
	t.Parallel()
	all := tree()
	rows := map[string][]string{}
	var here, machine []string
	for _, path := range slices.Sorted(maps.Keys(all)) {
		switch r := reach.Of(all[path]); {
		case r.Class == reach.Local:
			here = append(here, "`"+path+"`")
		case r.Class == reach.Machine:
			machine = append(machine, "`"+path+"`")
		case strings.HasPrefix(path, "dags backfill "): // is backfill
		default:
			about := map[reach.Subject]string{reach.AllDAGs: "all DAGs", reach.NoDAG: "no DAG", reach.NamedDAG: "the DAG that it names, or else all", reach.OwnDAGs: "the DAGs that one has"}[r.About]
			key := fmt.Sprintf("%d | %s (%s) | %s", r.Action, r.Action, r.Action.Role(), about)
			rows[key] = append(rows[key], "`"+path+"`")
		}
	}
	var b strings.Builder
	b.WriteString("\n| right (role) | to | commands |\n| --- | --- | --- |\n")
	for _, key := range slices.Sorted(maps.Keys(rows)) {
		_, text, _ := strings.Cut(key, " | ")
		fmt.Fprintf(&b, "| %s | %s |\n", text, strings.Join(rows[key], ", "))
	}
	fmt.Fprintf(&b, "\nThese run where they are called, with a server or without: %s. These are for the machine of the server alone: %s.\n\n", strings.Join(here, ", "), strings.Join(machine, ", "))
	pagetest.Table(t, filepath.Join("..", "docs", "remote.md"), "<!-- commands: written by go test ./cli -run TestReach -update -->\n", "<!-- end of commands -->", b.String(),
		flag.Lookup("update").Value.String() == "true", "go test ./cli -run TestReach -update")
}

// The scripts that are to run on a server do: what cannot is what the comment of [MainRemotely] names.
func TestRemotelyIsOnAServer(t *testing.T) {
	t.Parallel()
	for line, want := range map[string]string{
		"dags list -o json":                      "dags list --output=json --",
		"--home HOME pools set p 1 text":         "pools set -- p 1 text",
		"--timezone Asia/Tokyo dags list-runs d": "dags list-runs --timezone=Asia/Tokyo -- d",
		"variables get plain":                    "variables get -- plain",
		"variables get api_password":             "",
		"connections get c":                      "connections get -- c",
		"connections get c --show-secrets":       "",
		"dags test d":                            "",
		"db clean -y":                            "",
		"dags list --help":                       "",
		"dags list --nosuch":                     "",
	} {
		home := t.TempDir()
		host := app.New(show.IO{In: strings.NewReader(""), Out: io.Discard, Err: io.Discard, LookupEnv: func(name string) (string, bool) {
			return home, name == "DINGDAG_HOME"
		}}, clock, parts(Extensions{}))
		words, ok := served(t.Context(), host, strings.Fields(strings.ReplaceAll(line, "HOME", home)))
		assert.Equal(t, want != "", ok, line)
		assert.Equal(t, want, strings.Join(words, " "), line)
		assert.NoError(t, host.Close(), line)
	}
}
