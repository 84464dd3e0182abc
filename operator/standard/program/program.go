// Package program holds the operator that is a program: any executable that reads one JSON object and answers with
// frames, one a line. docs/exec.md is the page about it.
package program

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
	"unicode/utf8"

	"github.com/dingdag/dingdag/connections"
	"github.com/dingdag/dingdag/operator"
	"github.com/dingdag/dingdag/operator/standard/process"
	"github.com/dingdag/dingdag/params"
)

//go:generate go run github.com/dingdag/dingdag/params/docgen

//go:embed docs_gen.json
var docsJSON string

// Specs returns the operators of this package.
func Specs() []operator.Spec {
	return []operator.Spec{execSpec(operator.Docs(params.ParseDocs(docsJSON)))}
}

// ExecOperator runs a program that brings an operator, in any language.
//
// The program reads one JSON object on its standard input: what task and run it is, args, conf and the connections
// that the task names. It writes frames on its standard output, one JSON object a line: log, xcom, progress, result, skip, fail and
// reschedule. What it prints on standard error is the task log. docs/exec.md has all of it, with examples in Python and shell.
//
// A program that exits with a code other than 0 fails the task, and so does a line of its standard output that is no frame; that is a
// mistake which another try would make again, so there is none. When the task times out or is stopped, all processes of the program
// get SIGTERM and, 5 seconds later, SIGKILL, as those of bash. It sees the same variables as a command of bash.
//
// The program is not a part of the version of the DAG: what lies at its place when a try begins is what runs.
type ExecOperator struct {
	// Program is the path of the program, or a list of it and its arguments. A relative path with a slash is in the folder of the DAG
	// file; a name without one is looked for in the PATH of the worker.
	Program []string `yaml:"program" param:"required,single,template"`
	// Args is a mapping that the program gets, as args of its input.
	Args map[string]any `yaml:"args" param:"template"`
	// Connections are the ids of the connections that the program gets with their secrets, as connections of its input. It gets no
	// others, and none by its environment.
	Connections []string `yaml:"connections" param:"single,template"`
	// Env replaces the environment of the program. Null inherits the worker's, without
	// connections, sensitive variables and keys unless the setting pass_env lets them through.
	Env map[string]string `yaml:"env" param:"template"`
	// AppendEnv adds env to the inherited environment instead of replacing it.
	AppendEnv bool `yaml:"append_env" param:"default=false"`
	// Cwd is the working directory, which must exist. Null is a temporary directory
	// that is removed afterwards.
	Cwd string `yaml:"cwd" param:"template"`
	// Repeatable says that the program may run again after a crash of dingdag while it ran. False ends such a try as failed
	// and leaves the decision to people.
	Repeatable bool `yaml:"repeat_safe" param:"default=true"`
}

var (
	_ operator.Operator      = (*ExecOperator)(nil)
	_ operator.RepeatChecker = (*ExecOperator)(nil)
)

func execSpec(docs operator.Option) operator.Spec {
	return operator.Define[ExecOperator]("exec", docs,
		operator.Example("A program in the folder of the DAG file", `
program: ./count.sh
args: {table: orders, day: "{{ ds }}"}
`),
		operator.Example("A program with arguments that gets the secrets of one connection", `
program: [./fetch.sh, --all]
connections: inbox
`),
	)
}

// Validate checks what tags cannot say.
func (o *ExecOperator) Validate() error {
	if len(o.Program) == 0 || o.Program[0] == "" {
		return params.At("program", errors.New("program is empty: give a path, or a list of a path and arguments"))
	}
	return nil
}

// RepeatSafe reports whether the program may run again after a crash.
func (o *ExecOperator) RepeatSafe() bool { return o.Repeatable }

// The bounds of one run of a program.
const (
	// linger is how long those that a program left running may write.
	linger = 5 * time.Second
	// maxXComs bounds the XComs of a try, in bytes of their keys and values.
	maxXComs = 16 << 20
	// maxLogLine is where longer lines are split in the log.
	maxLogLine = 16 << 10
)

