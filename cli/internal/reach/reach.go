// Package reach says of each command how it goes with a server: whether it runs there for somebody on another machine, what
// right that needs and to which DAG, or whether it is of one machine alone. What is not in its table runs for nobody else.
package reach

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/dingdag/dingdag/access"
	"github.com/dingdag/dingdag/cli/internal/command"
)

// Class is where a command runs when there is a server.
type Class int

// The classes.
const (
	// Unknown is a command that nobody has thought about: it runs where it is called, and not for others.
	Unknown Class = iota
	// Local works on the machine where it is called, whether there is a server or not.
	Local
	// Machine works on the home folder in a way that only somebody on its machine may: with a server it is refused.
	Machine
	// Remote runs on the server for whoever may.
	Remote
)

// String is the name of the class in lists.
func (c Class) String() string { return [...]string{"unknown", "local", "machine", "remote"}[c] }

// Subject is what a call is about.
type Subject int

// The subjects.
const (
	// AllDAGs is for calls that concern all DAGs, or one that they do not name: who is limited to some may not.
	AllDAGs Subject = iota
	// NoDAG is for what belongs to no DAG, see [access.Identity.May].
	NoDAG
	// NamedDAG is for calls that name a DAG. One that does not is about all.
	NamedDAG
	// OwnDAGs is for calls that name a DAG or not, and then are about those of whoever calls: lists have these alone, and what has a
	// number and is of another DAG is not there. The command keeps to that by asking package api, see Visible in its options.
	OwnDAGs
)

// Reach is how a command goes with a server. All but Class are for the class [Remote].
type Reach struct {
	Class  Class
	Action access.Action
	About  Subject
	// Args is how many arguments there must be for the first of them to be the DAG; 0 is one.
	Args int
	// Most is with how many arguments at most the first is the DAG; 0 is any number.
	Most int
	// DAGFlag is the flag that names the DAG instead of the first argument; where Args is negative only the flag does, and
	// arguments name something else, so that a call with some is about all DAGs.
	DAGFlag string
	// Numbered says that the arguments are numbers or names of something else than a DAG.
	Numbered bool
	// Wide are flags with which a call is about all DAGs, whatever it names.
	Wide []string
	// More are flags that need another right.
	More map[string]access.Action
	// Refused are flags that are of the server's machine, with the reason.
	Refused map[string]string
	// Reads, Writes and Edits say what the command does with the files of whoever calls it: those that its arguments name, or
	// where FileFlag is set those that this flag does.
	Reads, Writes, Edits bool
	FileFlag             string
}

// Path is that of a command below the root: "dags list".
func Path(cmd *cobra.Command) string {
	_, path, _ := strings.Cut(cmd.CommandPath(), " ")
	return path
}

// Of is the reach of a command. One that only groups others is local: it prints help.
func Of(cmd *cobra.Command) Reach {
	if r, ok := table[Path(cmd)]; ok {
		return r
	}
	if cmd.HasSubCommands() || cmd.Name() == "help" || cmd.HasParent() && cmd.Parent().Name() == "completion" {
		return Reach{Class: Local}
	}
	return Reach{}
}

// Paths are those of the commands in the table.
func Paths() []string { return slices.Sorted(maps.Keys(table)) }

// Call is a call of a command.
type Call struct {
	Cmd  *cobra.Command
	Args []string
	// Program is how whoever calls it calls the program.
	Program string
	// Find says what the right to a DAG depends on.
	Find func(ctx context.Context, id string) (access.DAG, error)
}

// Allow is nil when somebody may make a call on a server. Otherwise it says why not: a [command.UsageError], or one that wraps
// an [access.DeniedError].
func (r Reach) Allow(ctx context.Context, who access.Identity, c Call) error {
	name := c.Cmd.CommandPath()
	switch r.Class {
	case Remote:
	case Machine:
		return command.Usagef("%s works on the home folder itself: run it on the machine of the server", name)
	case Local:
		return command.Usagef("%s works on the machine where it is called: run it there without a server", name)
	default:
		return command.Usagef("%s cannot be called from another machine", name)
	}
	action := r.Action
	for _, flag := range slices.Sorted(maps.Keys(r.Refused)) {
		if c.Cmd.Flags().Changed(flag) {
			return command.Usagef("--%s: %s: run it on the machine of the server", flag, r.Refused[flag])
		}
	}
	for flag, needs := range r.More {
		if c.Cmd.Flags().Changed(flag) {
			action = max(action, needs)
		}
	}
	id, named := r.dag(c)
	if !named || r.Numbered {
		switch {
		case r.About == NoDAG || who.DAGs.All():
			return who.Require(action, nil)
		case r.About == OwnDAGs && action != access.Configure && action.Role() <= who.Role && r.own(c):
			return nil
		}
		err := (&access.DeniedError{User: who.User, Has: who.Role, Action: action}).Error()
		if r.About == NamedDAG && r.Args >= 0 && action.Role() <= who.Role {
			return fmt.Errorf("%w; name one of them: %s %s DAG", deniedError{err}, c.Program, Path(c.Cmd))
		}
		return deniedError{err}
	}
	if !who.DAGs.All() && strings.ContainsAny(id, `*?[\`) {
		return deniedError{fmt.Sprintf("%s may not %s: %q may be several DAGs, and the user or the token is limited to some; name one of these", who.User, action, id)}
	}
	if who.DAGs.All() || who.Role < action.Role() { // nothing depends on the DAG
		return who.Require(action, &access.DAG{ID: id})
	}
	d, err := c.Find(ctx, id)
	if err != nil {
		return err
	}
	return who.Require(action, &d)
}

// own reports whether a call that names no DAG is about those of whoever calls: whatever else it may name is looked up among them.
func (r Reach) own(c Call) bool {
	if slices.ContainsFunc(r.Wide, c.Cmd.Flags().Changed) {
		return false
	}
	if r.Args < 0 || r.Numbered { // its arguments are numbers
		return true
	}
	named := r.DAGFlag != "" && c.Cmd.Flags().Lookup(r.DAGFlag).Value.String() != ""
	return !named && (len(c.Args) == 0 || c.Args[0] == "")
}

// dag is the one that a call names.
func (r Reach) dag(c Call) (id string, named bool) {
	if r.About != NamedDAG && r.About != OwnDAGs || slices.ContainsFunc(r.Wide, c.Cmd.Flags().Changed) {
		return "", false
	}
	flag := ""
	if r.DAGFlag != "" {
		flag = c.Cmd.Flags().Lookup(r.DAGFlag).Value.String()
	}
	n := len(c.Args)
	switch {
	case r.Args < 0:
		return flag, flag != "" && n == 0
	case n >= max(r.Args, 1) && (r.Most == 0 || n <= r.Most) && c.Args[0] != "":
		// A command that is given both refuses them unless they are the same.
		return c.Args[0], flag == "" || flag == c.Args[0]
	default:
		return flag, flag != "" && n == 0
	}
}

// deniedError says that somebody who is limited to some DAGs may not do something.
type deniedError struct{ text string }

func (d deniedError) Error() string { return d.text }
