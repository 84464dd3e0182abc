package client

import (
	"slices"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/dingdag/dingdag/cli/internal/command"
	"github.com/dingdag/dingdag/cli/internal/reach"
	"github.com/dingdag/dingdag/cli/internal/settings"
	"github.com/dingdag/dingdag/cli/internal/show"
)

// The flags that name a server.
const (
	serverFlag = "server"
	tokenFlag  = "token"
)

// Attach gives a program whose arguments are args the flags --server and --token. A command for which a server is named runs
// there, if it is one of those that do, see [reach.Class].
func Attach(root *cobra.Command, args []string, o show.IO, version string) {
	f := root.PersistentFlags()
	f.String(serverFlag, "", "URL of the server on which the command runs (default $"+settings.ServerVariable+"; none is here)")
	f.String(tokenFlag, "", "API token for it, or @FILE; better in $"+settings.TokenVariable+", since others can read a command line")
	all := caller{root: root, args: args, io: o, version: version}
	all.wrap(root)
}

// caller calls commands on servers.
type caller struct {
	root    *cobra.Command
	args    []string
	io      show.IO
	version string
}

// wrap has a command and those below it run on the server that is named, if one is.
func (c *caller) wrap(cmd *cobra.Command) {
	for _, sub := range cmd.Commands() {
		c.wrap(sub)
	}
	r := reach.Of(cmd)
	if cmd.RunE == nil || r.Class == reach.Local {
		return
	}
	here, words := cmd.RunE, cmd.ValidArgsFunction
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if server, typed := c.server(cmd); server != "" {
			return c.call(cmd, r, args, server, typed)
		}
		return here(cmd, args)
	}
	if words != nil {
		cmd.ValidArgsFunction = func(cmd *cobra.Command, args []string, typed string) ([]string, cobra.ShellCompDirective) {
			if server, _ := c.server(cmd); server != "" {
				return nil, cobra.ShellCompDirectiveNoFileComp // those of this machine would be wrong
			}
			return words(cmd, args, typed)
		}
	}
}

// server is the one that is named, and whether the command line does.
func (c *caller) server(cmd *cobra.Command) (server string, typed bool) {
	return c.value(cmd, serverFlag, settings.ServerVariable)
}

// value is that of a flag, or else of a variable of the environment.
func (c *caller) value(cmd *cobra.Command, flag, variable string) (value string, typed bool) {
	if f := cmd.Flags().Lookup(flag); f != nil && f.Changed {
		return f.Value.String(), true
	}
	if c.io.LookupEnv != nil {
		value, _ = c.io.LookupEnv(variable)
	}
	return value, false
}

// call calls a command on a server.
func (c *caller) call(cmd *cobra.Command, r reach.Reach, args []string, server string, typed bool) error {
	name := cmd.CommandPath()
	if r.Class != reach.Remote {
		return command.Usagef("%s works on the home folder of its own machine: run it on the machine of the server, without --%s and %s", name, serverFlag, settings.ServerVariable)
	}
	if flag := settings.ServersFlag(cmd); flag != "" {
		return command.Usagef("--%s is about the machine on which the command runs, and that is %s: leave it out", flag, without(server))
	}
	o := Options{
		Server: server, Typed: typed, Reads: r.Reads, Writes: r.Writes, Edits: r.Edits, Version: c.version, IO: c.io,
	}
	o.Token, _ = c.value(cmd, tokenFlag, settings.TokenVariable)
	if c.io.LookupEnv != nil {
		o.Timezone, _ = c.io.LookupEnv(settings.TimezoneVariable)
	}
	flags, err := c.flags(cmd)
	if err != nil {
		return err
	}
	if o.Names = args; r.FileFlag != "" {
		o.Names = []string{cmd.Flags().Lookup(r.FileFlag).Value.String()}
	}
	o.Args = slices.Concat(words(cmd), flags, []string{"--"}, args)
	code, err := Run(cmd.Context(), o)
	if err != nil {
		return err
	}
	if code == command.Done {
		return nil
	}
	return command.ExitedError(code)
}

// words are those of a command, below the root.
func words(cmd *cobra.Command) (all []string) {
	for at := cmd; at.HasParent(); at = at.Parent() {
		all = append(all, at.Name())
	}
	slices.Reverse(all)
	return all
}

// flags are the flags of a command line as they were typed, but for those that name the server.
func (c *caller) flags(cmd *cobra.Command) (flags []string, err error) {
	_, rest, err := c.root.Find(c.args)
	if err != nil {
		return nil, err
	}
	err = cmd.Flags().ParseAll(rest, func(f *pflag.Flag, value string) error {
		if f.Name != serverFlag && f.Name != tokenFlag {
			flags = append(flags, "--"+f.Name+"="+value)
		}
		return nil
	})
	return flags, err
}
