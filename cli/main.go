// Package cli is the command line of Dingdag, and the only place that knows concrete
// operators, callbacks, stores and sources. A program that brings its own operators
// calls [Main] with their specs and has the same commands.
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"
	_ "time/tzdata" // zones come from an embedded database, not the host's

	"github.com/spf13/cobra"

	"github.com/dingdag/dingdag/access"
	"github.com/dingdag/dingdag/callbacks"
	"github.com/dingdag/dingdag/cli/internal/app"
	"github.com/dingdag/dingdag/cli/internal/asks"
	"github.com/dingdag/dingdag/cli/internal/chat"
	"github.com/dingdag/dingdag/cli/internal/client"
	"github.com/dingdag/dingdag/cli/internal/command"
	"github.com/dingdag/dingdag/cli/internal/credentials"
	"github.com/dingdag/dingdag/cli/internal/demo"
	"github.com/dingdag/dingdag/cli/internal/health"
	"github.com/dingdag/dingdag/cli/internal/nodes"
	"github.com/dingdag/dingdag/cli/internal/people"
	"github.com/dingdag/dingdag/cli/internal/reach"
	"github.com/dingdag/dingdag/cli/internal/reference"
	"github.com/dingdag/dingdag/cli/internal/remote"
	"github.com/dingdag/dingdag/cli/internal/settings"
	"github.com/dingdag/dingdag/cli/internal/show"
	"github.com/dingdag/dingdag/cli/internal/signals"
	"github.com/dingdag/dingdag/cli/internal/signin"
	"github.com/dingdag/dingdag/cli/internal/standalone"
	"github.com/dingdag/dingdag/cli/internal/upkeep"
	"github.com/dingdag/dingdag/operator"
	"github.com/dingdag/dingdag/tasklog"
)

// Extensions is what an embedding program adds to the built-in parts.
type Extensions struct {
	// Operators are further operators that DAG files may name.
	Operators []operator.Spec
	// Callbacks are further callbacks, and Senders deliver their messages, by name.
	Callbacks []callbacks.Spec
	Senders   map[string]callbacks.Sender
	// Functions are Go functions that DAG files may name as callbacks.
	Functions []callbacks.Function
	// LogStores are further places for task logs that the setting log_store may name by a URL, by its scheme, such as s3;
	// key is that of the setting log_store_key, or empty.
	LogStores map[string]func(url, key string) (tasklog.Store, error)
	// AtExit is called before [Main] ends the program; nil does nothing.
	AtExit func()
}

// Main runs the command line and exits. The specs are operators beside the built-in
// ones; see [MainWith] for callbacks.
func Main(specs ...operator.Spec) { MainWith(Extensions{Operators: specs}) }

// MainWith is [Main] for programs that bring more than operators.
func MainWith(x Extensions) {
	collectLate()
	ctx, stop := signals.Notify(context.Background())
	code := Run(ctx, os.Args[1:], IO{In: os.Stdin, Out: os.Stdout, Err: os.Stderr, LookupEnv: os.LookupEnv, Environ: os.Environ}, x)
	stop()
	if x.AtExit != nil {
		x.AtExit()
	}
	os.Exit(code)
}

// IO is what commands read and write.
type IO struct {
	In       io.Reader
	Out, Err io.Writer
	// LookupEnv reads the environment.
	LookupEnv func(string) (string, bool)
	// Environ lists the environment as [os.Environ] does: what is secret in it is hidden in
	// output, commands of tasks get the rest, and names that are nobody's are told. With nil
	// the first and the last are left out.
	Environ func() []string
}

// Run runs one command and returns its exit code: 0 done, 1 failed, 2 usage.
func Run(ctx context.Context, args []string, o IO, x Extensions) int {
	a := app.New(show.IO{In: o.In, Out: o.Out, Err: o.Err, LookupEnv: o.LookupEnv, Environ: o.Environ}, clock, parts(x))
	root := newRoot(a)
	client.Attach(root, args, a.IO, version) //nolint:contextcheck // a command has its own
	return execute(ctx, a, root, args)
}

