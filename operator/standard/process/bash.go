package process

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/dingdag/dingdag/operator"
)

// TempPrefix begins the names of temporary folders, of which workingPrefix are the working
// directories of commands.
const (
	TempPrefix    = "dingdag-"
	workingPrefix = TempPrefix + "bash-"
)

// killGrace is how long the processes of a command have between SIGTERM and SIGKILL.
const killGrace = 5 * time.Second

// Bash runs a text in bash, in a folder and an environment, and waits for the end. Its error is an
// [exec.ExitError], a [StoppedError], or why it could not be run.
func Bash(ctx context.Context, tc *operator.TaskContext, text, dir string, env []string, out *Output) error {
	c := command{args: []string{"bash", "-c", text}, dir: dir, env: env}
	if path, err := exec.LookPath(c.args[0]); err == nil {
		c.path = path
	}
	err := c.noted(tc, func() error {
		c.announce(ctx, out)
		return run(ctx, c, out, killGrace)
	})
	if code, known := returnCode(err); known {
		c.ended(ctx, out, code)
	}
	return err
}

// Program is a program with its arguments, for [Run].
type Program struct {
	// Path is where it lies.
	Path string
	Args []string
	// Dir is its working directory, Env its environment, see [Directory] and [Environ].
	Dir string
	Env []string
	// Files are what it has as its file descriptors from 3 on. Run closes them here, whatever comes.
	Files []*os.File
	// Input is what it finds on its standard input. It need not read it. Nil is nothing.
	Input []byte
	// Read takes its standard output, nil has it logged. It reads until it gets an error: [io.EOF] at the end, [os.ErrClosed] when
	// the program was stopped or somebody held the output open for too long.
	Read func(io.Reader)
	// Linger is how long those that the program left running may write when it has ended; 0 is for ever.
	Linger time.Duration
}

// Run runs a program as [Bash] runs a text. The log has what it prints, and nothing else.
func Run(ctx context.Context, tc *operator.TaskContext, p Program, out *Output) error {
	c := command{args: append([]string{p.Path}, p.Args...), path: p.Path, dir: p.Dir, env: p.Env, files: p.Files, input: p.Input, read: p.Read, linger: p.Linger}
	defer c.closeFiles() // where it cannot be noted
	return c.noted(tc, func() error { return run(ctx, c, out, killGrace) })
}

// noted gives a command its mark and calls do while there is a note about it.
func (c *command) noted(tc *operator.TaskContext, do func() error) (err error) {
	c.mark = newMark()
	temporary := c.dir
	if !strings.HasPrefix(filepath.Base(temporary), workingPrefix) {
		temporary = ""
	}
	if c.note, err = newNote(tc, c.mark, temporary); err != nil {
		return err
	}
	defer c.note.over()
	return do()
}

// returnCode is how a command ended by itself, as Python has it: a signal is a negative
// number.
func returnCode(err error) (code string, known bool) {
	if err == nil {
		return "0", true
	}
	exit, ok := errors.AsType[*exec.ExitError](err)
	if !ok {
		return "", false
	}
	if status, ok := exit.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		return strconv.Itoa(-int(status.Signal())), true
	}
	return strconv.Itoa(exit.ExitCode()), true
}

// Directory returns the working directory, a temporary one for "", and a function that
// cleans up after it.
func Directory(cwd string) (dir string, remove func(), err error) {
	if cwd == "" {
		dir, err = os.MkdirTemp("", workingPrefix)
		if err != nil {
			return "", nil, fmt.Errorf("make a working directory: %w", err)
		}
		// What the command leaves behind must not fail a task that succeeded.
		return dir, func() { _ = os.RemoveAll(dir) }, nil
	}
	switch info, err := os.Stat(cwd); {
	case err != nil:
		return "", nil, fmt.Errorf("use the working directory: %w", err)
	case !info.IsDir():
		return "", nil, fmt.Errorf("use the working directory: %s is not a directory", cwd)
	}
	return cwd, func() {}, nil
}

// Environ returns the environment of a command: that of the worker, replaced by own, or
// with add joined by it.
func Environ(tc *operator.TaskContext, own map[string]string, add bool) []string {
	var env []string
	if own == nil || add {
		env = slices.Clone(tc.Environ)
		if env == nil {
			env = maskerOf(tc).ChildEnviron(os.Environ())
		}
	}
	for name, value := range own {
		env = append(env, name+"="+value)
	}
	env = append(env, tc.Traced...)
	env = append(env,
		"AIRFLOW_CTX_DAG_ID="+tc.DAGID,
		"AIRFLOW_CTX_TASK_ID="+tc.TaskID,
		"AIRFLOW_CTX_DAG_RUN_ID="+tc.RunID,
		"AIRFLOW_CTX_TRY_NUMBER="+strconv.Itoa(tc.TryNumber),
	)
	if !tc.LogicalDate.IsZero() {
		env = append(env, "AIRFLOW_CTX_LOGICAL_DATE="+tc.LogicalDate.UTC().Format("2006-01-02T15:04:05.999999-07:00"))
	}
	return env
}