// Execute runs the program and returns its result.
func (o *ExecOperator) Execute(ctx context.Context, tc *operator.TaskContext) (any, error) {
	path, err := o.path(tc)
	if err != nil {
		return nil, err
	}
	text, err := o.input(ctx, tc)
	if err != nil {
		return nil, err
	}
	dir, remove, err := process.Directory(o.Cwd)
	if err != nil {
		return nil, err
	}
	defer remove()
	within, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	out := process.NewOutput(ctx, tc, "utf-8")
	t := newTry(ctx, tc)
	tc.Log.InfoContext(ctx, "running the program", "path", path)
	err = process.Run(within, tc, process.Program{
		Path: path, Args: o.Program[1:], Dir: dir, Env: process.Environ(tc, o.Env, o.AppendEnv), Input: text, Linger: linger,
		Read: func(r io.Reader) {
			t.err = t.frames.read(r)
			if wrong, ok := errors.AsType[*FrameError](t.err); t.err != nil && !errors.Is(t.err, errHeld) && (!ok || !wrong.Half) {
				cancel(t.err)                 // it is stopped: what comes after is not understood
				_, _ = io.Copy(io.Discard, r) // until it has ended
			}
		},
	}, out)
	return t.outcome(filepath.Base(path), err, out.Tail())
}

// path finds the program.
func (o *ExecOperator) path(tc *operator.TaskContext) (string, error) {
	name := o.Program[0]
	if strings.ContainsRune(filepath.ToSlash(name), '/') {
		path, err := tc.FileInFolder(name)
		if err != nil {
			return "", err
		}
		return filepath.Abs(path)
	}
	path, err := exec.LookPath(name)
	if err != nil {
		return "", operator.Fail(fmt.Errorf("no program %q in the PATH of the worker: install it there, or give its path, which is ./%s for one in the folder of the DAG file", name, name))
	}
	return filepath.Abs(path)
}

// try is what one run of a program says.
type try struct {
	ctx    context.Context //nolint:containedctx // of one run of one program
	tc     *operator.TaskContext
	frames reader
	// err is why the frames ended before their end.
	err    error
	xcoms  map[string]int // bytes by key
	stored int
}

func newTry(ctx context.Context, tc *operator.TaskContext) *try {
	t := &try{ctx: ctx, tc: tc, xcoms: map[string]int{}}
	mask := tc.Masker
	if mask == nil {
		mask = connections.NewMasker()
	}
	t.frames = reader{mask: mask, take: t.take, wrong: func(e *FrameError) error { return e }}
	return t
}

// take does what a frame says.
func (t *try) take(f Frame) error {
	switch f.Kind {
	case Log:
		t.log(f.Level, f.Text)
	case XCom:
		t.stored += len(f.Key) + len(f.Value) - t.xcoms[f.Key]
		t.xcoms[f.Key] = len(f.Key) + len(f.Value)
		if t.stored > maxXComs {
			return &FrameError{Line: f.Line, Err: fmt.Errorf("the XComs of one try have more than %d bytes: keep large data in files or a database", maxXComs)}
		}
		if err := t.tc.XCom.Push(f.Key, f.Value); err != nil {
			return &FrameError{Line: f.Line, Err: err}
		}
	case Progress:
		if t.tc.Progress == nil {
			return nil
		}
		if err := t.tc.Progress.Save(t.ctx, progressKey, string(f.Value)); err != nil {
			return fmt.Errorf("keep the progress of line %d: %w", f.Line, err)
		}
	case Result, Skip, Fail, Reschedule: // the end of the program decides whether they count
	}
	return nil
}

// log writes the lines of a text. Secrets are hidden before it is cut.
func (t *try) log(level slog.Level, text string) {
	for line := range strings.Lines(t.frames.mask.Mask(text)) {
		line = strings.TrimRight(line, "\r\n")
		for len(line) > maxLogLine {
			cut := maxLogLine
			for cut > 0 && !utf8.RuneStart(line[cut]) {
				cut--
			}
			t.tc.Log.Log(t.ctx, level, line[:cut]) //nolint:sloglint // the line is the message
			line = line[cut:]
		}
		t.tc.Log.Log(t.ctx, level, line) //nolint:sloglint // the line is the message
	}
}