// execute runs a command and closes what it used.
func execute(ctx context.Context, a *app.App, root *cobra.Command, args []string) int {
	root.SetArgs(args)
	root.SetIn(a.In)
	root.SetOut(a.Out)
	root.SetErr(a.Err)
	cmd, err := root.ExecuteContextC(ctx)
	return finish(a, cmd, err)
}

// finish closes what a command used, tells its error and returns its exit code.
func finish(a *app.App, cmd *cobra.Command, err error) int {
	if cerr := a.Close(); err == nil {
		err = cerr
	}
	if err != nil && !errors.Is(err, command.ErrQuiet) {
		fmt.Fprintln(a.Err, "error:", show.Shown(a.Err, a.Mask(err.Error())))
		if command.IsUsage(err) {
			fmt.Fprintf(a.Err, "see %s --help\n", cmd.CommandPath())
		}
	}
	return command.ExitCode(err)
}

// call runs a command for somebody on another machine, on the home folder of the host.
func call(ctx context.Context, host *app.App, c *remote.Call) int {
	a := host.Guest(ctx, c)
	root := newRoot(a)
	allow := func(cmd *cobra.Command, args []string) error {
		if flag := settings.ServersFlag(cmd); flag != "" {
			return command.Usagef("--%s is of the server, which runs with its own settings: leave it out", flag)
		}
		return reach.Of(cmd).Allow(ctx, c.Who, reach.Call{Cmd: cmd, Args: args, Program: c.Program, Find: func(ctx context.Context, id string) (access.DAG, error) {
			s, err := a.OpenStore(ctx)
			if err != nil {
				return access.DAG{}, err
			}
			return a.Browser(s, nil).AccessDAG(ctx, id)
		}})
	}
	cmd, rest, err := root.Find(c.Args)
	host.Log().Info("a command from another machine", "user", c.Who.User, "address", c.Who.Address, "command", cmd.CommandPath())
	if err == nil && reach.Of(cmd).Class != reach.Remote { // nor does the library do anything of its own, such as to complete words
		if err = cmd.ValidateArgs(rest); err == nil {
			err = allow(cmd, rest)
		}
		return finish(a, cmd, err)
	}
	root.PersistentPreRunE = func(cmd *cobra.Command, args []string) error {
		settings.ReadFlags(cmd, a.Flags)
		if _, err := a.ReadSettings(); err != nil { // at home they are read with the store, which is open here
			return err
		}
		return allow(cmd, args)
	}
	return execute(ctx, a, root, c.Args)
}

func newRoot(a *app.App) *cobra.Command {
	root := &cobra.Command{
		Use:   "dingdag",
		Short: "Airflow's semantics in one binary, with DingTalk as a first-class citizen",
		Long: `Dingdag runs DAGs written in YAML (the dag-factory dialect) with Airflow's semantics,
and tells people in DingTalk what they need to know.`,
		Example: `  dingdag demo                          # see it work, without an account
  dingdag dags test my_dag              # run one DAG here and now
  dingdag standalone                    # scheduler and workers in one process`,
		SilenceErrors:    true,
		SilenceUsage:     true,
		PersistentPreRun: func(cmd *cobra.Command, _ []string) { settings.ReadFlags(cmd, a.Flags) },
	}
	addVersionFlag(root, a)
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return command.UsageError{Err: err} })
	settings.AddFlags(root)
	root.AddCommand(
		demo.New(a), standalone.New(a, version), standalone.NewScheduler(a, version), standalone.NewWorker(a), demo.NewSandbox(a), newCmdDAGs(a), newCmdBackfill(a), newCmdTasks(a), credentials.NewConnections(a), newCmdPools(a), credentials.NewVariables(a), newCmdAssets(a), newCmdAlerts(a), asks.New(a), chat.New(a), health.New(a), nodes.New(a), people.New(a), signin.NewUsers(a), signin.NewTokens(a), newCmdEvents(a), upkeep.NewDB(a),
		reference.NewOperators(a), reference.NewKeys(a), reference.NewSchema(a), newCmdVersion(a),
	)
	command.Group(root)
	return root
}

// clock is where the time of a command comes from.
func clock() time.Time { return time.Now() } //nolint:forbidigo // the clock of the program starts here
