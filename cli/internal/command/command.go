// Package command holds what all commands share in how they are called: their arguments,
// their flags, and how they end.
package command

import (
	"errors"
	"fmt"
	"io/fs"
	"strconv"

	"github.com/spf13/cobra"
)

// Exit codes of every command.
const (
	Done   = 0
	Failed = 1
	Usage  = 2
)

// ErrQuiet ends a command as failed without another word: it has said everything.
var ErrQuiet = errors.New("failed")

// UsageError is a mistake on the command line or in the configuration: exit code [Usage].
type UsageError struct{ Err error }

func (e UsageError) Error() string { return e.Err.Error() }
func (e UsageError) Unwrap() error { return e.Err }

// Usagef makes a [UsageError], as [fmt.Errorf] makes an error.
func Usagef(format string, args ...any) error { return UsageError{fmt.Errorf(format, args...)} }

// ExitedError ends a command with an exit code, without another word: it has said everything.
type ExitedError int

func (e ExitedError) Error() string { return "exit code " + strconv.Itoa(int(e)) }

// Is makes it an [ErrQuiet].
func (e ExitedError) Is(target error) bool { return target == ErrQuiet }

// ExitCode is that of a command that ended with err: [Done] for nil.
func ExitCode(err error) int {
	code, exited := errors.AsType[ExitedError](err)
	switch {
	case err == nil:
		return Done
	case exited:
		return int(code)
	case IsUsage(err):
		return Usage
	}
	return Failed
}

// IsUsage reports whether err comes from a [UsageError].
func IsUsage(err error) bool {
	_, ok := errors.AsType[UsageError](err)
	return ok
}

// NoArgs is cobra's check as a usage error that names what is too much, ExactArgs and
// [RangeArgs] name what is missing too.
func NoArgs(_ *cobra.Command, args []string) error {
	if len(args) > 0 {
		return Usagef("unexpected argument %q", args[0])
	}
	return nil
}

// ExactArgs wants each of the named arguments.
func ExactArgs(names ...string) cobra.PositionalArgs { return RangeArgs(len(names), names...) }

// RangeArgs wants the first least of the named arguments and takes the others.
func RangeArgs(least int, names ...string) cobra.PositionalArgs {
	return func(_ *cobra.Command, args []string) error {
		switch {
		case len(args) < least:
			return Usagef("missing argument %s", names[len(args)])
		case len(args) > len(names):
			return Usagef("unexpected argument %q", args[len(names)])
		}
		return nil
	}
}

// Argument is one of the arguments of a command line, or empty.
func Argument(args []string, i int) string {
	if i < len(args) {
		return args[i]
	}
	return ""
}

// Number reads the number of a thing, from 1 on. The thing has its article; list is the command that lists all.
func Number(text, thing, list string) (int64, error) {
	id, err := strconv.ParseInt(text, 10, 64)
	if err != nil || id < 1 {
		return 0, Usagef("%q is not the number of %s: see %s", text, thing, list)
	}
	return id, nil
}

// CompleteWords offers the given words for a flag that the command has.
func CompleteWords(cmd *cobra.Command, flag string, words ...string) {
	err := cmd.RegisterFlagCompletionFunc(flag, cobra.FixedCompletions(words, cobra.ShellCompDirectiveNoFileComp))
	if err != nil {
		panic(err) // the flag was added a line before
	}
}

// MapIndexFlag chooses among the instances of a mapped task.
func MapIndexFlag(cmd *cobra.Command, mapIndex *int) {
	cmd.Flags().IntVar(mapIndex, "map-index", -1, "instance of a mapped task; -1 is the first")
}

// Group makes a command that only groups others, and those below it, say what they have.
func Group(c *cobra.Command) {
	if c.HasSubCommands() && c.RunE == nil {
		c.Args = func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return nil
			}
			cmd.SuggestionsMinimumDistance = 2 // cobra sets it only for the root
			err := fmt.Errorf("unknown command %q for %q", args[0], cmd.CommandPath())
			if s := cmd.SuggestionsFor(args[0]); len(s) > 0 {
				err = fmt.Errorf("%w; did you mean %q?", err, s[0])
			}
			return UsageError{err}
		}
		c.RunE = func(cmd *cobra.Command, _ []string) error { return cmd.Help() }
	}
	for _, sub := range c.Commands() {
		Group(sub)
	}
}

// WithoutOp drops the system call's name from a file error.
func WithoutOp(err error) error {
	if pe, ok := errors.AsType[*fs.PathError](err); ok {
		return fmt.Errorf("%s: %w", pe.Path, pe.Err)
	}
	return err
}