// outcome is what the end of the program and its frames come to. Name is that of the program, tail the end of its log.
func (t *try) outcome(name string, err error, tail string) (any, error) {
	stopped, wasStopped := errors.AsType[process.StoppedError](err)
	wrong, isWrong := errors.AsType[*FrameError](t.err)
	exit, exited := errors.AsType[*exec.ExitError](err)
	switch {
	case wasStopped && t.ctx.Err() != nil:
		return nil, fmt.Errorf("%s was stopped: %w", name, stopped.Cause)
	case isWrong && !wrong.Half:
		return nil, operator.Fail(fmt.Errorf("%s: %w", name, wrong))
	case t.err != nil && !isWrong && !errors.Is(t.err, errHeld):
		return nil, fmt.Errorf("%s: %w", name, t.err)
	case exited && t.frames.last != nil && t.frames.last.Kind == Fail:
		return nil, operator.Fail(fmt.Errorf("%s: %s", name, t.frames.last.Text))
	case exited:
		return nil, fmt.Errorf("%s %s%s%s", name, endOf(exit), t.unfinished(wrong), tail)
	case isWrong: // half a frame; cancelling for it may have been faster than the end of the program
		return nil, fmt.Errorf("%s: %w%s", name, wrong, tail)
	case err != nil:
		return nil, startError(name, err)
	}
	if errors.Is(t.err, errHeld) {
		t.tc.Log.WarnContext(t.ctx, "the program has ended and a process that it left running holds its output open: what that writes from now on is not read")
	}
	return t.said(name)
}

// said is what the last frame comes to, when the program has ended well.
func (t *try) said(name string) (any, error) {
	last := t.frames.last
	switch {
	case last == nil:
		return nil, nil
	case last.Kind == Skip:
		return nil, operator.Skip(last.Text)
	case last.Kind == Fail:
		return nil, operator.Fail(fmt.Errorf("%s: %s", name, last.Text))
	case last.Kind == Reschedule:
		reason := last.Text
		if reason == "" {
			reason = name + " is to run again in " + last.Wait.String()
		}
		return nil, operator.ComeAgain(last.Wait, reason)
	case string(last.Value) == "null":
		return nil, nil
	}
	return last.Value, nil
}

// unfinished is what an error about the end of the program has to add.
func (t *try) unfinished(wrong *FrameError) string {
	switch {
	case wrong != nil:
		return fmt.Sprintf(", within a frame in line %d of its output", wrong.Line)
	case t.frames.last != nil:
		return fmt.Sprintf("; its %s counts only with exit code 0", t.frames.last.Kind)
	}
	return ""
}

// endOf is how a program ended that did not end well.
func endOf(exit *exec.ExitError) string {
	if exit.Exited() {
		return fmt.Sprintf("ended with exit code %d", exit.ExitCode())
	}
	return fmt.Sprintf("ended by %v", exit.ProcessState)
}

// startError says why a program could not start. Most of it stays as it is until somebody does something.
func startError(name string, err error) error {
	switch {
	case errors.Is(err, fs.ErrPermission):
		return operator.Fail(fmt.Errorf("run %s: %w: make it an executable file, with chmod +x", name, err))
	case errors.Is(err, syscall.ENOEXEC):
		return operator.Fail(fmt.Errorf("run %s: %w: its first line has to name its interpreter, such as #!/bin/sh, or it has to be built for this machine", name, err))
	case errors.Is(err, fs.ErrNotExist):
		return operator.Fail(fmt.Errorf("run %s: %w: there is no such program on this machine, or not the interpreter that its first line names", name, err))
	}
	return fmt.Errorf("run %s: %w", name, err)
}
